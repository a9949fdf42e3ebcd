"""Compressed bombs: a gigabyte of zeros in every encoding that HTTP knows, in a megabyte at most, and made in milliseconds."""

import functools
import zlib
from collections.abc import Callable
from typing import Final

_SIZE: Final = 2**30
_PIECE: Final = 2**24
_ZSTD_BLOCK: Final = 2**17
_BROTLI_FIRST: Final = bytes.fromhex("cbffff3f002400e2b14072effff8ffff078004401c1680eefd9f01")
"""A window of 16 MiB, and the first 16 MiB of zeros."""
_BROTLI_NEXT: Final = bytes.fromhex("fcffff034002200e0b40f7fe8fffff7f004800c46101e8deff19")
"""16 MiB of zeros more."""


def _compress(wbits: int, mode: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return compressor.compress(bytes(_PIECE)) + compressor.flush(mode)


def make_gzip() -> bytes:
    """Members of 16 MiB, one after the other."""
    return _compress(31, zlib.Z_FINISH) * (_SIZE // _PIECE)


def make_deflate() -> bytes:
    """One stream in zlib's wrapping; blocks that refer to nothing before them are repeated."""
    return b"\x78\xda" + _compress(-15, zlib.Z_FULL_FLUSH) * (_SIZE // _PIECE) + b"\x03\x00"


def make_brotli() -> bytes:
    """One stream of 1.7 kilobytes."""
    return _BROTLI_FIRST + _BROTLI_NEXT * (_SIZE // _PIECE - 1) + b"\x03"


def make_zstd() -> bytes:
    """One frame, each block of which says one byte and how often."""
    blocks = _SIZE // _ZSTD_BLOCK
    run = (_ZSTD_BLOCK << 3 | 0b010).to_bytes(3, "little") + b"\0"
    last = (_ZSTD_BLOCK << 3 | 0b011).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x58" + run * (blocks - 1) + last


_MAKERS: Final[dict[str, Callable[[], bytes]]] = {
    "gzip": make_gzip,
    "x-gzip": make_gzip,
    "deflate": make_deflate,
    "br": make_brotli,
    "zstd": make_zstd,
}
ENCODINGS: Final = tuple(_MAKERS)
"""The values of `Content-Encoding` that there is a bomb for."""


@functools.cache
def make_bomb(encoding: str) -> bytes:
    """A gigabyte of zeros in that encoding."""
    return _MAKERS[encoding]()
