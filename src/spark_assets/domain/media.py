"""What a file is: its type, its format, and the facts measured from its bytes."""

from enum import Enum
from typing import Final

import msgspec


class AssetType(Enum):
    """The three kinds of media, in the vendor's spelling."""

    IMAGE = "Image"
    VIDEO = "Video"
    AUDIO = "Audio"


class MediaFormat(Enum):
    """A file format that the service can verify. The value is its name on the wire and in policies."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    GIF = "gif"
    HEIC = "heic"
    HEIF = "heif"
    MP4 = "mp4"
    MOV = "mov"
    WAV = "wav"
    MP3 = "mp3"

    @property
    def asset_type(self) -> AssetType:
        """The kind of media this format holds."""
        return _ASSET_TYPES.get(self, AssetType.IMAGE)

    @property
    def media_type(self) -> str:
        """The IANA media type that delivery sends."""
        return _MEDIA_TYPES[self]

    @property
    def extension(self) -> str:
        """The usual file name extension, without a dot."""
        return _EXTENSIONS.get(self, self.value)


_ASSET_TYPES: Final = {
    MediaFormat.MP4: AssetType.VIDEO,
    MediaFormat.MOV: AssetType.VIDEO,
    MediaFormat.WAV: AssetType.AUDIO,
    MediaFormat.MP3: AssetType.AUDIO,
}
_MEDIA_TYPES: Final = {
    MediaFormat.JPEG: "image/jpeg",
    MediaFormat.PNG: "image/png",
    MediaFormat.WEBP: "image/webp",
    MediaFormat.BMP: "image/bmp",
    MediaFormat.TIFF: "image/tiff",
    MediaFormat.GIF: "image/gif",
    MediaFormat.HEIC: "image/heic",
    MediaFormat.HEIF: "image/heif",
    MediaFormat.MP4: "video/mp4",
    MediaFormat.MOV: "video/quicktime",
    MediaFormat.WAV: "audio/wav",
    MediaFormat.MP3: "audio/mpeg",
}
_EXTENSIONS: Final = {MediaFormat.JPEG: "jpg", MediaFormat.TIFF: "tif"}


class MediaFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a file; nothing here comes from a header, a name or a client.

    Sizes are as displayed: after EXIF orientation, rotation and sample aspect ratio. `None`: does not apply.
    """

    format: MediaFormat
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    frame_count: int | None = None
    """Frames of a picture (1 unless animated) or packets of a video stream."""
    duration: float | None = None
    """Seconds: the longest audio or video stream, from its packets."""
    frame_rate: float | None = None
    """Video packets over the video's span, per second."""
    codec: str | None = None
    """FFmpeg's name of the leading stream's codec; None for pictures."""
    has_audio: bool = False
    """Whether a video carries a sound track."""
