"""`data:` URIs (RFC 2397): media in the address itself."""

import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from spark_assets.domain.errors import InvalidParameter

_SCHEME: Final = "data:"
_BASE64: Final = ";base64"
_LONGEST_TYPE: Final = 1024
"""Characters before the comma; the media type in them is not believed anyway."""
_PIECE: Final = 64 * 1024
"""Characters decoded at once: while it is decoded an escape takes thirty times the memory that it is long."""
_BAD_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_NOT_DATA: Final = re.compile(r"[^\x21-\x7e]")
"""What no URI contains: white space, controls, and whatever is not ASCII."""


def is_data_uri(text: str) -> bool:
    """Whether the address is its own content; the scheme is compared without case."""
    return text[: len(_SCHEME)].lower() == _SCHEME


def decode_data_uri(text: str, name: str = "URL") -> bytes:
    """The bytes in a `data:` URI, whatever media type it names. Raises InvalidParameter `name`; its message repeats nothing of them."""
    head, comma, data = text[len(_SCHEME) : len(_SCHEME) + _LONGEST_TYPE].partition(",")
    if not comma:
        raise InvalidParameter(name, "the data: URI has no comma; expected data:[<media type>][;base64],<data>")
    data = text[len(_SCHEME) + len(head) + 1 :]
    found = _from_base64(data, name) if head.lower().endswith(_BASE64) else _from_percent(data, name)
    if not found:
        raise InvalidParameter(name, "the data: URI holds no bytes")
    return found


def _from_base64(data: str, name: str) -> bytes:
    """Base64 with or without its padding; `+` and `/` may come percent-encoded."""
    plain = _from_percent(data, name).decode("latin-1") if "%" in data else data
    plain += "=" * (-len(plain) % 4)
    try:
        return binascii.a2b_base64(plain, strict_mode=True)
    except ValueError:  # also for what is not ASCII
        raise InvalidParameter(name, "the data: URI says base64, and what follows is not; check its alphabet (A-Z a-z 0-9 + /)") from None


def _from_percent(data: str, name: str) -> bytes:
    if _NOT_DATA.search(data):
        raise InvalidParameter(name, "the data: URI holds white space, control characters or others than ASCII; percent-encode them")
    if _BAD_ESCAPE.search(data):
        raise InvalidParameter(name, "the data: URI holds a percent sign without two hexadecimal digits after it")
    found, start = bytearray(), 0
    while start < len(data):
        end = start + _PIECE
        cut = data.rfind("%", end - 2, end)  # an escape that would be cut in two is left to the next piece
        end = end if cut < 0 else cut
        found += unquote_to_bytes(data[start:end])
        start = end
    return bytes(found)
