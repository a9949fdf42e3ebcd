"""Byte ranges of a request (RFC 9110, section 14)."""

import re
from typing import Final, NamedTuple

_RANGE: Final = re.compile(r"(\d{0,18})-(\d{0,18})", re.ASCII)
_BLANKS: Final = " \t"
MOST_RANGES: Final = 8
"""Ranges in one request; nobody reads a file in more pieces at a time but to make trouble (RFC 9110, section 14.2)."""


class ByteRange(NamedTuple):
    """So many bytes from `start`."""

    start: int
    length: int


class NotSatisfiable(Exception):
    """The ranges begin behind the end."""


def parse_ranges(header: str, size: int) -> list[ByteRange] | None:
    """The ranges a header asks for, in its order, without those behind the end.

    None, so that the whole is sent, for a header that is malformed or of another unit, and for more than MOST_RANGES ranges
    or more bytes than there are, as the standard allows. Raises NotSatisfiable.
    """
    unit, _, wanted = header.strip(_BLANKS).partition("=")
    pieces = wanted.split(",")
    if unit.lower() != "bytes" or len(pieces) > MOST_RANGES:
        return None
    matches = [_RANGE.fullmatch(piece.strip(_BLANKS)) for piece in pieces]
    bounds = [match.groups() for match in matches if match is not None]
    if len(bounds) < len(pieces) or not all(_is_sound(first, last) for first, last in bounds):
        return None
    found = [part for first, last in bounds if (part := _part(first, last, size)) is not None]
    if not found:
        raise NotSatisfiable
    return found if sum(part.length for part in found) <= size else None


def _is_sound(first: str, last: str) -> bool:
    return int(first) <= int(last) if first and last else bool(first or last)


def _part(first: str, last: str, size: int) -> ByteRange | None:
    """The bytes meant; None if there are none."""
    if not first:
        length = min(int(last), size)
        return ByteRange(size - length, length) if length else None
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return ByteRange(start, end - start + 1) if start < size else None
