"""Pictures: every frame decoded once, measured as displayed, and a thumbnail taken on the way. Runs in the confined child."""

from pathlib import Path
from typing import Final

import pillow_heif
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.domain.policy import SafetyLimits
from spark_assets.media.frame_counts import bounded_frames, check_canvas
from spark_assets.media.jpeg_scans import check_scans
from spark_assets.media.previews import write_preview
from spark_assets.ports.inspector import PREVIEW_SIDE, Inspection

_READERS: Final = {
    MediaFormat.JPEG: JpegImagePlugin.JpegImageFile.format,
    MediaFormat.PNG: PngImagePlugin.PngImageFile.format,
    MediaFormat.WEBP: WebPImagePlugin.WebPImageFile.format,
    MediaFormat.BMP: BmpImagePlugin.BmpImageFile.format,
    MediaFormat.TIFF: TiffImagePlugin.TiffImageFile.format,
    MediaFormat.GIF: GifImagePlugin.GifImageFile.format,
    MediaFormat.HEIC: pillow_heif.HeifImageFile.format,
    MediaFormat.HEIF: pillow_heif.HeifImageFile.format,
}
"""Pillow's name of the one reader that may open each format."""
_ORIENTATION: Final = 0x0112
_TURNED: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange width and height."""


def prepare_readers() -> None:
    """Once in a process: register the HEIF reader and leave the bounding of pixels to our own limits, which come first."""
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    Image.MAX_IMAGE_PIXELS = None


def inspect_picture(path: Path, found: MediaFormat, preview: Path | None, limits: SafetyLimits) -> Inspection:
    """Decode every frame of the picture and measure it; write its thumbnail to `preview` if one is given.

    Raises IngestFailure `MediaCorrupt`, `FrameCountTooLarge`, `PixelCountTooLarge`; MemoryError if decoding needs more than allowed.
    """
    try:
        return _inspect(path, found, preview, limits)
    except (IngestFailure, MemoryError):
        raise
    except Exception as error:  # a reader facing hostile bytes may raise anything
        raise IngestFailure("MediaCorrupt", f"the {found.value} picture cannot be decoded: {_described(error)}") from error


def draw_thumbnail(path: Path, found: MediaFormat, preview: Path, limits: SafetyLimits) -> bool:
    """Write the thumbnail of a picture that was inspected before. True: every picture has one."""
    try:
        check_canvas(path, found, limits)
        with Image.open(path, formats=[_READERS[found]]) as image:
            bounded_frames(path, image, found, limits)
            image.draft("RGB", (PREVIEW_SIDE, PREVIEW_SIDE))
            image.load()
            write_preview(image, _orientation(image), preview)
    except (IngestFailure, MemoryError):
        raise
    except Exception as error:  # as above
        raise IngestFailure("MediaCorrupt", f"the {found.value} picture cannot be decoded: {_described(error)}") from error
    return True


def _inspect(path: Path, found: MediaFormat, preview: Path | None, limits: SafetyLimits) -> Inspection:
    if found is MediaFormat.PNG:
        _verify_checksums(path, limits)
    check_canvas(path, found, limits)
    with Image.open(path, formats=[_READERS[found]]) as image:
        frames = bounded_frames(path, image, found, limits)
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            check_scans(path, image)
        shown = image.tell()
        image.load()
        orientation = _orientation(image)
        width, height = image.size
        if orientation in _TURNED:
            width, height = height, width
        if preview is not None:
            write_preview(image, orientation, preview)
        for frame in range(frames):
            if frame != shown:  # the first one, but for a HEIF that names another
                image.seek(frame)
                image.load()
    facts = MediaFacts(format=found, width=width, height=height, frame_count=frames)
    return Inspection(facts, has_preview=preview is not None)


def _verify_checksums(path: Path, limits: SafetyLimits) -> None:
    """A PNG's chunks each carry a checksum, which decoding alone does not look at. The header is judged first."""
    with Image.open(path, formats=[_READERS[MediaFormat.PNG]]) as image:
        bounded_frames(path, image, MediaFormat.PNG, limits)
        image.verify()


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation that is still to be applied: readers of TIFF and HEIF have turned the picture already."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data are no damage to the picture
        return 1
    return value if value in range(1, 9) else 1


def _described(error: Exception) -> str:
    """The reader's complaint, unless it could name a path."""
    text = str(error)
    return text[:200] if text and "/" not in text else type(error).__name__
