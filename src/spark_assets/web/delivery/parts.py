"""What is sent of a file: all of it, one part, or several parts in one body (RFC 9110, sections 14.4 to 14.6)."""

import secrets
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from spark_assets.web.delivery.ranges import ByteRange

Read = Callable[[int, int], AsyncIterator[bytes]]
"""Gives so many bytes from a place, in pieces."""
_END: Final = b"\r\n"


class Piece(NamedTuple):
    """Bytes that stand before a part, and the part."""

    before: bytes
    part: ByteRange


class Body(NamedTuple):
    """A body to send: status, headers that describe it, and what it is made of."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    pieces: tuple[Piece, ...]
    end: bytes = b""


def whole(size: int, media_type: str) -> Body:
    """All the bytes."""
    return Body(200, _described(media_type, size), (Piece(b"", ByteRange(0, size)),))


def parted(parts: list[ByteRange], size: int, media_type: str) -> Body:
    """One part by itself, or several with a line about each between them."""
    if len(parts) == 1:
        headers = (*_described(media_type, parts[0].length), (b"content-range", _place(parts[0], size)))
        return Body(206, headers, (Piece(b"", parts[0]),))
    boundary = secrets.token_hex(16).encode()
    about = _END + b"Content-Type: " + media_type.encode() + _END + b"Content-Range: "
    pieces = [Piece(_END + b"--" + boundary + about + _place(part, size) + 2 * _END, part) for part in parts]
    end = _END + b"--" + boundary + b"--" + _END
    length = sum(len(piece.before) + piece.part.length for piece in pieces) + len(end)
    return Body(206, _described(f"multipart/byteranges; boundary={boundary.decode()}", length), tuple(pieces), end)


async def read_body(body: Body, read: Read) -> AsyncIterator[bytes]:
    """The bytes of the body in order. None is given before the first of the file's own are there."""
    for before, part in body.pieces:
        async for piece in read(part.start, part.length):
            yield before + piece if before else piece
            before = b""
    if body.end:
        yield body.end


def _described(media_type: str, length: int) -> tuple[tuple[bytes, bytes], ...]:
    return (b"content-type", media_type.encode()), (b"content-length", str(length).encode())


def _place(part: ByteRange, size: int) -> bytes:
    return f"bytes {part.start}-{part.start + part.length - 1}/{size}".encode()
