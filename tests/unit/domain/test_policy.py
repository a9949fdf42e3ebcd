import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import AssetType, MediaFacts, MediaFormat
from spark_assets.domain.policy import (
    ARK,
    ARK_2026_03,
    MEGABYTE,
    OPEN,
    PROFILES,
    SAFETY_LIMITS,
    MediaPolicy,
    Range,
    TypePolicy,
    check_facts,
    check_format,
    check_size,
    file_too_large,
)

IMAGE: dict[str, Any] = {"format": MediaFormat.JPEG, "width": 1000, "height": 1000, "frame_count": 1}
VIDEO: dict[str, Any] = {"format": MediaFormat.MP4, "width": 800, "height": 800, "duration": 5.0, "frame_rate": 30.0}
AUDIO: dict[str, Any] = {"format": MediaFormat.MP3, "duration": 5.0}
USUAL = {AssetType.IMAGE: IMAGE, AssetType.VIDEO: VIDEO, AssetType.AUDIO: AUDIO}

# Facts just inside, facts just outside, the code, and what the message says of measured value and limit.
ENDS: list[tuple[MediaPolicy, AssetType, dict[str, Any], dict[str, Any], str, str]] = [
    (
        ARK,
        AssetType.IMAGE,
        {"width": 301, "height": 700},
        {"width": 300, "height": 700},
        "WidthTooSmall",
        "width 300 px is below the minimum of 300 px (exclusive)",
    ),
    (
        ARK,
        AssetType.IMAGE,
        {"width": 5999, "height": 5000},
        {"width": 6000, "height": 5000},
        "WidthTooLarge",
        "width 6000 px is above the maximum of 6000 px (exclusive)",
    ),
    (
        ARK,
        AssetType.IMAGE,
        {"height": 301, "width": 700},
        {"height": 300, "width": 700},
        "HeightTooSmall",
        "height 300 px is below the minimum of 300 px (exclusive)",
    ),
    (ARK, AssetType.IMAGE, {"height": 5999, "width": 5000}, {"height": 6000, "width": 5000}, "HeightTooLarge", "height 6000 px is above"),
    (
        ARK,
        AssetType.IMAGE,
        {"width": 401},
        {"width": 400},
        "AspectRatioTooSmall",
        "width / height 0.4 is below the minimum of 0.4 (exclusive)",
    ),
    (
        ARK,
        AssetType.IMAGE,
        {"width": 2499},
        {"width": 2500},
        "AspectRatioTooLarge",
        "width / height 2.5 is above the maximum of 2.5 (exclusive)",
    ),
    (
        ARK,
        AssetType.VIDEO,
        {"width": 700, "height": 600},
        {"width": 299, "height": 600},
        "WidthTooSmall",
        "width 299 px is below the minimum of 300 px (inclusive)",
    ),
    (ARK, AssetType.VIDEO, {"width": 3400, "height": 2400}, {"width": 6001, "height": 2600}, "WidthTooLarge", "width 6001 px"),
    (ARK, AssetType.VIDEO, {"width": 1000, "height": 410}, {"width": 700, "height": 299}, "HeightTooSmall", "height 299 px"),
    (
        ARK,
        AssetType.VIDEO,
        {"width": 800, "height": 2000},
        {"width": 799, "height": 2000},
        "AspectRatioTooSmall",
        "0.3995 is below the minimum of 0.4 (inclusive)",
    ),
    (ARK, AssetType.VIDEO, {"width": 2000, "height": 800}, {"width": 2001, "height": 800}, "AspectRatioTooLarge", "2.50125 is above"),
    (
        ARK,
        AssetType.VIDEO,
        {"width": 407696 // 608, "height": 609},
        {"width": 600, "height": 600},
        "PixelCountTooSmall",
        "pixel count 360000 px is below the minimum of 407696 px (inclusive)",
    ),
    (
        ARK,
        AssetType.VIDEO,
        {"width": 2880, "height": 2880},
        {"width": 2881, "height": 2880},
        "PixelCountTooLarge",
        "8297280 px is above the maximum of 8295044 px",
    ),
    (
        ARK,
        AssetType.VIDEO,
        {"duration": 1.8},
        {"duration": 1.799},
        "DurationTooShort",
        "duration 1.799 s is below the minimum of 1.8 s (inclusive)",
    ),
    (
        ARK,
        AssetType.VIDEO,
        {"duration": 30.2},
        {"duration": 30.201},
        "DurationTooLong",
        "duration 30.201 s is above the maximum of 30.2 s (inclusive)",
    ),
    (
        ARK,
        AssetType.VIDEO,
        {"frame_rate": 23.8},
        {"frame_rate": 23.799},
        "FpsTooLow",
        "frame rate 23.799 fps is below the minimum of 23.8 fps",
    ),
    (
        ARK,
        AssetType.VIDEO,
        {"frame_rate": 60.2},
        {"frame_rate": 60.201},
        "FpsTooHigh",
        "frame rate 60.201 fps is above the maximum of 60.2 fps",
    ),
    (ARK, AssetType.AUDIO, {"duration": 1.8}, {"duration": 1.7999}, "DurationTooShort", "duration 1.7999 s is below"),
    (ARK, AssetType.AUDIO, {"duration": 30.2}, {"duration": 30.200001}, "DurationTooLong", "duration 30.200001 s is above"),
    (ARK_2026_03, AssetType.VIDEO, {"duration": 15.2}, {"duration": 15.21}, "DurationTooLong", "maximum of 15.2 s"),
    (
        ARK_2026_03,
        AssetType.VIDEO,
        {"width": 640, "height": 640},
        {"width": 640, "height": 639},
        "PixelCountTooSmall",
        "minimum of 409600 px",
    ),
    (
        ARK_2026_03,
        AssetType.VIDEO,
        {"width": 963, "height": 963},
        {"width": 964, "height": 963},
        "PixelCountTooLarge",
        "maximum of 927408 px",
    ),
    (ARK_2026_03, AssetType.AUDIO, {"duration": 15.2}, {"duration": 15.21}, "DurationTooLong", "maximum of 15.2 s"),
]
SIZES = [
    (ARK, AssetType.IMAGE, 30 * MEGABYTE - 1, 30 * MEGABYTE, "file size 30 MB is above the maximum of 30 MB for Image (exclusive)"),
    (ARK, AssetType.VIDEO, 200 * MEGABYTE, 200 * MEGABYTE + 1, "above the maximum of 200 MB for Video (inclusive)"),
    (ARK, AssetType.AUDIO, 15 * MEGABYTE, 15 * MEGABYTE + 1, "file size 15728641 bytes (15.00 MB) is above the maximum of 15 MB for Audio"),
    (ARK_2026_03, AssetType.VIDEO, 50 * MEGABYTE, 50 * MEGABYTE + 1, "above the maximum of 50 MB for Video (inclusive)"),
    (OPEN, AssetType.IMAGE, SAFETY_LIMITS.size, SAFETY_LIMITS.size + 1, "above the maximum of 1024 MB for Image (inclusive)"),
]


@pytest.mark.parametrize(
    ("policy", "kind", "inside", "outside", "code", "words"), ENDS, ids=[f"{end[0].name}-{end[1].value}-{end[4]}" for end in ENDS]
)
def test_both_sides_of_each_limit(
    policy: MediaPolicy, kind: AssetType, inside: dict[str, Any], outside: dict[str, Any], code: str, words: str
) -> None:
    check_facts(policy, kind, MediaFacts(**{**USUAL[kind], **inside}))
    with pytest.raises(IngestFailure) as refused:
        check_facts(policy, kind, MediaFacts(**{**USUAL[kind], **outside}))
    assert refused.value.code == code
    assert words in refused.value.message


@pytest.mark.parametrize(("policy", "kind", "inside", "outside", "words"), SIZES, ids=[f"{case[0].name}-{case[1].value}" for case in SIZES])
def test_both_sides_of_each_size(policy: MediaPolicy, kind: AssetType, inside: int, outside: int, words: str) -> None:
    check_size(policy, kind, inside)
    assert policy.largest_download(kind) == inside
    with pytest.raises(IngestFailure) as refused:
        check_size(policy, kind, outside)
    assert refused.value.code == "FileSizeTooLarge"
    assert words in refused.value.message


@pytest.mark.parametrize("found", MediaFormat)
@pytest.mark.parametrize("declared", AssetType)
@pytest.mark.parametrize("policy", PROFILES.values(), ids=PROFILES)
def test_a_format_is_accepted_exactly_for_its_own_kind(policy: MediaPolicy, declared: AssetType, found: MediaFormat) -> None:
    if found.asset_type is declared:
        check_format(policy, declared, found)
        return
    with pytest.raises(IngestFailure) as refused:
        check_format(policy, declared, found)
    assert refused.value.code == "TypeMismatch"
    assert found.value in refused.value.message
    assert declared.value in refused.value.message


def test_a_format_that_the_policy_does_not_list_is_unsupported_and_the_listed_ones_are_named() -> None:
    images = TypePolicy(formats=frozenset({MediaFormat.PNG, MediaFormat.JPEG}), size=Range(high=10))
    policy = MediaPolicy(name="own", image=images, video=OPEN.video, audio=OPEN.audio)
    with pytest.raises(IngestFailure, match="gif is not accepted for Image; accepted are jpeg, png") as refused:
        check_format(policy, AssetType.IMAGE, MediaFormat.GIF)
    assert refused.value.code == "FormatUnsupported"


@pytest.mark.parametrize(
    ("rule", "has_audio", "code"),
    [
        ("optional", False, None),
        ("optional", True, None),
        ("required", True, None),
        ("required", False, "AudioTrackRequired"),
        ("forbidden", False, None),
        ("forbidden", True, "AudioTrackForbidden"),
    ],
)
def test_the_sound_track_of_a_video(rule: str, has_audio: bool, code: str | None) -> None:
    videos = TypePolicy(formats=OPEN.video.formats, size=Range(), audio_track=rule)
    policy = MediaPolicy(name="own", image=OPEN.image, video=videos, audio=OPEN.audio)
    facts = MediaFacts(**VIDEO, has_audio=has_audio)
    if code is None:
        check_facts(policy, AssetType.VIDEO, facts)
    else:
        with pytest.raises(IngestFailure) as refused:
            check_facts(policy, AssetType.VIDEO, facts)
        assert refused.value.code == code


@given(
    st.floats(min_value=0.01, max_value=1e6, allow_nan=False),
    st.sampled_from([(True, True), (True, False), (False, True), (False, False)]),
    st.floats(min_value=0.01, max_value=1e6, allow_nan=False),
)
def test_a_value_is_inside_or_on_one_side(low: float, ends: tuple[bool, bool], value: float) -> None:
    limits = Range(low, low * 2, low_inclusive=ends[0], high_inclusive=ends[1])
    below, above = limits.is_below(value), limits.is_above(value)
    assert not (below and above)
    inside = (low <= value if ends[0] else low < value) and (value <= low * 2 if ends[1] else value < low * 2)
    assert inside == (not below and not above)


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_no_end_is_no_limit(value: float) -> None:
    assert not Range().is_below(value)
    assert not Range().is_above(value)


@given(st.floats(min_value=30.2, max_value=31, exclude_min=True).filter(lambda value: value - 30.2 > 1e-6))
def test_a_measured_value_outside_never_reads_like_the_limit(duration: float) -> None:
    with pytest.raises(IngestFailure) as refused:
        check_facts(ARK, AssetType.AUDIO, MediaFacts(format=MediaFormat.MP3, duration=duration))
    assert "duration 30.2 s" not in refused.value.message


def test_what_was_not_measured_is_not_judged() -> None:
    check_facts(ARK, AssetType.VIDEO, MediaFacts(format=MediaFormat.MP4))


def test_a_policy_without_a_size_still_has_the_safety_limit() -> None:
    endless = TypePolicy(formats=OPEN.image.formats, size=Range())
    policy = MediaPolicy(name="own", image=endless, video=endless, audio=endless)
    assert policy.largest_download(AssetType.IMAGE) == SAFETY_LIMITS.size
    assert "1024 MB" in file_too_large(policy, AssetType.IMAGE, "declared file size 2000000000 bytes").message
    with pytest.raises(IngestFailure):
        check_size(policy, AssetType.IMAGE, SAFETY_LIMITS.size + 1)


def test_the_first_limit_that_is_broken_is_named_and_only_one() -> None:
    facts = MediaFacts(format=MediaFormat.MP4, width=1, height=1, duration=math.ulp(0.0), frame_rate=1.0)
    with pytest.raises(IngestFailure) as refused:
        check_facts(ARK, AssetType.VIDEO, facts)
    assert refused.value.code == "DurationTooShort"
