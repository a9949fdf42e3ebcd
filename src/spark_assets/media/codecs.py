"""Which codecs the installed libraries bring."""

from typing import Final

import av
import pillow_heif
from PIL import __version__ as pillow_version
from PIL import features

_PICTURES: Final = ("jpg", "webp", "zlib")
_STREAMS: Final = ("h264", "hevc", "mpeg4", "aac", "mp3", "pcm_s16le")


def codec_versions() -> str:
    """The libraries and their versions, for people."""
    ffmpeg = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"Pillow {pillow_version}, libheif {pillow_heif.libheif_version()}, libavcodec {ffmpeg}"


def missing_codecs() -> list[str]:
    """Codecs that accepted files need and that are not there."""
    pictures = [name for name in _PICTURES if not features.check(name)]
    return pictures + [name for name in _STREAMS if name not in av.codecs_available]
