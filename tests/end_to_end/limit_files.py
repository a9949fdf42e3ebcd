"""Makes files of an exact size, shape, length or rate and puts them on a shelf."""

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from tests.end_to_end.shelf import Shelf, declared, padded, unannounced
from tests.factories import media as make

Place = Callable[[Shelf, Path], str]
"""Puts a file on the shelf under the name of a path, in whose folder it may be made; the address."""


def file(maker: Callable[[Path], Path]) -> Place:
    """What a maker of media makes."""
    return lambda shelf, path: shelf.put(f"/{path.name}", maker(path))


def content(maker: Callable[[Path], bytes], *, announced: bool = True) -> Place:
    """Bytes, with or without their length being said before."""

    def place(shelf: Shelf, path: Path) -> str:
        made = maker(path)
        return shelf.put(f"/{path.name}", made) if announced else shelf.behave(f"/{path.name}", unannounced(made))

    return place


def literally(given: bytes) -> Place:
    """These bytes."""
    return lambda shelf, path: shelf.put(f"/{path.name}", given)


def announced(size: int) -> Place:
    """So many bytes by their announcement alone."""
    return lambda shelf, path: shelf.behave(f"/{path.name}", declared(size, bytes(1000)))


def picture(width: int, height: int) -> Place:
    """A JPEG."""
    return file(lambda path: make.make_jpeg(path, width, height, quality=20))


def movement(frames: int) -> Place:
    """An animated GIF of so many frames."""
    return file(lambda path: make.make_gif_bomb(path, 310, 310, frames))


def movie(width: int, height: int, *, seconds: float = 1.8, fps: float = 25, sound: float | None = None) -> Place:
    """An MP4, with so many seconds of sound on request."""
    return file(lambda path: make.make_video(path, width, height, seconds=seconds, fps=fps, audio=sound is not None, audio_seconds=sound))


def stretched(shown: int, height: int) -> Place:
    """An MP4 whose width is stretched to the shown one by its sample aspect ratio, so that large ones are quick to make."""
    return file(lambda path: make.make_video(path, 640, height, seconds=1.8, fps=25, sample_aspect_ratio=Fraction(shown, 640)))


def sound(samples: int) -> Place:
    """A WAV of so many samples at 8,000 a second."""
    return file(lambda path: make.make_wav(path, samples / 8000, rate=8000))


def song(seconds: float) -> Place:
    """An MP3."""
    return file(lambda path: make.make_mp3(path, seconds))


def png_of(size: int) -> Callable[[Path], bytes]:
    """A valid PNG of exactly so many bytes: a private chunk that readers skip fills it."""

    def build(path: Path) -> bytes:
        plain = make.make_png(path, 320, 320).read_bytes()
        payload = bytes(size - len(plain) - 12)
        chunk = struct.pack(">I", len(payload)) + b"spRk" + payload + struct.pack(">I", zlib.crc32(b"spRk" + payload))
        end = len(plain) - 12
        return plain[:end] + chunk + plain[end:]

    return build


def wav_of(size: int) -> Callable[[Path], bytes]:
    """A valid WAV of exactly so many bytes, an even number: a JUNK chunk fills it."""

    def build(path: Path) -> bytes:
        plain = make.make_wav(path, 2.0, rate=8000).read_bytes()
        payload = bytes(size - len(plain) - 8)
        filled = plain[:12] + b"JUNK" + struct.pack("<I", len(payload)) + payload + plain[12:]
        return filled[:4] + struct.pack("<I", len(filled) - 8) + filled[8:]

    return build


def mp4_of(size: int) -> Place:
    """A valid MP4 of exactly so many bytes: a `free` box fills it, made while it is sent."""

    def place(shelf: Shelf, path: Path) -> str:
        plain = make.make_video(path, seconds=2, fps=25).read_bytes()
        zeros = size - len(plain) - 8
        return shelf.behave(f"/{path.name}", padded(plain + struct.pack(">I", zeros + 8) + b"free", zeros))

    return place
