"""Files made to hurt, one by one through a confined child: each has its code, none takes what it promises, and the next file is served."""

import struct
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import psutil
import pytest
import pytest_asyncio

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.ingest.sniff import recognise
from spark_assets.media.sandbox import SandboxedInspector
from spark_assets.ports.source import HEAD_LENGTH
from tests.factories import hostile_pictures as pictures
from tests.factories import hostile_recordings as recordings
from tests.factories import media
from tests.integration.media.conftest import assert_still_works

pytestmark = pytest.mark.asyncio(loop_scope="module")
Maker = Callable[["Good"], bytes]
MOST_GROWTH: Final = 64 * 2**20
"""Bytes that the parent may grow by over all of them."""


class Good:
    """Files without fault, to be changed."""

    def __init__(self, folder: Path) -> None:
        self.mp4 = media.make_video(folder / "mp4", 320, 240, seconds=2.0).read_bytes()
        self.mov = media.make_mov(folder / "mov", 320, 240).read_bytes()
        self.song = media.make_mp3(folder / "mp3", 2.0, tag=False).read_bytes()
        self.sound_in_mp4 = media.make_sound_in_mp4(folder / "m4a").read_bytes()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def roomy(spool: Path) -> AsyncIterator[SandboxedInspector]:
    """One child with the limits of the product."""
    made = SandboxedInspector(spool, workers=1)
    await made.start()
    before = psutil.Process().memory_info().rss
    yield made
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH
    await made.close()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    return Good(tmp_path_factory.mktemp("good"))


async def outcome(inspector: SandboxedInspector, spool: Path, content: bytes) -> str:
    """The code of the refusal, or the facts that were measured, as words."""
    path = spool / "hostile"
    path.write_bytes(content)
    refused: IngestFailure | None = None
    try:
        facts = (await inspector.inspect(path, recognise(content[:HEAD_LENGTH]), spool / "hostile.preview")).facts
    except IngestFailure as failure:
        refused = failure
    if refused is not None:
        assert "/" not in refused.message, "a path of the server"
        return refused.code if refused.reason is None else f"{refused.code} {refused.reason}"
    assert (spool / "hostile.preview").exists() == (facts.format not in {MediaFormat.MP3, MediaFormat.WAV})
    (spool / "hostile.preview").unlink(missing_ok=True)
    return (
        f"{facts.width}x{facts.height} {facts.frame_count}"
        if facts.duration is None
        else f"{facts.width}x{facts.height} {facts.duration:.2f} s"
    )


