"""Previews: small pictures without metadata, made from pixels that are already decoded."""

import io
from pathlib import Path
from typing import Final

from PIL import Image, ImageCms

from spark_assets.domain.errors import TransientFailure
from spark_assets.ports.inspector import PREVIEW_FORMAT, PREVIEW_SIDE

_BACKGROUND: Final = (154, 160, 166)
"""Under transparent pictures: a grey on which black and white both show."""
_QUALITY: Final = 80
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of each EXIF orientation upright (Exif 2.32, section 4.6.4)."""


def write_preview(image: Image.Image, orientation: int, target: Path) -> None:
    """Write the decoded picture, turned upright and shrunk to PREVIEW_SIDE, in PREVIEW_FORMAT and in sRGB."""
    small = _shrink(_resizable(image))
    turn = _TURNS.get(orientation)
    if turn is not None:
        small = small.transpose(turn)
    save_preview(_to_srgb(small, image.info.get("icc_profile")), target)


def save_preview(image: Image.Image, target: Path) -> None:
    """Write a picture of the final size in PREVIEW_FORMAT, with its pixels and nothing else.

    Raises TransientFailure `storage_unavailable` if the file cannot be written.
    """
    buffer = io.BytesIO()
    _opaque(image).save(buffer, PREVIEW_FORMAT.value, quality=_QUALITY, exif=b"", icc_profile=None, comment=b"")
    try:
        target.write_bytes(buffer.getbuffer())
    except OSError as error:
        raise TransientFailure("InternalError", "the preview could not be written beside the file", "storage_unavailable") from error


def fitted(width: int, height: int) -> tuple[int, int]:
    """The size with the same proportions whose longest side is at most PREVIEW_SIDE; no side below one."""
    scale = min(1.0, PREVIEW_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _shrink(image: Image.Image) -> Image.Image:
    """By a whole factor as far as that goes, then by the rest: 1024 x 768 to 512 x 384 costs 0.6 ms so, and 3.7 ms in one step."""
    size = fitted(*image.size)
    factor = max(1, min(image.width // size[0], image.height // size[1]))
    reduced = image.reduce(factor) if factor > 1 else image
    return reduced if reduced.size == size else reduced.resize(size, Image.Resampling.BILINEAR)


def _resizable(image: Image.Image) -> Image.Image:
    """The picture in a mode whose values can be averaged, of eight bits."""
    if image.mode in ("L", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "LA", "HSV"):
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image)
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.convert("RGBA" if image.mode in ("PA", "La", "RGBa") else "L" if image.mode == "1" else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Deep grey in eight bits: 16 bits by their upper half, other depths by their own extremes."""
    wide = image.convert("F")
    low, high = (0.0, 65535.0) if image.mode.startswith("I;16") else wide.getextrema()
    if not (isinstance(low, float) and isinstance(high, float) and high > low):
        return Image.new("L", image.size)
    scale = 255.0 / (high - low)
    return wide.point(lambda value: value * scale - low * scale).convert("L")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours in sRGB. A profile that says it is sRGB is believed, and one that cannot be used is dropped."""
    if not profile or b"sRGB" in profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    mode = "RGB" if image.mode in ("CMYK", "L") else image.mode
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return converted if converted is not None else image


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA"):
        backdrop = Image.new("RGBA", image.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(backdrop, image.convert("RGBA")).convert("RGB")
    return image if image.mode in ("RGB", "L") else image.convert("RGB")
