"""The shape of a sound, drawn: loudness over time as bars that read on light and dark pages alike."""

from array import array
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from PIL import Image, ImageDraw

from spark_assets.media.previews import save_preview

WIDTH: Final = 1024
"""Pixels."""
HEIGHT: Final = 256
"""Pixels."""
_BARS: Final = WIDTH // 4
_BAR_WIDTH: Final = 3
_RATE: Final = 8_000
"""Hertz: enough to see loudness, and a sixth of the samples."""
_LOUDEST: Final = 32_768
_BACKGROUND: Final = (31, 41, 51)
_INK: Final = (94, 196, 182)
_PIECE: Final = 256
"""Samples whose peak is kept while reading; at most 56,000 pieces in half an hour."""


def draw_waveform(container: InputContainer, target: Path) -> None:
    """Draw the peaks of the first sound track, WIDTH x HEIGHT pixels, as a preview."""
    bars = _gather(read_peaks(container))
    image = Image.new("RGB", (WIDTH, HEIGHT), _BACKGROUND)
    pen = ImageDraw.Draw(image)
    middle, pitch = HEIGHT // 2, WIDTH // _BARS
    for index, peak in enumerate(bars):
        reach = max(1, round(peak / _LOUDEST * (middle - 8)))
        left = index * pitch
        pen.rectangle((left, middle - reach, left + _BAR_WIDTH - 1, middle + reach - 1), fill=_INK)
    save_preview(image, target)


def read_peaks(container: InputContainer) -> list[int]:
    """The largest deflection (0 to 32,768) of each run of samples, in order; damaged packets are passed over."""
    stream = container.streams.audio[0]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
    peaks: list[int] = []
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            for piece in resampler.resample(frame):
                peaks.extend(_peaks_of(piece))
    return peaks


def _peaks_of(frame: av.AudioFrame) -> list[int]:
    samples = array("h", bytes(frame.planes[0])[: frame.samples * 2])
    runs = (samples[start : start + _PIECE] for start in range(0, len(samples), _PIECE))
    return [max(max(run), -min(run)) for run in runs]


def _gather(peaks: list[int]) -> list[int]:
    """The peaks spread over the bars, each bar as high as the loudest of its share."""
    if not peaks:
        return [0] * _BARS
    count = len(peaks)
    return [max(peaks[index * count // _BARS : max((index + 1) * count // _BARS, index * count // _BARS + 1)]) for index in range(_BARS)]
