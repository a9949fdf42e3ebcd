"""Real media made on the spot: each function writes a file of the asked size, length and rate, the same bytes every time."""

import io
import math
import wave
from array import array
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, cast

import av
import pillow_heif
from PIL import Image

from tests.factories.hostile_media import cut as cut
from tests.factories.hostile_media import make_concat_script as make_concat_script
from tests.factories.hostile_media import make_gif_bomb as make_gif_bomb
from tests.factories.hostile_media import make_playlist as make_playlist
from tests.factories.hostile_media import make_png_bomb as make_png_bomb
from tests.factories.hostile_media import spoil as spoil

GPS_LATITUDE = (51.0, 30.0, 26.0)
ORIENTATION_TAG = 0x0112
GPS_TAG = 0x8825


@cache
def _noise(width: int, height: int) -> Image.Image:
    """A picture with detail, the same for the same size: a gradient under a pattern made by arithmetic alone."""
    small = Image.new("RGB", (min(width, 160), min(height, 120)))
    columns = small.width
    small.putdata([((i * 7) % 256, (i * 13 + i // columns * 29) % 256, (i * i) % 256) for i in range(columns * small.height)])
    return small.resize((width, height), Image.Resampling.BICUBIC)


def _exif(orientation: int | None, gps: bool) -> Image.Exif:
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION_TAG] = orientation
    if gps:
        exif[GPS_TAG] = {1: "N", 2: GPS_LATITUDE, 3: "W", 4: (0.0, 7.0, 39.0)}
    return exif


def make_jpeg(
    path: Path,
    width: int = 640,
    height: int = 480,
    *,
    quality: int = 80,
    orientation: int | None = None,
    gps: bool = False,
    mode: str = "RGB",
    icc_profile: bytes | None = None,
    progressive: bool = False,
) -> Path:
    """A JPEG of so many stored pixels; `orientation` is the EXIF value 1 to 8."""
    image = _noise(width, height).convert(mode)
    extra = {} if icc_profile is None else {"icc_profile": icc_profile}
    image.save(path, "JPEG", quality=quality, exif=_exif(orientation, gps), progressive=progressive, **extra)
    return path


def make_png(path: Path, width: int = 640, height: int = 480, *, mode: str = "RGB", frames: int = 1) -> Path:
    """A PNG; an APNG if it has several frames."""
    _save(path, "PNG", width, height, frames, mode=mode, compress_level=1)
    return path


def make_webp(path: Path, width: int = 640, height: int = 480, *, frames: int = 1, orientation: int | None = None) -> Path:
    """A WebP, animated if it has several frames."""
    _save(path, "WEBP", width, height, frames, method=0, exif=_exif(orientation, gps=False))
    return path


def make_bmp(path: Path, width: int = 640, height: int = 480) -> Path:
    """A BMP of 24 bits."""
    _save(path, "BMP", width, height, 1)
    return path


def make_tiff(path: Path, width: int = 640, height: int = 480, *, pages: int = 1, orientation: int | None = None) -> Path:
    """A TIFF, of several pages on request."""
    extra: dict[str, Any] = {} if orientation is None else {"tiffinfo": {ORIENTATION_TAG: orientation}}
    _save(path, "TIFF", width, height, pages, compression="tiff_lzw", **extra)
    return path


def make_gif(path: Path, width: int = 640, height: int = 480, *, frames: int = 1) -> Path:
    """A GIF, animated if it has several frames."""
    _save(path, "GIF", width, height, frames)
    return path


def make_heic(path: Path, width: int = 640, height: int = 480, *, orientation: int | None = None, major_brand: bytes = b"heic") -> Path:
    """A HEIC by pillow-heif, its orientation written as a transformation; with the major brand `mif1` it is a HEIF."""
    buffer = io.BytesIO()
    pillow_heif.register_heif_opener()
    _noise(width, height).save(buffer, "HEIF", quality=50, exif=_exif(orientation, gps=False).tobytes(), enc_params={"preset": "ultrafast"})
    content = bytearray(buffer.getvalue())
    content[8:12] = major_brand
    path.write_bytes(content)
    return path


def _save(path: Path, kind: str, width: int, height: int, frames: int, mode: str = "RGB", **options: object) -> None:
    first = _noise(width, height).convert(mode)
    if frames == 1:
        first.save(path, kind, **options)
        return
    others = [_marked(first, index) for index in range(1, frames)]
    extra = {} if kind == "TIFF" else {"duration": 100, "loop": 0}
    first.save(path, kind, save_all=True, append_images=others, **extra, **options)


def _marked(image: Image.Image, index: int) -> Image.Image:
    """The picture with a mark that tells its place, so that no writer merges it with its neighbour."""
    copy = image.copy()
    copy.paste((index * 37 % 256, index // 7 % 256, index % 256), (0, 0, max(1, image.width // 4), max(1, image.height // 4)))
    return copy


def make_video(
    path: Path,
    width: int = 640,
    height: int = 640,
    *,
    seconds: float = 2.0,
    fps: float = 24.0,
    container: str = "mp4",
    codec: str = "libx264",
    audio: bool = False,
    audio_seconds: float | None = None,
    rotation: int = 0,
    sample_aspect_ratio: Fraction | None = None,
    keyframe_interval: int = 12,
    fragmented: bool = False,
    index_first: bool = False,
) -> Path:
    """A video of exactly round(seconds * fps) frames; `container` is `mp4` or `mov`; `rotation` in degrees, anticlockwise as FFmpeg says.

    Exact limits: choose seconds and fps whose product is whole (1.8 s at 25 fps; 1.76 s at 25 fps; 2.0 s at 23.8 is not).
    """
    flags = "frag_keyframe+empty_moov+default_base_moof" if fragmented else "faststart" if index_first else ""
    with av.open(str(path), "w", format=container, options={"movflags": flags} if flags else {}) as output:
        rate = Fraction(fps).limit_denominator(1000)
        stream = cast(
            av.VideoStream, output.add_stream(codec, rate=rate, options={"preset": "ultrafast", "crf": "40"} if codec == "libx264" else {})
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = keyframe_interval
        stream.codec_context.time_base = 1 / rate
        if sample_aspect_ratio is not None:
            stream.sample_aspect_ratio = sample_aspect_ratio
        if rotation:
            stream.set_display_rotation(rotation)
        sound = output.add_stream("aac", rate=44100, layout="mono") if audio else None
        for packet in _video_packets(stream, width, height, round(seconds * fps), 1 / rate):
            output.mux(packet)
        if sound is not None:
            for frame in _sound_frames(sound, audio_seconds if audio_seconds is not None else seconds):
                output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return path


def _video_packets(
    stream: av.VideoStream, width: int, height: int, count: int, time_base: Fraction
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Encoded frames: a bright bar moves over a still background. Three sources are converted once and repeated."""
    sources = []
    for index in range(3):
        picture = _noise(width, height).copy()
        picture.paste((255, 220, 40), (index * width // 4, 0, index * width // 4 + width // 8, height))
        sources.append(av.VideoFrame.from_image(picture).reformat(format="yuv420p"))  # type: ignore[no-untyped-call]
    for index in range(count):
        frame = sources[index % 3]
        frame.pts, frame.time_base = index, time_base
        yield from stream.encode(frame)
    yield from stream.encode(None)


def make_mov(path: Path, width: int = 640, height: int = 640, *, rotation: int = 0, seconds: float = 2.0, fps: float = 24.0) -> Path:
    """A QuickTime file, by default upright."""
    return make_video(path, width, height, rotation=rotation, seconds=seconds, fps=fps, container="mov")


def make_sound_in_mp4(path: Path, seconds: float = 2.0) -> Path:
    """An MP4 (by its brand) that holds sound and no picture."""
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44100, layout="mono")
        for frame in _sound_frames(stream, seconds):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _samples(start: int, count: int, rate: int) -> "array[int]":
    """A tone that swells and fades, 16 bits."""
    return array(
        "h",
        (
            int(12000 * (0.2 + 0.8 * abs(math.sin(i / rate * 2))) * math.sin(i * 2 * math.pi * 440 / rate))
            for i in range(start, start + count)
        ),
    )


def _sound_frames(stream: av.AudioStream, seconds: float, rate: int = 44100) -> Iterator[av.AudioFrame]:
    """Mono frames in the encoder's format, of 1,024 samples or fewer at the end."""
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
    total = round(seconds * rate)
    for start in range(0, total, 1024):
        samples = _samples(start, min(1024, total - start), rate)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
        frame.planes[0].update(samples.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield from resampler.resample(frame)


def make_wav(path: Path, seconds: float = 2.0, *, rate: int = 44100, channels: int = 1) -> Path:
    """A WAV of 16-bit samples, exactly round(seconds * rate) of them."""
    mono = _samples(0, round(seconds * rate), rate)
    with wave.open(str(path), "wb") as output:
        output.setnchannels(channels)
        output.setsampwidth(2)
        output.setframerate(rate)
        output.writeframes(array("h", (sample for sample in mono for _ in range(channels))).tobytes())
    return path


def make_mp3(
    path: Path,
    seconds: float = 2.0,
    *,
    variable: bool = False,
    header: bool = True,
    tag: bool = True,
    cover: bool = False,
) -> Path:
    """An MP3 by LAME: variable bit rate or constant, with or without the Xing header, the ID3v2 tag, and a cover picture."""
    options = {"write_xing": "1" if header else "0", "id3v2_version": "3" if tag or cover else "0"}
    with av.open(str(path), "w", format="mp3", options=options) as output:
        stream = output.add_stream("libmp3lame", rate=44100, layout="mono", options={"compression_level": "9"})
        if variable:
            stream.codec_context.qscale = True
            stream.codec_context.global_quality = 4 * 118
        else:
            stream.bit_rate = 128_000
        picture = _add_cover(output) if cover else None
        if picture is not None:
            output.mux(picture)
        for frame in _sound_frames(stream, seconds):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _add_cover(output: av.container.OutputContainer) -> "av.Packet[Any]":
    buffer = io.BytesIO()
    _noise(600, 600).save(buffer, "JPEG", quality=70)
    stream = output.add_stream("mjpeg", rate=1)
    stream.width, stream.height, stream.pix_fmt = 600, 600, "yuvj420p"
    stream.disposition = av.stream.Disposition.attached_pic
    packet = av.Packet(buffer.getvalue())
    packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1)
    return packet


def make_song_with_cover_mp4(path: Path, seconds: float = 2.0) -> Path:
    """An MP4 of sound with an attached cover picture, as music shops make them."""
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44100, layout="mono")
        picture = _add_cover(output)
        output.mux(picture)
        for frame in _sound_frames(stream, seconds):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
