import struct
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.domain.policy import SAFETY_LIMITS, SafetyLimits
from spark_assets.media import av_media
from tests.factories import media


def measure(path: Path, found: MediaFormat, limits: SafetyLimits = SAFETY_LIMITS) -> MediaFacts:
    return av_media.inspect_recording(path, found, None, limits).facts


def refusal(path: Path, found: MediaFormat, limits: SafetyLimits = SAFETY_LIMITS) -> IngestFailure:
    with pytest.raises(IngestFailure) as caught:
        measure(path, found, limits)
    assert str(path.parent) not in caught.value.message
    return caught.value


def test_a_video_is_measured_by_its_packets(tmp_path: Path) -> None:
    facts = measure(media.make_video(tmp_path / "neutral", 640, 480, seconds=2.0, fps=24), MediaFormat.MP4)
    assert facts == MediaFacts(
        format=MediaFormat.MP4, width=640, height=480, frame_count=48, duration=2.0, frame_rate=24.0, codec="h264", has_audio=False
    )


@pytest.mark.parametrize(("seconds", "fps"), [(1.8, 25.0), (1.76, 25.0), (2.0, 60.0), (0.5, 30.0)])
def test_duration_and_rate_are_exact(seconds: float, fps: float, tmp_path: Path) -> None:
    facts = measure(media.make_video(tmp_path / "neutral", 64, 64, seconds=seconds, fps=fps), MediaFormat.MP4)
    assert facts.duration == pytest.approx(seconds, abs=1e-9)
    assert facts.frame_rate == pytest.approx(fps, abs=1e-9)


def test_a_rate_just_inside_the_policy_reads_as_itself(tmp_path: Path) -> None:
    facts = measure(media.make_video(tmp_path / "neutral", 64, 64, seconds=2.0, fps=23.8), MediaFormat.MP4)
    assert facts.frame_rate == pytest.approx(23.8, abs=1e-9)


@pytest.mark.parametrize("shape", ["index_last", "index_first", "fragmented"])
def test_every_shape_of_mp4_is_measured_alike(shape: str, tmp_path: Path) -> None:
    path = media.make_video(tmp_path / "neutral", 64, 64, fragmented=shape == "fragmented", index_first=shape == "index_first")
    facts = measure(path, MediaFormat.MP4)
    assert (facts.duration, facts.frame_rate, facts.frame_count) == (2.0, 24.0, 48)


def test_the_duration_is_the_longest_stream_without_what_the_edit_list_cuts(tmp_path: Path) -> None:
    facts = measure(media.make_video(tmp_path / "neutral", 64, 64, seconds=2.0, audio=True, audio_seconds=2.5), MediaFormat.MP4)
    assert facts.has_audio
    assert facts.duration == pytest.approx(2.5, abs=0.001)
    assert facts.frame_rate == 24.0


@pytest.mark.parametrize(("rotation", "expected"), [(0, (64, 48)), (90, (48, 64)), (180, (64, 48)), (270, (48, 64)), (-90, (48, 64))])
def test_a_rotated_movie_is_measured_as_displayed(rotation: int, expected: tuple[int, int], tmp_path: Path) -> None:
    facts = measure(media.make_mov(tmp_path / "neutral", 64, 48, rotation=rotation, seconds=0.5), MediaFormat.MOV)
    assert (facts.width, facts.height) == expected


def test_the_shape_of_the_pixels_counts(tmp_path: Path) -> None:
    path = media.make_video(tmp_path / "neutral", 640, 480, seconds=0.5, sample_aspect_ratio=Fraction(4, 3))
    facts = measure(path, MediaFormat.MP4)
    assert (facts.width, facts.height) == (853, 480)


def test_another_codec_is_named(tmp_path: Path) -> None:
    assert measure(media.make_video(tmp_path / "neutral", 64, 64, seconds=0.5, codec="mpeg4"), MediaFormat.MP4).codec == "mpeg4"