PICTURES: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "a PNG of 3,600 million pixels": (lambda: pictures.png(60_000, 60_000, data=b""), "PixelCountTooLarge"),
    "a PNG of the largest sides": (lambda: pictures.png(2**31 - 1, 2**31 - 1, data=b""), "PixelCountTooLarge"),
    "a PNG of one pixel's width": (lambda: pictures.png(1, 65_535), "1x65535 1"),
    "a PNG of one pixel's height": (lambda: pictures.png(65_535, 1), "65535x1 1"),
    "a PNG without sides": (lambda: pictures.png(0, 0), "MediaCorrupt"),
    "a PNG whose text swells": (lambda: pictures.png_with_swelling_text(b"zTXt"), "MediaCorrupt"),
    "a PNG whose international text swells": (lambda: pictures.png_with_swelling_text(b"iTXt"), "MediaCorrupt"),
    "a PNG whose colour profile swells": (lambda: pictures.png_with_swelling_text(b"iCCP"), "MediaCorrupt"),
    "a PNG whose data go on": (pictures.png_with_swelling_data, "320x320 1"),
    "a PNG whose data end": (lambda: pictures.png(320, 320, data=zlib.compress(bytes(1000))), "MediaCorrupt"),
    "an APNG of 2,000 frames": (lambda: pictures.animated_png(64, 64, 2000), "FrameCountTooLarge"),
    "an APNG that announces one of 2,000": (lambda: pictures.animated_png(64, 64, 2000, announced=1), "64x64 1"),
    "an APNG that announces 1,000 of three": (lambda: pictures.animated_png(64, 64, 3, announced=1000), "MediaCorrupt"),
    "an APNG that announces thousands of millions": (lambda: pictures.animated_png(64, 64, 3, announced=2**31 - 1), "FrameCountTooLarge"),
    "an APNG of 1,100 million pixels": (lambda: pictures.animated_png(9_999, 9_999, 11), "PixelCountTooLarge"),
    "an APNG with a frame beyond its canvas": (lambda: pictures.animated_png(64, 64, 3, frame_width=60_000), "MediaCorrupt"),
    "a GIF whose first frame makes it huge": (lambda: pictures.gif(10, 10, (60_000, 60_000, 5_000, 5_000)), "PixelCountTooLarge"),
    "a GIF whose later frame lies beyond": (lambda: pictures.gif(10, 10, (0, 0, 10, 10), (60_000, 60_000, 5_000, 5_000)), "MediaCorrupt"),
    "a GIF of frames far beyond": (lambda: pictures.gif(9, 9, (0, 0, 9, 9), *[(8_999, 8_999, 1, 1)] * 900), "MediaCorrupt"),
    "a GIF without frames": (lambda: pictures.gif(10, 10), "MediaCorrupt"),
    "a WebP of the largest canvas": (lambda: pictures.webp(2**24, 2**24, 2), "PixelCountTooLarge"),
    "a WebP of a canvas above the limit": (lambda: pictures.webp(16_384, 16_384, 2), "PixelCountTooLarge"),
    "a WebP of 5,000 frames": (lambda: pictures.webp(64, 64, 5_000), "FrameCountTooLarge"),
    "a WebP of 1,053 million pixels": (lambda: pictures.webp(9_000, 9_000, 13), "PixelCountTooLarge"),
    "a TIFF of the largest sides": (lambda: pictures.grey_tiff(2**31, 2**31), "PixelCountTooLarge"),
    "a TIFF that leads back to itself": (lambda: pictures.grey_tiff(8, 8, next_page=8), "8x8 1"),
    "a TIFF of endless places": (lambda: pictures.grey_tiff(300, 300, (273, 4, 0xFFFFFFFF, 8)), "MediaCorrupt"),
    "a TIFF of endless channels": (lambda: pictures.grey_tiff(300, 300, (277, 3, 1, 65_535)), "MediaCorrupt"),
    "a TIFF packed as it is not": (lambda: pictures.grey_tiff(9_000, 9_000, (259, 3, 1, 5)), "MediaCorrupt"),
    "a TIFF of endless tiles": (
        lambda: pictures.grey_tiff(
            300, 300, (259, 3, 1, 5), *[(tag, 4, 1, value) for tag, value in ((322, 2**31 - 1), (323, 2**31 - 1), (324, 200), (325, 1000))]
        ),
        "MediaCorrupt",
    ),
    "a JPEG of the largest sides": (lambda: pictures.jpeg(320, 320, size=(65_500, 65_500)), "PixelCountTooLarge"),
    "a JPEG that promises more than it holds": (lambda: pictures.jpeg(320, 320, size=(9_000, 9_000)), "MediaCorrupt"),
    "a JPEG without height": (lambda: pictures.jpeg(320, 320, size=(320, 0)), "MediaCorrupt"),
    "a JPEG of one pixel's width": (lambda: pictures.jpeg(1, 65_500), "1x65500 1"),
    "a JPEG whose EXIF data have no end": (
        lambda: pictures.jpeg(320, 320, segments=pictures.segment(0xE1, pictures.exif_without_end())), "320x320 1",
    ),
    "a BMP of 3,600 million pixels": (lambda: pictures.bmp(60_000, 60_000), "PixelCountTooLarge"),
    "a BMP of a negative width": (lambda: pictures.bmp(-300, 300, data=bytes(90_000)), "PixelCountTooLarge"),
    "a BMP of the lowest height": (lambda: pictures.bmp(300, -(2**31), data=bytes(90_000)), "PixelCountTooLarge"),
    "a BMP that stands on its head": (lambda: pictures.bmp(300, -300, data=bytes(90_000)), "300x300 1"),
    "a BMP that promises more than it holds": (lambda: pictures.bmp(9_000, 9_000, data=bytes(1_000)), "MediaCorrupt"),
    "a BMP packed in nothing": (lambda: pictures.bmp(9_900, 9_900, compression=1, data=b"\0\0" * 9_900 + b"\0\1"), "MediaCorrupt"),
    "a HEIC that promises more than it holds": (lambda: pictures.heic_that_promises(320, 320, (9_000, 9_000)), "MediaCorrupt"),
    "a HEIC that promises less than it holds": (lambda: pictures.heic_that_promises(640, 640, (320, 320)), "MediaCorrupt"),
    "a HEIC whose second picture is huge": (lambda: pictures.heic_with_a_huge_second(), "PixelCountTooLarge"),
    "a HEIC that names its second picture": (lambda: pictures.heic((320, 320), (640, 480), primary=1), "640x480 2"),
    "a HEIC whose first picture is damaged, and names its second": (lambda: pictures.heic_with_a_damaged_first(), "MediaCorrupt"),
}  # fmt: skip
ONE: Final = 1 << 16
NO_SOUND: Final = "NonexNone"
RECORDINGS: Final[dict[str, tuple[Maker, str]]] = {
    "a video of thousands of millions of samples": (lambda good: recordings.endless_samples(good.mp4), "MediaCorrupt"),
    "a table of samples without size": (
        lambda good: recordings.with_table(good.mp4, b"stsz", struct.pack(">II", 0, 2**32 - 1)), "MediaCorrupt",
    ),
    "a table of times without end": (lambda good: recordings.with_table(good.mp4, b"stts", struct.pack(">I", 2**32 - 1)), "MediaCorrupt"),
    "a table of places without end": (lambda good: recordings.with_table(good.mp4, b"stco", struct.pack(">I", 2**32 - 1)), "MediaCorrupt"),
    "places behind the end": (lambda good: recordings.with_table(good.mp4, b"stco", struct.pack(">II", 1, 2**31 - 1)), "MediaCorrupt"),
    "negative durations": (lambda good: recordings.with_table(good.mp4, b"stts", struct.pack(">III", 1, 48, 2**32 - 16)), "320x240 0.00 s"),
    "a rate of 12,288 pictures a second": (
        lambda good: recordings.with_table(good.mp4, b"stts", struct.pack(">III", 1, 48, 1)), "320x240 0.00 s",
    ),
    "a matrix of nothing": (lambda good: recordings.with_matrix(good.mp4, *[0] * 9), "320x240 2.00 s"),
    "a matrix of the largest numbers": (lambda good: recordings.with_matrix(good.mp4, *[2**31 - 1] * 9), "320x240 2.00 s"),
    "a matrix that turns by a quarter": (
        lambda good: recordings.with_matrix(good.mp4, 0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30), "240x320 2.00 s",
    ),
    "a display of no size": (lambda good: recordings.with_displayed_size(good.mp4, 0, 0), "320x240 2.00 s"),
    "a display of the largest size": (lambda good: recordings.with_displayed_size(good.mp4, 65_535, 65_535), "240x240 2.00 s"),
    "pixels two thousand million times as wide as high": (
        lambda good: recordings.with_pixel_shape(good.mp4, 2**31 - 1, 1), "PixelCountTooLarge",
    ),
    "pixels 65,535 times as wide as high": (lambda good: recordings.with_pixel_shape(good.mp4, 65_535, 1), "PixelCountTooLarge"),
    "pixels of no width": (lambda good: recordings.with_pixel_shape(good.mp4, 0, 0), "320x240 2.00 s"),
    "pixels twice as wide as high": (lambda good: recordings.with_pixel_shape(good.mp4, 2, 1), "640x240 2.00 s"),
    "a promise of the largest picture": (lambda good: recordings.with_coded_size(good.mp4, 65_535, 65_535), "427x240 2.00 s"),
    "an edit before all time": (lambda good: recordings.with_edits(good.mp4, (1_000, -(2**31), ONE)), "MediaCorrupt"),
    "an edit of 49 days": (lambda good: recordings.with_edits(good.mp4, (2**32 - 1, 0, ONE)), "320x240 2.00 s"),
    "samples in another file, by address": (
        lambda good: recordings.elsewhere(good.mp4, b"url ", b"http://127.0.0.1:9/x"), "320x240 2.00 s",
    ),
    "samples in another file, by alias": (lambda good: recordings.elsewhere(good.mov, b"alis", b"/etc/passwd"), "MediaCorrupt"),
    "a reference to another movie": (lambda good: recordings.movie_of_references(b"file:///etc/passwd"), "TypeMismatch"),
    "20,000 boxes in one another": (lambda good: recordings.nested(20_000), "MediaCorrupt"),
    "20,000 tracks in one another": (lambda good: recordings.nested(20_000, b"trak"), "MediaCorrupt"),
    "5,000 tracks": (lambda good: recordings.with_many_tracks(good.mp4, 5_000), "MediaCorrupt"),
    "a video with a cover of 81 million pixels": (
        lambda good: recordings.with_cover(good.mp4, pictures.png(9_000, 9_000, data=pictures.swelling())), "320x240 2.00 s",
    ),
    "sound with a cover in a video's container": (
        lambda good: recordings.with_cover(good.sound_in_mp4, pictures.png(320, 320)), "TypeMismatch",
    ),
    "a song with a cover": (lambda good: recordings.tagged(good.song, recordings.cover(pictures.png(320, 320))), f"{NO_SOUND} 2.04 s"),
    "a song with 40 covers of 81 million pixels": (
        lambda good: recordings.tagged(good.song, *[recordings.cover(pictures.png(9_000, 9_000, data=pictures.swelling()))] * 40),
        f"{NO_SOUND} 2.04 s",
    ),
    "a song whose cover is a drawing": (
        lambda good: recordings.tagged(good.song, recordings.cover(b"<svg onload=alert(1)/>", b"image/svg+xml")), f"{NO_SOUND} 2.04 s",
    ),
    "a song whose cover is an address": (
        lambda good: recordings.tagged(good.song, recordings.cover(b"http://127.0.0.1:9/x", b"-->")), f"{NO_SOUND} 2.04 s",
    ),
    "a song whose tag goes on behind its end": (
        lambda good: recordings.tagged(good.song, recordings.tag_frame(b"TIT2", b"\0x"), length=2**28 - 1), "MediaCorrupt",
    ),
    "a song with 100,000 remarks": (
        lambda good: recordings.tagged(good.song, recordings.tag_frame(b"TXXX", b"\0a\0b") * 100_000), f"{NO_SOUND} 2.04 s",
    ),
    "a WAV of no rate": (lambda good: recordings.wav(rate=0), "MediaCorrupt"),
    "a WAV of the highest rate": (lambda good: recordings.wav(rate=2**32 - 1), "MediaCorrupt"),
    "a WAV of one sample a second": (lambda good: recordings.wav(rate=1), "DurationTooLong"),
    "a WAV without channels": (lambda good: recordings.wav(channels=0), "MediaCorrupt"),
    "a WAV of 65,535 channels": (lambda good: recordings.wav(channels=65_535, align=65_534), "MediaCorrupt"),
    "a WAV of samples without bits": (lambda good: recordings.wav(bits=0), "FormatUnsupported"),
    "a WAV that promises more than it holds": (lambda good: recordings.wav(length=64_000), "MediaCorrupt"),
    "a WAV of nothing": (lambda good: recordings.wav(data=b""), "MediaCorrupt"),
    "a WAV of no known codec": (lambda good: recordings.wav(tag=0xFFFE), "FormatUnsupported"),
}  # fmt: skip


