from pathlib import Path

import pytest
from PIL import Image, ImageCms

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.domain.policy import SAFETY_LIMITS, SafetyLimits
from spark_assets.media import images
from tests.factories import media


@pytest.fixture(autouse=True)
def _readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    images.prepare_readers()


def measure(path: Path, found: MediaFormat, limits: SafetyLimits = SAFETY_LIMITS) -> MediaFacts:
    return images.inspect_picture(path, found, None, limits).facts


def refusal(path: Path, found: MediaFormat, limits: SafetyLimits = SAFETY_LIMITS) -> str:
    with pytest.raises(IngestFailure) as caught:
        measure(path, found, limits)
    assert str(path.parent) not in caught.value.message
    return caught.value.code


PICTURES = {
    MediaFormat.JPEG: lambda path: media.make_jpeg(path, 320, 200),
    MediaFormat.PNG: lambda path: media.make_png(path, 320, 200),
    MediaFormat.WEBP: lambda path: media.make_webp(path, 320, 200),
    MediaFormat.BMP: lambda path: media.make_bmp(path, 320, 200),
    MediaFormat.TIFF: lambda path: media.make_tiff(path, 320, 200),
    MediaFormat.GIF: lambda path: media.make_gif(path, 320, 200),
    MediaFormat.HEIC: lambda path: media.make_heic(path, 320, 200),
    MediaFormat.HEIF: lambda path: media.make_heic(path, 320, 200, major_brand=b"mif1"),
}


@pytest.mark.parametrize("found", PICTURES, ids=lambda item: item.value)
def test_a_still_picture_of_every_format_is_measured(found: MediaFormat, tmp_path: Path) -> None:
    path = PICTURES[found](tmp_path / "neutral")
    assert measure(path, found) == MediaFacts(format=found, width=320, height=200, frame_count=1)


@pytest.mark.parametrize("found", PICTURES, ids=lambda item: item.value)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_picture_is_corrupt(found: MediaFormat, share: float, tmp_path: Path) -> None:
    path = media.cut(PICTURES[found](tmp_path / "whole"), tmp_path / "neutral", share)
    assert refusal(path, found) == "MediaCorrupt"


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_a_spoiled_png_is_corrupt_by_its_checksums(at: float, tmp_path: Path) -> None:
    path = media.spoil(media.make_png(tmp_path / "whole"), tmp_path / "neutral", at=at, length=1)
    assert refusal(path, MediaFormat.PNG) == "MediaCorrupt"


def test_a_picture_is_opened_by_the_reader_of_its_format_only(tmp_path: Path) -> None:
    path = media.make_png(tmp_path / "neutral", 320, 320)
    assert refusal(path, MediaFormat.JPEG) == "MediaCorrupt"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_jpeg_counts(orientation: int, tmp_path: Path) -> None:
    facts = measure(media.make_jpeg(tmp_path / "neutral", 320, 200, orientation=orientation), MediaFormat.JPEG)
    assert (facts.width, facts.height) == ((200, 320) if orientation >= 5 else (320, 200))


@pytest.mark.parametrize(
    ("found", "maker"),
    [(MediaFormat.TIFF, media.make_tiff), (MediaFormat.WEBP, media.make_webp), (MediaFormat.HEIC, media.make_heic)],
)
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_orientation_of_other_formats_is_applied_once(found: MediaFormat, maker: object, orientation: int, tmp_path: Path) -> None:
    assert callable(maker)
    facts = measure(maker(tmp_path / "neutral", 320, 200, orientation=orientation), found)
    assert (facts.width, facts.height) == ((200, 320) if orientation >= 5 else (320, 200))


@pytest.mark.parametrize(
    ("found", "maker"),
    [(MediaFormat.GIF, media.make_gif), (MediaFormat.WEBP, media.make_webp), (MediaFormat.PNG, media.make_png)],
)
def test_the_frames_of_an_animation_are_counted(found: MediaFormat, maker: object, tmp_path: Path) -> None:
    assert callable(maker)
    assert measure(maker(tmp_path / "neutral", 64, 48, frames=7), found).frame_count == 7


def test_the_pages_of_a_tiff_are_counted(tmp_path: Path) -> None:
    assert measure(media.make_tiff(tmp_path / "neutral", 64, 48, pages=3), MediaFormat.TIFF).frame_count == 3


def test_an_animation_that_breaks_off_in_a_late_frame_is_corrupt(tmp_path: Path) -> None:
    path = media.cut(media.make_gif(tmp_path / "whole", 64, 48, frames=7), tmp_path / "neutral", 0.95)
    assert refusal(path, MediaFormat.GIF) == "MediaCorrupt"


def test_too_many_pixels_are_refused_by_the_header(tmp_path: Path) -> None:
    assert refusal(media.make_png_bomb(tmp_path / "neutral", 30_000, 30_000), MediaFormat.PNG) == "PixelCountTooLarge"


