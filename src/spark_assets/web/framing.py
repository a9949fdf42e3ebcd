"""What of a request's head must be unmistakable: where its body ends, and whom it was sent to.

The server below reads heads as RFC 9112 allows; a proxy before it may read the same bytes otherwise, and then one of the
two takes the end of a body for the next request. So what is doubtful is refused (RFC 9112, sections 3.2 and 6.1).
"""

from collections.abc import Iterable
from typing import Final

from spark_assets.domain.errors import InvalidParameter

_NO_HOST: Final = frozenset({"1", "1.0"})
"""HTTP/1.0, in which a request may do without; the server below then tells of an empty one."""


def find_fault(headers: Iterable[tuple[bytes, bytes]], version: str) -> InvalidParameter | None:
    """What is wrong with the head, if anything; header names are in lower case."""
    hosts = []
    codings = []
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding":
            codings.append(value.strip().lower())
    if codings and codings != [b"chunked"]:
        return InvalidParameter("Transfer-Encoding", "a body is sent as it is or chunked: the header stands once and says 'chunked'")
    if len(hosts) > 1 or (not any(hosts) and version not in _NO_HOST):
        return InvalidParameter("Host", "the header Host must be sent, and once")
    return None
