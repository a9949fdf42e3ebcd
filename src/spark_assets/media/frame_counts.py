"""How many frames a picture has and how large they are, told from its structure before anything is decoded."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import pillow_heif
from PIL import Image

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.domain.policy import SafetyLimits

_GIF_EXTENSION: Final = 0x21
_GIF_IMAGE: Final = 0x2C
_GIF_TRAILER: Final = 0x3B
_HEIF: Final = frozenset({MediaFormat.HEIC, MediaFormat.HEIF})


def check_canvas(path: Path, found: MediaFormat, limits: SafetyLimits) -> None:
    """Refuse a canvas that its reader would take memory for as soon as it opens the file, before it tells the size.

    Raises IngestFailure `PixelCountTooLarge`. Only the reader of WebP does so.
    """
    if found is MediaFormat.WEBP:
        with path.open("rb") as file:
            _check_pixels(_webp_pixels(file.read(30)), limits)


def bounded_frames(path: Path, image: Image.Image, found: MediaFormat, limits: SafetyLimits) -> int:
    """The number of frames of an opened picture, once it is certain that decoding them all stays within the limits.

    Raises IngestFailure `FrameCountTooLarge`, `PixelCountTooLarge`, `MediaCorrupt`.
    """
    _check_pixels(image.width * image.height, limits)
    if found is MediaFormat.JPEG:
        return 1  # what follows the picture in a multi-picture file (a gain map, a second view) is not shown
    sizes = _frame_sizes(path, image, found, limits.animation_frames + 1)
    count = pixels = 0
    for width, height in sizes:
        count += 1
        pixels += width * height
        if count > limits.animation_frames:
            raise IngestFailure(
                "FrameCountTooLarge", f"the picture has more than the maximum of {limits.animation_frames} frames (inclusive)"
            )
        _check_pixels(width * height, limits)
        if pixels > limits.animation_pixels:
            raise IngestFailure(
                "PixelCountTooLarge",
                f"the frames together have more than the maximum of {limits.animation_pixels} px (inclusive)",
            )
    return count


def _check_pixels(pixels: int, limits: SafetyLimits) -> None:
    if pixels > limits.picture_pixels:
        raise IngestFailure(
            "PixelCountTooLarge", f"pixel count {pixels} px is above the maximum of {limits.picture_pixels} px in a picture (inclusive)"
        )


def _frame_sizes(path: Path, image: Image.Image, found: MediaFormat, most: int) -> Iterator[tuple[int, int]]:
    """Width and height of each frame as it will be held in memory; the structure is read no further than `most` frames."""
    if found is MediaFormat.GIF:
        with path.open("rb") as file:
            for _ in range(_gif_frames(file, most)):
                yield image.size
    elif found is MediaFormat.TIFF:
        yield from _page_sizes(image, most)
    elif found in _HEIF and getattr(image, "n_frames", 1) > 1:
        yield from (picture.size for picture in islice(pillow_heif.open_heif(path), most))
    else:
        for _ in range(min(getattr(image, "n_frames", 1), most)):
            yield image.size


def _webp_pixels(head: bytes) -> int:
    """The pixels that the first chunk of a WebP speaks of; 0 for one that is none (RFC 9649, sections 2.5 to 2.7)."""
    kind = head[12:16]
    if kind == b"VP8X":
        return (int.from_bytes(head[24:27], "little") + 1) * (int.from_bytes(head[27:30], "little") + 1)
    if kind == b"VP8L":
        sides = int.from_bytes(head[21:25], "little")
        return ((sides & 0x3FFF) + 1) * ((sides >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        return (int.from_bytes(head[26:28], "little") & 0x3FFF) * (int.from_bytes(head[28:30], "little") & 0x3FFF)
    return 0


def _page_sizes(image: Image.Image, most: int) -> Iterator[tuple[int, int]]:
    """The pages of a TIFF, each of a size of its own; moving to a page reads its directory only."""
    for page in range(most):
        try:
            image.seek(page)
        except EOFError:
            break
        yield image.size
    image.seek(0)


def _gif_frames(file: BinaryIO, most: int) -> int:
    """Count the pictures of a GIF by walking its blocks (GIF89a specification, sections 18 to 27).

    Raises IngestFailure `MediaCorrupt` if the file ends within a block.
    """
    screen = _exactly(file, 13)
    _skip_colours(file, screen[10])
    count = 0
    while count < most:
        kind = file.read(1)
        if not kind or kind[0] == _GIF_TRAILER:
            break
        if kind[0] == _GIF_IMAGE:
            _skip_colours(file, _exactly(file, 9)[8])
            count += 1
        elif kind[0] != _GIF_EXTENSION:
            break  # trailing rubbish, which every reader ignores
        _exactly(file, 1)
        _skip_sub_blocks(file)
    return count


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        _exactly(file, 3 * 2 ** ((flags & 7) + 1))


def _skip_sub_blocks(file: BinaryIO) -> None:
    while length := _exactly(file, 1)[0]:
        _exactly(file, length)


def _exactly(file: BinaryIO, length: int) -> bytes:
    content = file.read(length)
    if len(content) < length:
        raise IngestFailure("MediaCorrupt", "the GIF ends in the middle of a block; it is damaged or incomplete")
    return content