@pytest.mark.parametrize(("frames", "code"), [(1000, None), (1001, "FrameCountTooLarge"), (1_000_000, "FrameCountTooLarge")])
def test_the_limit_of_frames_is_exact(frames: int, code: str | None, tmp_path: Path) -> None:
    path = media.make_gif_bomb(tmp_path / "neutral", 4, 4, frames)
    if code is None:
        assert measure(path, MediaFormat.GIF).frame_count == frames
    else:
        assert refusal(path, MediaFormat.GIF) == code


def test_too_many_pixels_over_all_frames_are_refused_before_decoding(tmp_path: Path) -> None:
    path = media.make_gif_bomb(tmp_path / "neutral", 10_000, 10_000, 11)
    assert refusal(path, MediaFormat.GIF) == "PixelCountTooLarge"


def test_the_limit_of_pixels_is_exact(tmp_path: Path) -> None:
    path = media.make_jpeg(tmp_path / "neutral", 320, 200)
    assert measure(path, MediaFormat.JPEG, SafetyLimits(picture_pixels=64_000)).width == 320
    assert refusal(path, MediaFormat.JPEG, SafetyLimits(picture_pixels=63_999)) == "PixelCountTooLarge"


@pytest.mark.parametrize("found", PICTURES, ids=lambda item: item.value)
def test_every_picture_leaves_a_preview_of_the_right_size(found: MediaFormat, tmp_path: Path) -> None:
    path, preview = PICTURES[found](tmp_path / "neutral"), tmp_path / "preview"
    assert images.inspect_picture(path, found, preview, SAFETY_LIMITS).has_preview
    with Image.open(preview) as image:
        assert (image.format, image.size) == ("JPEG", (320, 200))


@pytest.mark.parametrize(
    ("size", "expected"), [((1024, 768), (512, 384)), ((1300, 700), (512, 276)), ((700, 1400), (256, 512)), ((5000, 3), (512, 1))]
)
def test_a_preview_keeps_the_proportions(size: tuple[int, int], expected: tuple[int, int], tmp_path: Path) -> None:
    images.inspect_picture(media.make_jpeg(tmp_path / "neutral", *size), MediaFormat.JPEG, tmp_path / "preview", SAFETY_LIMITS)
    with Image.open(tmp_path / "preview") as image:
        assert image.size == expected


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_preview_is_made_of_every_kind_of_jpeg(mode: str, tmp_path: Path) -> None:
    path = media.make_jpeg(tmp_path / "neutral", 640, 480, mode=mode, progressive=True)
    assert images.inspect_picture(path, MediaFormat.JPEG, tmp_path / "preview", SAFETY_LIMITS).has_preview


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_a_preview_is_made_of_every_kind_of_png(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "neutral"
    picture = Image.linear_gradient("L").resize((600, 600))
    deep = Image.frombytes("I;16", (600, 600), bytes(range(256)) * 2812 + bytes(128))
    (deep if mode == "I;16" else picture.convert(mode)).save(path, "PNG")
    images.inspect_picture(path, MediaFormat.PNG, tmp_path / "preview", SAFETY_LIMITS)
    with Image.open(tmp_path / "preview") as image:
        assert image.size == (512, 512)
        low, high = image.convert("L").getextrema()
    assert isinstance(low, int) and isinstance(high, int) and high - low > 100


def test_a_preview_stands_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (600, 400), (0, 0, 255))
    picture.paste((255, 0, 0), (0, 0, 600, 100))
    exif = Image.Exif()
    exif[media.ORIENTATION_TAG] = 6  # to be turned clockwise: the stored top is the displayed right
    picture.save(tmp_path / "neutral", "JPEG", exif=exif)
    images.inspect_picture(tmp_path / "neutral", MediaFormat.JPEG, tmp_path / "preview", SAFETY_LIMITS)
    with Image.open(tmp_path / "preview") as image:
        assert image.size == (341, 512)
        right, left = image.getpixel((330, 256)), image.getpixel((10, 256))
    assert isinstance(right, tuple) and isinstance(left, tuple)
    assert right[0] > 200 > right[2] and left[2] > 200 > left[0]


def test_a_preview_carries_no_metadata(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    path = media.make_jpeg(tmp_path / "neutral", 320, 200, orientation=6, gps=True, icc_profile=profile)
    assert b"Exif" in path.read_bytes()
    images.inspect_picture(path, MediaFormat.JPEG, tmp_path / "preview", SAFETY_LIMITS)
    content = (tmp_path / "preview").read_bytes()
    assert b"Exif" not in content and b"ICC_PROFILE" not in content and b"http" not in content
    with Image.open(tmp_path / "preview") as image:
        assert not image.getexif()


def test_a_thumbnail_can_be_drawn_later(tmp_path: Path) -> None:
    path = media.make_jpeg(tmp_path / "neutral", 1600, 1200, orientation=8)
    assert images.draw_thumbnail(path, MediaFormat.JPEG, tmp_path / "preview", SAFETY_LIMITS)
    with Image.open(tmp_path / "preview") as image:
        assert image.size == (384, 512)
