"""One picture of a video, as it is displayed: after sample aspect ratio and rotation."""

from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import av
from av.container import InputContainer
from PIL import Image

from spark_assets.media.previews import fitted, save_preview

_PACKETS_TRIED: Final = 60
"""Packets fed to the decoder before a video counts as undecodable; decoders hold back at most 16."""
_HALF_TURN: Final = 180
_TURNS: Final = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}
"""Anticlockwise degrees, in FFmpeg's sense and Pillow's alike."""


class DisplayedPicture(NamedTuple):
    """A decoded frame, the quarter turns to bring it upright (degrees, anticlockwise), and its size upright in pixels."""

    frame: av.VideoFrame
    rotation: int
    width: int
    height: int


def picture_at(container: InputContainer, stream: av.VideoStream, at: int) -> DisplayedPicture | None:
    """The first picture that can be decoded from the timestamp on; None if there is none near."""
    frame = _decode_alone(container, stream, at) or _decode_along(container, stream, at)
    if frame is None:
        return None
    turned = frame.rotation if abs(frame.rotation) <= _HALF_TURN else 0  # a matrix that turns by no angle gives any number
    rotation = round(turned / 90) * 90 % 360
    ratio = stream.sample_aspect_ratio or Fraction(1)
    width, height = max(1, round(frame.width * ratio)), frame.height
    if rotation in (90, 270):
        width, height = height, width
    return DisplayedPicture(frame, rotation, width, height)


def write_poster(picture: DisplayedPicture, target: Path) -> None:
    """Write the picture upright and shrunk as a preview; FFmpeg's scaler works on the decoded planes directly."""
    sideways = picture.rotation in (90, 270)
    width, height = fitted(picture.width, picture.height)
    if sideways:
        width, height = height, width
    image = picture.frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_image()  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
    turn = _TURNS.get(picture.rotation)
    save_preview(image if turn is None else image.transpose(turn), target)


def _decode_alone(container: InputContainer, stream: av.VideoStream, at: int) -> av.VideoFrame | None:
    """Decode the key frame at the timestamp by itself: enough nearly always, and the cheapest way."""
    container.seek(at, stream=stream, backward=True)
    try:
        for packet in container.demux(stream):
            frames = [*packet.decode(), *(stream.decode(None) if packet.size else [])]
            return frames[0] if frames else None
    except av.FFmpegError:
        return None
    finally:
        stream.codec_context.flush_buffers()
    return None


def _decode_along(container: InputContainer, stream: av.VideoStream, at: int) -> av.VideoFrame | None:
    """Decode onwards from the timestamp until a picture comes out, passing over what is damaged."""
    container.seek(at, stream=stream, backward=True)
    for count, packet in enumerate(container.demux(stream)):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            frames = []
        if frames:
            return frames[0]
        if count >= _PACKETS_TRIED:
            break
    return None
