"""The headers of tus, read."""

import base64
from typing import Final

from spark_assets.domain.errors import InvalidParameter, MissingParameter
from spark_assets.domain.own_parameters import CALLBACK_URL
from spark_assets.web.exchange import Exchange
from spark_assets.web.uploads.receipt import Checksum

VERSION: Final = b"1.0.0"
ALGORITHMS: Final = ("sha1", "sha256", "sha512", "md5")
"""What a checksum may be made with; the first one every client and server of the extension knows."""
_FILE_NAMES: Final = frozenset({"filename"})
_IGNORED: Final = frozenset({"filetype", "relativePath"})
"""What clients send beside our fields, and nothing follows from: a file's type is found in its bytes."""
_LARGEST_NUMBER: Final = 2**53


def read_number(exchange: Exchange, header: bytes, name: str) -> int:
    """A whole number of a header. Raises MissingParameter, InvalidParameter."""
    value = exchange.header(header)
    if value is None:
        raise MissingParameter(name, f"the header {name} is required")
    if not value.isdigit() or len(value) > len(str(_LARGEST_NUMBER)):
        raise InvalidParameter(name, f"{name} must be a whole number of bytes")
    return int(value)


def read_metadata(value: bytes) -> tuple[list[tuple[str, str]], str]:
    """The texts in `Upload-Metadata`, and the name of the file. Raises InvalidParameter `Upload-Metadata`."""
    texts: list[tuple[str, str]] = []
    file_name = ""
    for pair in value.split(b",") if value else ():
        key, encoded = _read_pair(pair)
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except ValueError:  # neither base64, nor ASCII, nor UTF-8
            message = f"the value of '{key[:64]}' must be UTF-8 text in base64"
            raise InvalidParameter("Upload-Metadata", message) from None
        if key in _FILE_NAMES:
            file_name = text
        elif key not in _IGNORED:
            texts.append((key, text))
    return texts, file_name


def shown_metadata(value: bytes) -> bytes:
    """What of `Upload-Metadata` may be told again: all but the address to call back, which may carry credentials."""
    return b",".join(pair for pair in value.split(b",") if _read_pair(pair)[0] != CALLBACK_URL.name)


def _read_pair(pair: bytes) -> tuple[str, str]:
    """A key, and its value in base64."""
    key, _, encoded = pair.decode("latin-1").strip().partition(" ")
    return key, encoded.strip()


def read_checksum(exchange: Exchange) -> Checksum | None:
    """What `Upload-Checksum` promises; None without one. Raises InvalidParameter `Upload-Checksum`."""
    value = exchange.header(b"upload-checksum")
    if value is None:
        return None
    algorithm, _, encoded = value.decode("latin-1").strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise InvalidParameter("Upload-Checksum", f"the algorithm must be one of {', '.join(ALGORITHMS)}")
    try:
        return Checksum(algorithm, base64.b64decode(encoded, validate=True))
    except ValueError:  # neither base64 nor ASCII
        raise InvalidParameter("Upload-Checksum", "the checksum must be an algorithm, a space, and the hash in base64") from None