@pytest.mark.parametrize("case", PICTURES)
async def test_a_hostile_picture_is_judged_by_what_it_is(case: str, roomy: SandboxedInspector, spool: Path) -> None:
    make, expected = PICTURES[case]
    assert await outcome(roomy, spool, make()) == expected


@pytest.mark.parametrize("case", RECORDINGS)
async def test_a_hostile_recording_is_judged_by_what_it_is(case: str, roomy: SandboxedInspector, spool: Path, good: Good) -> None:
    make, expected = RECORDINGS[case]
    assert await outcome(roomy, spool, make(good)) == expected


async def test_a_picture_of_a_thousand_passes_over_every_pixel_is_stopped_at_its_time(spool: Path) -> None:
    hasty = SandboxedInspector(spool, workers=1, wall_time=1.0)
    try:
        assert await outcome(hasty, spool, pictures.jpeg_of_many_scans(3_000, 3_000, 1_000)) == "InternalError parser_timeout"
        await assert_still_works(hasty, spool)
    finally:
        await hasty.close()


async def test_after_them_all_the_child_is_well_and_leaves_nothing(roomy: SandboxedInspector, spool: Path) -> None:
    await assert_still_works(roomy, spool)
    assert sorted(path.name for path in roomy._parsers[0]._lent.parent.iterdir()) == ["empty", "lent-0"]
    assert list(roomy._parsers[0]._lent.iterdir()) == []
