"""Byte ranges of a request (RFC 9110, section 14)."""

import re
from typing import Final, NamedTuple

_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class ByteRange(NamedTuple):
    """So many bytes from `start`."""

    start: int
    length: int


class NotSatisfiable(Exception):
    """The range begins behind the end."""


def parse_range(header: str, size: int) -> ByteRange | None:
    """The one range a header asks for.

    None, so that the whole is sent, for a header that is malformed, of another unit, or asks for several ranges, as the
    standard allows. Raises NotSatisfiable.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise NotSatisfiable
        return ByteRange(size - length, length)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise NotSatisfiable
    return ByteRange(start, end - start + 1)
