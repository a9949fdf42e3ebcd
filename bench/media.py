"""The media that are ingested: real pictures and clips of set sizes, each copy of which can be made distinct."""

import io
import random
import struct
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from PIL import Image

MEGABYTE: Final = 2**20
_NOISE: Final = 0.18
"""How much noise lies over the gradients: with it a JPEG of 1024 x 768 takes 170 KB at quality 85."""
_FRAME_RATE: Final = 60
_QUANTISER: Final = 28
"""x264's constant quantiser: a picture of 1280 x 720 with that noise takes 170 KB."""
_DIFFERENT_FRAMES: Final = 4


def jpeg_with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """The same picture with a comment segment after its first marker: other bytes, and the same work to decode."""
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]


def free_box(content: bytes) -> bytes:
    """What makes an MP4 distinct when it is appended: a box that readers pass over."""
    return struct.pack(">I", len(content) + 8) + b"free" + content


def make_jpegs(count: int) -> list[bytes]:
    """Different pictures of 1024 x 768, each a JPEG of about 170 KB."""
    return [_jpeg(seed) for seed in range(count)]


def make_mp4(path: Path, size: int) -> Path:
    """A clip of at most `size` bytes and not much fewer: 1280 x 720, 60 pictures a second, each a key frame.

    A few pictures are encoded and then repeated, so that it takes a second; every packet is a real one.
    """
    with av.open(str(path), "w", format="mp4") as output:
        options = {"preset": "ultrafast", "qp": str(_QUANTISER)}
        stream = output.add_stream("libx264", rate=_FRAME_RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.codec_context.gop_size = 1
        pictures = _encoded(stream)
        largest = max(len(picture) for picture in pictures)
        for index in range((size - MEGABYTE // 4) // largest):
            packet = av.Packet(pictures[index % len(pictures)])
            packet.stream, packet.is_keyframe = stream, True
            packet.pts = packet.dts = index
            packet.duration, packet.time_base = 1, Fraction(1, _FRAME_RATE)
            output.mux(packet)
    return path


def _jpeg(seed: int) -> bytes:
    buffer = io.BytesIO()
    _picture(1024, 768, seed).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _picture(width: int, height: int, seed: int) -> Image.Image:
    """Three gradients under noise of a size that survives compression."""
    gradient = Image.linear_gradient("L").resize((width, height))
    turned = gradient.transpose(Image.Transpose.ROTATE_180)
    radial = Image.radial_gradient("L").resize((width, height))
    half = (width // 2, height // 2)
    noise = Image.frombytes("RGB", half, random.Random(seed).randbytes(half[0] * half[1] * 3))
    return Image.blend(Image.merge("RGB", (gradient, turned, radial)), noise.resize((width, height), Image.Resampling.BICUBIC), _NOISE)


def _encoded(stream: av.VideoStream) -> list[bytes]:
    packets: list[bytes] = []
    for index in range(_DIFFERENT_FRAMES):
        frame = av.VideoFrame.from_image(_picture(1280, 720, index)).reformat(format="yuv420p")  # type: ignore[no-untyped-call]  # typed in name only
        frame.pts, frame.time_base = index, Fraction(1, _FRAME_RATE)
        packets += [bytes(packet) for packet in stream.encode(frame)]
    return packets + [bytes(packet) for packet in stream.encode(None)]
