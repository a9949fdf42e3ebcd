"""Video and sound: the whole file demuxed and measured by its packets, and a poster. Runs in the confined child."""

from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.stream import Disposition

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import AssetType, MediaFacts, MediaFormat
from spark_assets.domain.policy import SafetyLimits
from spark_assets.media.completeness import check_complete, is_open_ended
from spark_assets.media.mp3_ends import FrameEnds
from spark_assets.media.pictures import DisplayedPicture, picture_at, write_poster
from spark_assets.media.spans import PacketSpan
from spark_assets.media.waveform import draw_waveform
from spark_assets.ports.inspector import Inspection

_DEMUXERS: Final = {MediaFormat.MP4: "mov", MediaFormat.MOV: "mov", MediaFormat.WAV: "wav", MediaFormat.MP3: "mp3"}
_ALLOWED_FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,wav,mp3"
_SECONDS_DECODED: Final = 60.0
"""Sound is decoded this far, and demuxed to its end: 30 s of MP3 decode in 20 ms, four hours would outlast the wall time."""
_NO_PICTURES: Final = {"max_pixels": "1"}
"""What a decoder of cover pictures is told while sound is opened: nobody asked for them, and there may be many and huge ones."""
_LONGEST_SANE: Final = 1e9
"""Seconds; a longer duration is a damaged number, not a length."""
_POSTER_WINDOW: Final = (0.5, 3.0)
"""Seconds: a key frame here makes a better poster than the first one, which is often black."""


def inspect_recording(path: Path, found: MediaFormat, preview: Path | None, limits: SafetyLimits) -> Inspection:
    """Demux the whole video or sound file and measure it; write a video's poster to `preview` if one is given.

    Raises IngestFailure `MediaCorrupt`, `TypeMismatch`, `FormatUnsupported`, `PixelCountTooLarge`, `DurationTooLong`.
    """
    try:
        check_complete(path, found)
        if found.asset_type is AssetType.VIDEO:
            return _open_video(path, found, preview, limits)
        with open_recording(path, found, _NO_PICTURES) as container:
            return Inspection(_measure_sound(container, path, found, limits), has_preview=False)
    except (IngestFailure, MemoryError):
        raise
    except Exception as error:  # a demuxer facing hostile bytes may raise anything
        raise IngestFailure("MediaCorrupt", f"the {found.value} file cannot be read: {_described(error)}") from error


def draw_preview(path: Path, found: MediaFormat, preview: Path, limits: SafetyLimits) -> bool:
    """Write the poster of a video or the waveform of a sound that was inspected before."""
    if found.asset_type is AssetType.VIDEO:
        return inspect_recording(path, found, preview, limits).has_preview
    try:
        with open_recording(path, found, _NO_PICTURES) as container:
            draw_waveform(container, preview)
    except (IngestFailure, MemoryError):
        raise
    except Exception as error:  # as above
        raise IngestFailure("MediaCorrupt", f"the {found.value} file cannot be read: {_described(error)}") from error
    return True


def open_recording(path: Path, found: MediaFormat, decoding: dict[str, str]) -> InputContainer:
    """Open the file with the one demuxer of its format, able to reach no other file.

    `decoding` are options for the decoders that FFmpeg starts while opening, to complete what the header leaves out.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": _ALLOWED_FORMATS, "enable_drefs": "0", **decoding}
    return av.open(f"file:{path.absolute()}", "r", format=_DEMUXERS[found], options=options, metadata_errors="replace")


def _open_video(path: Path, found: MediaFormat, preview: Path | None, limits: SafetyLimits) -> Inspection:
    with open_recording(path, found, {"max_pixels": str(limits.video_frame_pixels)}) as container:
        leading = next(iter(_moving(container)), None)
        if leading is None or not _has_decoder(leading) or leading.codec_context.width:
            return _inspect_video(container, found, preview, limits)
    # A decoder that met too large a picture forgets its size: look again, reading headers and decoding nothing.
    with open_recording(path, found, {"skip_frame": "all"}) as container:
        leading = _moving(container)[0]
        _check_pixels(leading.codec_context.width, leading.codec_context.height, limits)
    raise IngestFailure("MediaCorrupt", "the video track gives no picture size")


def _moving(container: InputContainer) -> list[av.VideoStream]:
    """The video tracks that are not cover pictures."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def _has_decoder(stream: av.VideoStream | av.AudioStream) -> bool:
    """Whether the codec can be decoded at all. PyAV's types promise a context, yet an unknown codec has none."""
    context: object = stream.codec_context
    return context is not None