def test_a_codec_without_a_decoder_is_not_supported(tmp_path: Path) -> None:
    path = media.make_video(tmp_path / "neutral", 64, 64, seconds=0.5)
    head, tables = path.read_bytes().split(b"stsd", 1)
    path.write_bytes(head + b"stsd" + tables.replace(b"avc1", b"zzzz", 1))
    assert refusal(path, MediaFormat.MP4).code == "FormatUnsupported"


@pytest.mark.parametrize("maker", [media.make_sound_in_mp4, media.make_song_with_cover_mp4])
def test_sound_in_a_video_container_is_no_video(maker: object, tmp_path: Path) -> None:
    assert callable(maker)
    failure = refusal(maker(tmp_path / "neutral"), MediaFormat.MP4)
    assert failure.code == "TypeMismatch"
    assert "no video track" in failure.message


@pytest.mark.parametrize("index_first", [True, False])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_cut_video_is_corrupt(share: float, index_first: bool, tmp_path: Path) -> None:
    whole = media.make_video(tmp_path / "whole", 64, 64, index_first=index_first)
    assert refusal(media.cut(whole, tmp_path / "neutral", share), MediaFormat.MP4).code == "MediaCorrupt"


def test_a_video_whose_pictures_are_rubbish_is_corrupt(tmp_path: Path) -> None:
    whole = media.make_video(tmp_path / "whole", 64, 64, index_first=True)
    start = whole.read_bytes().index(b"mdat") + 4
    size = whole.stat().st_size
    path = media.spoil(whole, tmp_path / "neutral", at=(start + 0.5) / size, length=size)
    assert refusal(path, MediaFormat.MP4).code == "MediaCorrupt"


def test_the_pixels_of_a_video_are_bounded_before_decoding(tmp_path: Path) -> None:
    path = media.make_video(tmp_path / "neutral", 640, 480, seconds=0.5)
    assert measure(path, MediaFormat.MP4, SafetyLimits(video_frame_pixels=640 * 480)).width == 640
    failure = refusal(path, MediaFormat.MP4, SafetyLimits(video_frame_pixels=640 * 480 - 1))
    assert (failure.code, "307200" in failure.message) == ("PixelCountTooLarge", True)


def test_a_duration_past_the_safety_limit_is_refused(tmp_path: Path) -> None:
    assert refusal(media.make_wav(tmp_path / "neutral", 2.0), MediaFormat.WAV, SafetyLimits(duration=1.9)).code == "DurationTooLong"


def test_an_absurd_duration_in_the_tables_is_refused(tmp_path: Path) -> None:
    content = bytearray(media.make_video(tmp_path / "whole", 64, 64, seconds=0.5).read_bytes())
    at = content.index(b"stts") + 16  # version and flags, count of entries, count of samples, then the duration of each
    content[at - 4 : at + 4] = struct.pack(">II", 12, 0x7FFFFFFF)
    (tmp_path / "neutral").write_bytes(content)
    assert refusal(tmp_path / "neutral", MediaFormat.MP4).code in {"MediaCorrupt", "DurationTooLong"}


@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_is_measured_to_the_sample(channels: int, tmp_path: Path) -> None:
    facts = measure(media.make_wav(tmp_path / "neutral", 1.8, channels=channels), MediaFormat.WAV)
    assert facts == MediaFacts(format=MediaFormat.WAV, duration=1.8, codec="pcm_s16le")


@pytest.mark.parametrize("share", [0.0005, 0.3, 0.999])
def test_a_cut_wav_is_corrupt(share: float, tmp_path: Path) -> None:
    assert refusal(media.cut(media.make_wav(tmp_path / "whole"), tmp_path / "neutral", share), MediaFormat.WAV).code == "MediaCorrupt"


