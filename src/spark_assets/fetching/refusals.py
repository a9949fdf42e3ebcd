"""The failures of a download, in one place so that they look alike and say nothing they must not say.

No message holds an address, a path of the server, or the URL: its query may carry credentials.
"""

import errno
from typing import Final

import aiohttp

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.fetching.address_guard import AddressRefused
from spark_assets.fetching.connection import ExcessBytes
from spark_assets.fetching.name_lookup import LookupsBusy
from spark_assets.ports.source import SourceExpired

_CODE: Final = "DownloadFailed"
_EXPIRED_STATUSES: Final = frozenset({403, 404, 410})
_MESSAGES: Final = {
    "blocked_address": "the source's address or port is not one that this server may fetch from",
    "dns_failed": "the name of the source's host could not be resolved",
    "connect_failed": "no connection to the source could be made",
    "tls_error": "the source did not prove its identity: its TLS certificate or handshake is not valid",
    "incomplete": "the connection broke before the whole file had arrived",
    "too_many_redirects": "the source redirects too often",
    "bad_response": "the source's answer is not valid HTTP or its headers are too large",
    "empty_body": "the source answered with an empty file",
    "bad_encoding": "the source sent the file compressed although it was asked not to; send it without a Content-Encoding",
}
# A connection that existed and then broke during the TLS handshake looks like a failure to connect.
_BROKEN: Final = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


class Interrupted(Exception):
    """An attempt failed in a way that another may mend; `failure` is what to report if none does.

    `retry_after`: seconds that the source asked to be left alone, where it asked.
    """

    def __init__(self, failure: IngestFailure, retry_after: float | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.retry_after = retry_after


def refuse(reason: str, message: str | None = None) -> IngestFailure:
    """`DownloadFailed` with one of its reasons and, unless one is given, the usual message for it."""
    return IngestFailure(_CODE, message or _MESSAGES[reason], reason)


def refuse_slowness(seconds: float) -> IngestFailure:
    """The download did not end by its deadline."""
    return refuse("timeout", f"the download took longer than {seconds:g} s")


def refuse_rate(bytes_per_second: int) -> IngestFailure:
    """The source sends, but so slowly that it would hold a place for nothing."""
    return refuse("timeout", f"the source sends less than {bytes_per_second} bytes a second")


def refuse_status(status: int) -> IngestFailure:
    """The source answered with another status than 200."""
    if status in _EXPIRED_STATUSES:
        return SourceExpired(_CODE, f"the source answered with HTTP status {status}: the link has probably expired", "http_status")
    return refuse("http_status", f"the source answered with HTTP status {status} instead of 200")


def refuse_length(declared: int, received: int) -> IngestFailure:
    """The body is shorter than its headers say."""
    return refuse("incomplete", f"the source declared {declared} bytes and sent {received}")


def report_spool_error() -> TransientFailure:
    """Our own disk failed, not the source."""
    return TransientFailure("InternalError", "the server could not write the file down; it will try again", "storage_unavailable")


def report_busy_lookups() -> TransientFailure:
    """Our own threads were taken, so the name was never asked for: nothing is known against the source."""
    return TransientFailure(_CODE, "too many names were being looked up at once to look up the source's", "dns_failed")


def translate(error: AddressRefused | LookupsBusy | aiohttp.ClientError) -> Exception:
    """What an error of the guard, the resolver or aiohttp means: an IngestFailure, or Interrupted if worth another attempt.

    A connection that could not be made is final, one that broke is not: so a blocked address, a closed port and an
    open one are told apart by nothing but their reason, not by the time that retries take.
    """
    match error:
        case AddressRefused():
            return refuse("blocked_address")
        case LookupsBusy():
            return report_busy_lookups()
        case aiohttp.ClientConnectorDNSError():
            return refuse("dns_failed")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return refuse("tls_error")
        case aiohttp.ClientConnectorError() if error.os_error.errno not in _BROKEN:
            return refuse("connect_failed")
        case aiohttp.ConnectionTimeoutError():
            return refuse("connect_failed", "the source did not accept a connection in time")
        case ExcessBytes():
            return refuse("incomplete", "the source sent more bytes than it declared")
        case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError():
            return Interrupted(refuse("incomplete"))
        case _:
            return refuse("bad_response")
