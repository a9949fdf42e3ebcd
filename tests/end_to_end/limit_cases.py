"""Files just inside and just outside each limit of the media policy `ark`, and files that are no such media at all."""

from typing import Final, NamedTuple

from tests.end_to_end.limit_files import (
    Place,
    announced,
    content,
    file,
    literally,
    movement,
    movie,
    mp4_of,
    picture,
    png_of,
    song,
    sound,
    stretched,
    wav_of,
)
from tests.factories import media as make

MEGABYTE: Final = 2**20


class Case(NamedTuple):
    """A file, what it is declared as, and how it must end."""

    name: str
    type: str
    place: Place
    code: str | None = None
    """None: it is accepted."""
    says: str = ""
    """What the message must hold: the measured value and the limit."""


def _below(measured: str, limit: str) -> str:
    return f"{measured} is below the minimum of {limit}"


def _above(measured: str, limit: str) -> str:
    return f"{measured} is above the maximum of {limit}"


_IMAGE_SIDE: Final = "300 px (exclusive)"
_IMAGE_LONG_SIDE: Final = "6000 px (exclusive)"
_NARROW: Final = "0.4 (inclusive)"
_WIDE: Final = "2.5 (inclusive)"
_SHORT: Final = "1.8 s (inclusive)"
_LONG: Final = "30.2 s (inclusive)"
_FEW: Final = "407696 px (inclusive)"
_MANY: Final = "8295044 px (inclusive)"

IMAGES: Final = (
    Case("an image of one byte under 30 MB", "Image", content(png_of(30 * MEGABYTE - 1))),
    Case(
        "an image of 30 MB", "Image", content(png_of(30 * MEGABYTE)),
        "FileSizeTooLarge", _above("declared file size 31457280 bytes", "30 MB for Image (exclusive)"),
    ),
    Case(
        "an image of 30 MB that does not say so", "Image", content(png_of(30 * MEGABYTE), announced=False),
        "FileSizeTooLarge", _above("file size over 31457279 bytes", "30 MB for Image (exclusive)"),
    ),
    Case("an image 301 wide", "Image", picture(301, 400)),
    Case("an image 300 wide", "Image", picture(300, 400), "WidthTooSmall", _below("width 300 px", _IMAGE_SIDE)),
    Case("an image 5999 wide", "Image", picture(5999, 2400)),
    Case("an image 6000 wide", "Image", picture(6000, 2500), "WidthTooLarge", _above("width 6000 px", _IMAGE_LONG_SIDE)),
    Case("an image 301 high", "Image", picture(400, 301)),
    Case("an image 300 high", "Image", picture(400, 300), "HeightTooSmall", _below("height 300 px", _IMAGE_SIDE)),
    Case("an image 5999 high", "Image", picture(2400, 5999)),
    Case("an image 6000 high", "Image", picture(2500, 6000), "HeightTooLarge", _above("height 6000 px", _IMAGE_LONG_SIDE)),
    Case("an image just over 0.4", "Image", picture(401, 1000)),
    Case("an image of 0.4", "Image", picture(400, 1000), "AspectRatioTooSmall", _below("width / height 0.4", "0.4 (exclusive)")),
    Case("an image just under 2.5", "Image", picture(999, 400)),
    Case("an image of 2.5", "Image", picture(1000, 400), "AspectRatioTooLarge", _above("width / height 2.5", "2.5 (exclusive)")),
    Case("an image of 1000 frames", "Image", movement(1000)),
    Case("an image of 1001 frames", "Image", movement(1001), "FrameCountTooLarge", "1000"),
    Case(
        "an image of over 100 million pixels", "Image", file(lambda path: make.make_png_bomb(path, 10001, 10000)),
        "PixelCountTooLarge", _above("pixel count 100010000 px", "100000000 px"),
    ),
)  # fmt: skip