def _inspect_video(container: InputContainer, found: MediaFormat, preview: Path | None, limits: SafetyLimits) -> Inspection:
    streams = _moving(container)
    if not streams:
        raise _not_a_video(container, found)
    leading = streams[0]
    if not _has_decoder(leading):
        raise IngestFailure("FormatUnsupported", f"the {found.value} video uses a codec that cannot be decoded here")
    _check_pixels(leading.codec_context.width, leading.codec_context.height, limits)
    leading.codec_context.options = {"max_pixels": str(limits.video_frame_pixels)}
    leading.codec_context.thread_count = 1
    spans = {stream.index: PacketSpan(stream.time_base) for stream in (*streams, *container.streams.audio)}
    key_frames = _demux(container, spans, leading.index)
    span = spans[leading.index]
    duration = _longest(list(spans.values()), limits)
    if not span.packets or span.seconds <= 0:
        raise IngestFailure("MediaCorrupt", "the video track holds no pictures with a measurable duration")
    picture = _find_picture(container, leading, span, key_frames)
    _check_pixels(picture.frame.width, picture.frame.height, limits)
    _check_pixels(picture.width, picture.height, limits)  # as displayed: the shape of the pixels is a number of the file's
    if preview is not None:
        write_poster(picture, preview)
    facts = MediaFacts(
        format=found,
        width=picture.width,
        height=picture.height,
        frame_count=span.packets,
        duration=duration,
        frame_rate=span.packets / span.seconds,
        codec=leading.codec_context.codec.canonical_name,
        has_audio=any(spans[stream.index].packets for stream in container.streams.audio),
    )
    return Inspection(facts, has_preview=preview is not None)


def _demux(container: InputContainer, spans: dict[int, PacketSpan], leading: int) -> list[int]:
    """Read every packet into its stream's span; the timestamps of the leading stream's early key frames come back."""
    key_frames: list[int] = []
    latest = _POSTER_WINDOW[1]
    for packet in container.demux([container.streams[index] for index in spans]):
        span = spans[packet.stream_index]
        span.add(packet)
        if packet.is_keyframe and packet.stream_index == leading and packet.pts is not None and span.seconds <= latest:
            key_frames.append(packet.pts)
    return key_frames


def _find_picture(container: InputContainer, stream: av.VideoStream, span: PacketSpan, key_frames: list[int]) -> DisplayedPicture:
    """The picture that stands for the video: at a key frame of the poster window if there is one, else the first."""
    first = span.first or 0
    wanted = [at for at in key_frames if span.time_base * (at - first) >= _POSTER_WINDOW[0]]
    for at in (*wanted[:1], first):
        picture = picture_at(container, stream, at)
        if picture is not None:
            return picture
    raise IngestFailure("MediaCorrupt", "no picture of the video can be decoded")


def _measure_sound(container: InputContainer, path: Path, found: MediaFormat, limits: SafetyLimits) -> MediaFacts:
    if not container.streams.audio:
        raise IngestFailure("MediaCorrupt", f"the {found.value} file holds no sound track")
    stream = container.streams.audio[0]
    if not _has_decoder(stream):
        raise IngestFailure("FormatUnsupported", f"the {found.value} file uses a codec that cannot be decoded here")
    span = PacketSpan(stream.time_base, open_ended=is_open_ended(path, found))
    decoded = 0
    last = FrameEnds(path) if found is MediaFormat.MP3 else None
    for packet in container.demux(stream):
        if not packet.size:
            continue
        span.add(packet)
        if span.seconds <= _SECONDS_DECODED:
            decoded += _decode_sound(packet, found)
        if last is not None:
            last.see(packet)
    if last is not None:
        last.check(span.packets)
    duration = _longest([span], limits)
    if not decoded or duration <= 0:
        raise IngestFailure("MediaCorrupt", f"the {found.value} file holds no sound that can be decoded")
    return MediaFacts(format=found, duration=duration, codec=stream.codec_context.codec.canonical_name)


def _decode_sound(packet: "av.Packet[av.AudioStream]", found: MediaFormat) -> int:
    """Samples in the packet. Bytes behind the last MP3 frame that are no frame (old tags) count for nothing."""
    try:
        return sum(frame.samples for frame in packet.decode())
    except av.FFmpegError:
        if found is MediaFormat.MP3 and bytes(packet)[:1] != b"\xff":
            return 0
        raise


def _longest(spans: list[PacketSpan], limits: SafetyLimits) -> float:
    """The duration of the longest stream, in seconds, within the limits."""
    duration = max(span.seconds for span in spans)
    if duration > _LONGEST_SANE:
        raise IngestFailure("MediaCorrupt", "the timestamps of the file make no sense")
    if duration > limits.duration:
        raise IngestFailure("DurationTooLong", f"duration {duration:.3f} s is above the maximum of {limits.duration:.0f} s (inclusive)")
    return duration


def _check_pixels(width: int, height: int, limits: SafetyLimits) -> None:
    if width < 1 or height < 1:
        raise IngestFailure("MediaCorrupt", "the video track gives no picture size")
    if width * height > limits.video_frame_pixels:
        raise IngestFailure(
            "PixelCountTooLarge",
            f"pixel count {width * height} px is above the maximum of {limits.video_frame_pixels} px in a video frame (inclusive)",
        )


def _not_a_video(container: InputContainer, found: MediaFormat) -> IngestFailure:
    if container.streams.audio:
        cover = " (a cover picture does not make it a video)" if container.streams.video else ""
        return IngestFailure("TypeMismatch", f"the {found.value} file holds sound but no video track{cover}; send sound as wav or mp3")
    return IngestFailure("TypeMismatch", f"the {found.value} file holds no video track")


def _described(error: Exception) -> str:
    """FFmpeg's words for the error, without the path that it appends."""
    words = error.strerror if isinstance(error, av.FFmpegError) else None
    return words or type(error).__name__
