"""The demo's media, drawn on the spot: a picture, a clip and a sound, all of one evening in the hills."""

import math
import random
import wave
from array import array
from pathlib import Path
from typing import Final

import av
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]

_SKY: Final[tuple[Colour, ...]] = ((22, 24, 58), (72, 52, 112), (196, 92, 112), (250, 168, 104), (255, 220, 160))
"""From the zenith down to the horizon."""
_FAR: Final[Colour] = (156, 92, 122)
_NEAR: Final[Colour] = (20, 16, 38)
_LAYERS: Final = 5
_HORIZON: Final = 0.72
"""Height of the last bit of sky, as a share of the picture, counted from above."""

CLIP_SIDE: Final = 640
"""Pixels."""
CLIP_RATE: Final = 24
"""Frames per second."""
SECONDS: Final = 3
"""Length of the clip and of the sound."""
_SOUND_RATE: Final = 32_000
"""Samples per second."""
_TUNE: Final = ((0.0, 261.63), (0.3, 329.63), (0.6, 392.0), (0.9, 493.88), (1.2, 587.33), (1.5, 523.25), (1.8, 392.0), (2.1, 523.25))
"""When each note is struck, in seconds, and its pitch in hertz."""


def draw_picture(path: Path) -> None:
    """A JPEG of 1280 x 960 px, drawn at twice the size for smooth edges."""
    _landscape(2560, 1920, moment=0.35).reduce(2).save(path, "JPEG", quality=88)


def draw_clip(path: Path) -> None:
    """An MP4 of 640 x 640 px, 24 frames a second, three seconds: the sun goes down while the hills pass by."""
    frames = SECONDS * CLIP_RATE
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=CLIP_RATE, options={"preset": "veryfast", "crf": "23"})
        stream.width = stream.height = CLIP_SIDE
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            picture = _landscape(CLIP_SIDE, CLIP_SIDE, moment=number / frames)
            output.mux(stream.encode(av.VideoFrame.from_image(picture)))  # type: ignore[no-untyped-call]  # PyAV types its frames, but not this
        output.mux(stream.encode(None))


def play_sound(path: Path) -> None:
    """A WAV of three seconds, one channel of 16 bits: a few plucked notes."""
    samples = [0.0] * (SECONDS * _SOUND_RATE)
    for start, pitch in _TUNE:
        _pluck(samples, int(start * _SOUND_RATE), pitch)
    loudest = max(map(abs, samples))
    fade = _SOUND_RATE // 10
    for index in range(1, fade + 1):
        samples[-index] *= index / fade
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_SOUND_RATE)
        sound.writeframes(array("h", (int(sample / loudest * 26_000) for sample in samples)).tobytes())


def _pluck(samples: list[float], start: int, pitch: float) -> None:
    """Add a string of this pitch (Karplus and Strong, 1983): a burst of noise that goes round and wears off."""
    chance = random.Random(pitch)  # the same tune every time
    string = [chance.uniform(-1, 1) for _ in range(round(_SOUND_RATE / pitch))]
    length, before = len(string), 0.0
    for index in range(start, len(samples)):
        place = (index - start) % length
        now = string[place]
        samples[index] += now
        string[place] = 0.4985 * (now + before)
        before = now


def _landscape(width: int, height: int, moment: float) -> Image.Image:
    """The evening at a moment between 0 (a high sun) and 1 (a low one)."""
    picture = _sky(width, height)
    _shine(picture, (int(width * 0.62), int(height * (0.3 + 0.35 * moment))), height // 11)
    draw = ImageDraw.Draw(picture)
    for layer in range(_LAYERS):
        nearness = layer / (_LAYERS - 1)
        draw.polygon(_ridge(width, height, layer, moment), fill=_mix(_FAR, _NEAR, nearness**0.7))
    return picture


def _sky(width: int, height: int) -> Image.Image:
    column = Image.new("RGB", (1, len(_SKY)))
    column.putdata(_SKY)
    return column.resize((width, int(height * _HORIZON)), Image.Resampling.BICUBIC).crop((0, 0, width, height))


def _shine(picture: Image.Image, centre: tuple[int, int], radius: int) -> None:
    """A sun with its glow, by way of a mask a quarter of the size: the blur makes that invisible."""
    x, y = centre
    glow = Image.new("L", (picture.width // 4, picture.height // 4))
    ImageDraw.Draw(glow).circle((x / 4, y / 4), radius / 2.2, fill=150)
    glow = glow.filter(ImageFilter.GaussianBlur(radius / 4)).resize(picture.size, Image.Resampling.BICUBIC)
    picture.paste((255, 226, 176), (0, 0), glow)
    ImageDraw.Draw(picture).circle(centre, radius, fill=(255, 244, 214))


def _ridge(width: int, height: int, layer: int, moment: float) -> list[tuple[float, float]]:
    """The outline of one range of hills; nearer ones stand lower and pass by faster."""
    top = height * (0.56 + 0.085 * layer)
    size = height * (0.05 + 0.012 * layer)
    shift = layer * 1.9 + moment * 0.5 * (layer + 1)
    line = [(x, top - size * _wave(x / width * 2 * math.pi + shift, layer)) for x in range(0, width + 8, 8)]
    return [(0, height), *line, (width, height)]


def _wave(angle: float, layer: int) -> float:
    return math.sin(angle) + 0.5 * math.sin(2.3 * angle + layer) + 0.22 * math.sin(5.1 * angle + 2 * layer) + 0.08 * math.sin(13 * angle)


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