VIDEOS: Final = (
    Case("a video of 200 MB", "Video", mp4_of(200 * MEGABYTE)),
    Case(
        "a video of one byte over 200 MB by its announcement",
        "Video",
        announced(200 * MEGABYTE + 1),
        "FileSizeTooLarge",
        _above("declared file size 209715201 bytes", "200 MB for Video (inclusive)"),
    ),
    Case("a video of 1.8 s", "Video", movie(640, 640, seconds=1.8)),
    Case("a video of 1.76 s", "Video", movie(640, 640, seconds=1.76), "DurationTooShort", _below("duration 1.76 s", _SHORT)),
    Case("a video of 30.2 s", "Video", movie(640, 640, seconds=30.2)),
    Case("a video of 30.24 s", "Video", movie(640, 640, seconds=30.24), "DurationTooLong", _above("duration 30.24 s", _LONG)),
    Case("a video whose sound alone is too long", "Video", movie(640, 640, seconds=2, sound=31), "DurationTooLong", _above(" s", _LONG)),
    # A side of 300 or 6000 breaks another limit of `ark` by necessity: that it is another one shows the side to be inside.
    Case("a video 300 wide", "Video", stretched(300, 600), "PixelCountTooSmall", _below("pixel count 180000 px", _FEW)),
    Case("a video 299 wide", "Video", stretched(299, 600), "WidthTooSmall", _below("width 299 px", "300 px (inclusive)")),
    Case("a video 6000 wide", "Video", stretched(6000, 640), "AspectRatioTooLarge", _above("width / height 9.375", _WIDE)),
    Case("a video 6001 wide", "Video", stretched(6001, 640), "WidthTooLarge", _above("width 6001 px", "6000 px (inclusive)")),
    Case("a video 300 high", "Video", movie(640, 300), "PixelCountTooSmall", _below("pixel count 192000 px", _FEW)),
    Case("a video 298 high", "Video", movie(640, 298), "HeightTooSmall", _below("height 298 px", "300 px (inclusive)")),
    Case("a video 6000 high", "Video", movie(320, 6000), "AspectRatioTooSmall", _below("width / height 0.053333", _NARROW)),
    Case("a video 6002 high", "Video", movie(320, 6002), "HeightTooLarge", _above("height 6002 px", "6000 px (inclusive)")),
    Case("a video of 0.4", "Video", movie(408, 1020)),
    Case("a video just under 0.4", "Video", movie(406, 1020), "AspectRatioTooSmall", _below("width / height 0.398039", _NARROW)),
    Case("a video of 2.5", "Video", movie(1020, 408)),
    Case("a video just over 2.5", "Video", movie(1022, 408), "AspectRatioTooLarge", _above("width / height 2.504902", _WIDE)),
    Case("a video of 407696 pixels", "Video", movie(664, 614)),
    Case("a video of 407040 pixels", "Video", movie(640, 636), "PixelCountTooSmall", _below("pixel count 407040 px", _FEW)),
    Case("a video of 8295044 pixels", "Video", stretched(2494, 3326)),
    Case("a video of 8298370 pixels", "Video", stretched(2495, 3326), "PixelCountTooLarge", _above("pixel count 8298370 px", _MANY)),
    Case("a video of 23.8 fps", "Video", movie(640, 640, seconds=5, fps=23.8)),
    Case("a video of 23.75 fps", "Video", movie(640, 640, seconds=4, fps=23.75), "FpsTooLow", _below("frame rate 23.75 fps", "23.8 fps")),
    Case("a video of 60.2 fps", "Video", movie(640, 640, seconds=5, fps=60.2)),
    Case("a video of 60.25 fps", "Video", movie(640, 640, seconds=4, fps=60.25), "FpsTooHigh", _above("frame rate 60.25 fps", "60.2 fps")),
)

SOUNDS: Final = (
    Case("a sound of 15 MB", "Audio", content(wav_of(15 * MEGABYTE))),
    Case(
        "a sound of 2 bytes over 15 MB", "Audio", content(wav_of(15 * MEGABYTE + 2)),
        "FileSizeTooLarge", _above("declared file size 15728642 bytes", "15 MB for Audio (inclusive)"),
    ),
    Case(
        "a sound of 2 bytes over 15 MB that does not say so", "Audio", content(wav_of(15 * MEGABYTE + 2), announced=False),
        "FileSizeTooLarge", _above("file size over 15728640 bytes", "15 MB for Audio (inclusive)"),
    ),
    Case("a sound of 1.8 s", "Audio", sound(14_400)),
    Case("a sound one sample short of 1.8 s", "Audio", sound(14_399), "DurationTooShort", _below("duration 1.799875 s", _SHORT)),
    Case("a sound of 30.2 s", "Audio", sound(241_600)),
    Case("a sound one sample over 30.2 s", "Audio", sound(241_601), "DurationTooLong", _above("duration 30.200125 s", _LONG)),
    Case("a song of 2 s", "Audio", song(2.0)),
    Case("a song of 1.5 s", "Audio", song(1.5), "DurationTooShort", _below(" s", _SHORT)),
    Case("a song of 30.5 s", "Audio", song(30.5), "DurationTooLong", _above(" s", _LONG)),
)  # fmt: skip

KINDS: Final = (
    Case("an image sent as Video", "Video", picture(400, 400), "TypeMismatch", "the file is an Image (jpeg), but AssetType says Video"),
    Case("a video sent as Image", "Image", movie(640, 640), "TypeMismatch", "the file is a Video (mp4), but AssetType says Image"),
    Case("a sound sent as Video", "Video", sound(16_000), "TypeMismatch", "the file is an Audio (wav), but AssetType says Video"),
    Case("an MP4 of sound alone", "Video", file(make.make_sound_in_mp4), "TypeMismatch", "no video track"),
    Case("an MP4 of sound with a cover", "Video", file(make.make_song_with_cover_mp4), "TypeMismatch", "cover picture"),
    Case("an SVG", "Image", literally(b'<svg xmlns="http://www.w3.org/2000/svg"/>'), "FormatUnsupported", "an SVG drawing"),
    Case("an HTML page", "Image", literally(b"<!DOCTYPE html><html><body>Gone</body></html>"), "FormatUnsupported", "an HTML page"),
    Case("a playlist", "Video", literally(b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/x.ts\n"), "FormatUnsupported", "an HLS playlist"),
    Case("a concat script", "Video", literally(b"ffconcat version 1.0\nfile 'library.db'\n"), "FormatUnsupported", "concat script"),
    Case("a FLAC sound", "Audio", literally(b"fLaC" + bytes(4000)), "FormatUnsupported", "a FLAC sound file"),
    Case("bytes of no format", "Image", literally(bytes(range(1, 250)) * 40), "FormatUndetectable"),
    Case("a picture cut short", "Image", content(lambda path: make.make_jpeg(path).read_bytes()[:9000]), "MediaCorrupt"),
    Case("a video cut short", "Video", content(lambda path: make.make_video(path).read_bytes()[:-40_000]), "MediaCorrupt", "incomplete"),
    Case("a sound cut short", "Audio", content(lambda path: make.make_wav(path).read_bytes()[:-4000]), "MediaCorrupt", "incomplete"),
)

CASES: Final = (*IMAGES, *VIDEOS, *SOUNDS, *KINDS)
