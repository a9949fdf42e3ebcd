"""Which media are accepted: profiles of limits, and the check of measured facts against them.

The figures of `ark` and `ark-2026-03` are the vendor's documented ones.
"""

from typing import Final, NamedTuple

import msgspec

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import AssetType, MediaFacts, MediaFormat

MEGABYTE: Final = 2**20


class Range(msgspec.Struct, frozen=True):
    """An interval of numbers; an end that is None is open to infinity.

    `low_inclusive` and `high_inclusive` say whether the end itself is allowed: `[ ]` or `( )`.
    """

    low: float | None = None
    high: float | None = None
    low_inclusive: bool = True
    high_inclusive: bool = True

    def is_below(self, value: float) -> bool:
        """Whether the value lies under the lower end."""
        return self.low is not None and (value < self.low or (value == self.low and not self.low_inclusive))

    def is_above(self, value: float) -> bool:
        """Whether the value lies over the upper end."""
        return self.high is not None and (value > self.high or (value == self.high and not self.high_inclusive))


UNBOUNDED: Final = Range()


class TypePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The limits for one kind of media."""

    formats: frozenset[MediaFormat]
    size: Range
    """Bytes."""
    duration: Range = UNBOUNDED
    """Seconds."""
    width: Range = UNBOUNDED
    """Pixels, as displayed."""
    height: Range = UNBOUNDED
    """Pixels, as displayed."""
    aspect_ratio: Range = UNBOUNDED
    """Width over height."""
    pixel_count: Range = UNBOUNDED
    """Width times height."""
    frame_rate: Range = UNBOUNDED
    """Frames per second."""
    audio_track: str = "optional"
    """`optional`, `required` or `forbidden` in a video."""


class SafetyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that hold in every profile, whatever the policy allows."""

    picture_pixels: int = 100_000_000
    animation_pixels: int = 1_000_000_000
    """Over all the frames of a picture."""
    animation_frames: int = 1_000
    video_frame_pixels: int = 36_000_000
    duration: float = 4 * 3600.0
    """Seconds."""
    size: int = 2**30
    """Bytes."""


SAFETY_LIMITS: Final = SafetyLimits()


class MediaPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is accepted, for each kind of media, under a name."""

    name: str
    image: TypePolicy
    video: TypePolicy
    audio: TypePolicy

    def of(self, asset_type: AssetType) -> TypePolicy:
        """The limits for one kind of media."""
        match asset_type:
            case AssetType.IMAGE:
                return self.image
            case AssetType.VIDEO:
                return self.video
            case AssetType.AUDIO:
                return self.audio

    def largest_download(self, asset_type: AssetType) -> int:
        """Bytes that may be received for this kind before it is certainly too large."""
        size = self.of(asset_type).size
        if size.high is None:
            return SAFETY_LIMITS.size
        return min(int(size.high) - (0 if size.high_inclusive else 1), SAFETY_LIMITS.size)


class _Measure(NamedTuple):
    """One measured value beside its limits and the words for it."""

    value: float | None
    limits: Range
    what: str
    unit: str
    below: str
    above: str


def check_format(policy: MediaPolicy, asset_type: AssetType, found: MediaFormat) -> None:
    """Refuse a file whose kind is not the declared one, or whose format the policy does not list.

    Raises IngestFailure `TypeMismatch` or `FormatUnsupported`.
    """
    if found.asset_type is not asset_type:
        raise IngestFailure(
            "TypeMismatch",
            f"the file is {_article(found.asset_type.value)} ({found.value}), but AssetType says {asset_type.value}",
        )
    accepted = policy.of(asset_type).formats
    if found not in accepted:
        names = ", ".join(sorted(item.value for item in accepted))
        raise IngestFailure("FormatUnsupported", f"the format {found.value} is not accepted for {asset_type.value}; accepted are {names}")


def check_size(policy: MediaPolicy, asset_type: AssetType, size: int) -> None:
    """Refuse a file of too many bytes. Raises IngestFailure `FileSizeTooLarge`."""
    limits = policy.of(asset_type).size
    if limits.is_above(size) or size > SAFETY_LIMITS.size:
        raise file_too_large(policy, asset_type, f"file size {_megabytes(size)}")


def file_too_large(policy: MediaPolicy, asset_type: AssetType, measured: str) -> IngestFailure:
    """The refusal of a file by its size; `measured` says what is known of it."""
    limits = policy.of(asset_type).size
    if limits.high is None or limits.high > SAFETY_LIMITS.size:
        limits = Range(high=SAFETY_LIMITS.size)
    assert limits.high is not None
    return IngestFailure(
        "FileSizeTooLarge",
        f"{measured} is above the maximum of {_megabytes(limits.high)} for {asset_type.value} ({_ending(limits.high_inclusive)})",
    )


def check_facts(policy: MediaPolicy, asset_type: AssetType, facts: MediaFacts) -> None:
    """Hold measured facts against the policy; the first limit that is broken is named.

    Raises IngestFailure with the measured value and the limit in its message.
    """
    limits = policy.of(asset_type)
    for measure in _measures(limits, facts):
        if measure.value is None:
            continue
        if measure.limits.is_below(measure.value):
            raise _refusal(measure, measure.below, "below the minimum", measure.limits.low, measure.limits.low_inclusive)
        if measure.limits.is_above(measure.value):
            raise _refusal(measure, measure.above, "above the maximum", measure.limits.high, measure.limits.high_inclusive)
    if limits.audio_track == "required" and not facts.has_audio:
        raise IngestFailure("AudioTrackRequired", "the video has no sound track, and the policy asks for one")
    if limits.audio_track == "forbidden" and facts.has_audio:
        raise IngestFailure("AudioTrackForbidden", "the video has a sound track, and the policy forbids one")


def _measures(limits: TypePolicy, facts: MediaFacts) -> list[_Measure]:
    width, height = facts.width, facts.height
    ratio = width / height if width and height else None
    pixels = width * height if width and height else None
    return [
        _Measure(facts.duration, limits.duration, "duration", " s", "DurationTooShort", "DurationTooLong"),
        _Measure(width, limits.width, "width", " px", "WidthTooSmall", "WidthTooLarge"),
        _Measure(height, limits.height, "height", " px", "HeightTooSmall", "HeightTooLarge"),
        _Measure(ratio, limits.aspect_ratio, "width / height", "", "AspectRatioTooSmall", "AspectRatioTooLarge"),
        _Measure(pixels, limits.pixel_count, "pixel count", " px", "PixelCountTooSmall", "PixelCountTooLarge"),
        _Measure(facts.frame_rate, limits.frame_rate, "frame rate", " fps", "FpsTooLow", "FpsTooHigh"),
    ]


def _refusal(measure: _Measure, code: str, relation: str, limit: float | None, inclusive: bool) -> IngestFailure:
    assert measure.value is not None
    assert limit is not None
    return IngestFailure(
        code,
        f"{measure.what} {_number(measure.value)}{measure.unit} is {relation} of {_number(limit)}{measure.unit} ({_ending(inclusive)})",
    )


def _ending(inclusive: bool) -> str:
    return "inclusive" if inclusive else "exclusive"


def _number(value: float) -> str:
    """A figure for people: up to six decimals, so that a value just outside never reads like the limit."""
    text = f"{value:.6f}"
    return text.rstrip("0").rstrip(".")


def _megabytes(size: float) -> str:
    """Bytes for people, exact: `30 MB`, or `31457281 bytes (30.00 MB)`."""
    whole = size / MEGABYTE
    return f"{whole:.0f} MB" if whole == int(whole) else f"{size:.0f} bytes ({whole:.2f} MB)"


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'AI' else 'a'} {word}"


_IMAGES: Final = frozenset(item for item in MediaFormat if item.asset_type is AssetType.IMAGE)
_VIDEOS: Final = frozenset({MediaFormat.MP4, MediaFormat.MOV})
_AUDIOS: Final = frozenset({MediaFormat.WAV, MediaFormat.MP3})


def _ark(name: str, *, video_megabytes: int, longest: float, pixels: Range) -> MediaPolicy:
    duration = Range(1.8, longest)
    side = Range(300, 6000)
    open_side = Range(300, 6000, low_inclusive=False, high_inclusive=False)
    return MediaPolicy(
        name=name,
        image=TypePolicy(
            formats=_IMAGES,
            size=Range(high=30 * MEGABYTE, high_inclusive=False),
            width=open_side,
            height=open_side,
            aspect_ratio=Range(0.4, 2.5, low_inclusive=False, high_inclusive=False),
        ),
        video=TypePolicy(
            formats=_VIDEOS,
            size=Range(high=video_megabytes * MEGABYTE),
            duration=duration,
            width=side,
            height=side,
            aspect_ratio=Range(0.4, 2.5),
            pixel_count=pixels,
            frame_rate=Range(23.8, 60.2),
        ),
        audio=TypePolicy(formats=_AUDIOS, size=Range(high=15 * MEGABYTE), duration=duration),
    )


ARK: Final = _ark("ark", video_megabytes=200, longest=30.2, pixels=Range(407_696, 8_295_044))
ARK_2026_03: Final = _ark("ark-2026-03", video_megabytes=50, longest=15.2, pixels=Range(409_600, 927_408))
OPEN: Final = MediaPolicy(
    name="open",
    image=TypePolicy(formats=_IMAGES, size=Range(high=SAFETY_LIMITS.size)),
    video=TypePolicy(formats=_VIDEOS, size=Range(high=SAFETY_LIMITS.size)),
    audio=TypePolicy(formats=_AUDIOS, size=Range(high=SAFETY_LIMITS.size)),
)
PROFILES: Final = {policy.name: policy for policy in (ARK, ARK_2026_03, OPEN)}