@pytest.mark.parametrize("unknown", [0, 0xFFFFFFFF])
def test_a_wav_that_was_written_as_a_stream_is_as_long_as_it_is(unknown: int, tmp_path: Path) -> None:
    content = bytearray(media.make_wav(tmp_path / "whole", 1.8).read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", unknown)
    (tmp_path / "neutral").write_bytes(content)
    assert measure(tmp_path / "neutral", MediaFormat.WAV).duration == pytest.approx(1.8, abs=1e-9)


@pytest.mark.parametrize(
    "options",
    [{}, {"variable": True}, {"variable": True, "header": False, "tag": False}, {"header": False, "tag": False}, {"cover": True}],
    ids=["constant", "variable", "variable without header", "bare", "with cover"],
)
def test_an_mp3_is_measured_by_its_frames(options: dict[str, bool], tmp_path: Path) -> None:
    facts = measure(media.make_mp3(tmp_path / "neutral", 5.0, **options), MediaFormat.MP3)
    assert facts.codec == "mp3"
    assert facts.width is None
    assert facts.duration == pytest.approx(5.0, abs=0.06)  # whole frames of 26 ms, and the encoder's own delay


@pytest.mark.parametrize("options", [{}, {"header": False, "tag": False}, {"variable": True}])
@pytest.mark.parametrize("share", [0.31, 0.73, 0.99])
def test_a_cut_mp3_is_corrupt(options: dict[str, bool], share: float, tmp_path: Path) -> None:
    whole = media.make_mp3(tmp_path / "whole", 3.0, **options)
    assert refusal(media.cut(whole, tmp_path / "neutral", share), MediaFormat.MP3).code == "MediaCorrupt"


def test_an_old_tag_behind_an_mp3_is_no_damage(tmp_path: Path) -> None:
    path = media.make_mp3(tmp_path / "neutral", 1.0, header=False, tag=False)
    path.write_bytes(path.read_bytes() + b"TAG" + b"title".ljust(125, b"\0"))
    assert measure(path, MediaFormat.MP3).duration == pytest.approx(1.0, abs=0.06)


def test_a_concat_script_under_the_name_of_a_video_reads_nothing(tmp_path: Path) -> None:
    media.make_video(tmp_path / "neighbour.mp4", 64, 64, seconds=0.5)
    script = media.make_concat_script(tmp_path / "disguised.mp4", tmp_path / "neighbour.mp4")
    assert refusal(script, MediaFormat.MP4).code == "MediaCorrupt"
    assert refusal(media.make_playlist(tmp_path / "list.mp4", "neighbour.mp4"), MediaFormat.MP4).code == "MediaCorrupt"


@pytest.mark.parametrize(("rotation", "size"), [(0, (512, 384)), (90, (384, 512)), (-90, (384, 512))])
def test_a_poster_is_shown_upright(rotation: int, size: tuple[int, int], tmp_path: Path) -> None:
    path = media.make_mov(tmp_path / "neutral", 640, 480, rotation=rotation, seconds=1.5)
    assert av_media.inspect_recording(path, MediaFormat.MOV, tmp_path / "preview", SAFETY_LIMITS).has_preview
    with Image.open(tmp_path / "preview") as image:
        assert (image.format, image.size) == ("JPEG", size)
        colours = image.convert("RGB").resize((8, 8)).getcolors()
    assert colours is not None and len(colours) > 4


def test_a_waveform_is_drawn_of_sound(tmp_path: Path) -> None:
    path = media.make_mp3(tmp_path / "neutral", 2.0)
    assert av_media.draw_preview(path, MediaFormat.MP3, tmp_path / "preview", SAFETY_LIMITS)
    with Image.open(tmp_path / "preview") as image:
        assert image.size == (1024, 256)
        middle, edge = image.convert("L").getpixel((1, 128)), image.convert("L").getpixel((1, 2))
    assert isinstance(middle, int) and isinstance(edge, int) and middle > edge + 50


def test_sound_itself_leaves_no_preview_while_it_is_inspected(tmp_path: Path) -> None:
    inspection = av_media.inspect_recording(media.make_wav(tmp_path / "neutral"), MediaFormat.WAV, tmp_path / "preview", SAFETY_LIMITS)
    assert not inspection.has_preview
    assert not (tmp_path / "preview").exists()
