"""MPEG audio frames: four header bytes that say how long the frame is, and so where the next must begin.

Tables: ISO/IEC 11172-3 section 2.4.2.3, ISO/IEC 13818-3 section 2.4.2.3; MPEG 2.5 is the usual extension to lower rates.
"""

from typing import Final, NamedTuple

_V1_LAYER_3: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V2_LAYER_3: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_V1_LAYER_2: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_V1_LAYER_1: Final = tuple(32 * index for index in range(15))
_V2_LAYER_1: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_BIT_RATES: Final = {
    (1, 1): _V1_LAYER_1,
    (1, 2): _V1_LAYER_2,
    (1, 3): _V1_LAYER_3,
    (2, 1): _V2_LAYER_1,
    (2, 2): _V2_LAYER_3,
    (2, 3): _V2_LAYER_3,
}
"""Kilobits per second by generation and layer."""
_SAMPLE_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Hertz by the version's two bits: MPEG 1, MPEG 2, MPEG 2.5."""
_LAYERS: Final = {3: 1, 2: 2, 1: 3}
FRAMES_TO_VERIFY: Final = 4
"""Consecutive frames that must agree before bytes count as MPEG audio."""


class Frame(NamedTuple):
    """What a header says: layer, sample rate in hertz, MPEG version's bits, and the frame's length in bytes."""

    layer: int
    sample_rate: int
    version: int
    length: int


def read_frame(data: bytes, position: int) -> Frame | None:
    """The frame whose header begins at the position, or None if there is none. Free-format frames are not read."""
    header = data[position : position + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = (header[1] >> 3) & 3, _LAYERS.get((header[1] >> 1) & 3, 0)
    rate_index, sample_index, padding = header[2] >> 4, (header[2] >> 2) & 3, (header[2] >> 1) & 1
    if version == 1 or layer == 0 or not 0 < rate_index < 15 or sample_index == 3:
        return None
    generation = 1 if version == 3 else 2
    bits = 1000 * _BIT_RATES[generation, layer][rate_index]
    sample_rate = _SAMPLE_RATES[version][sample_index]
    if layer == 1:
        length = (12 * bits // sample_rate + padding) * 4
    else:
        length = (72 if generation == 2 and layer == 3 else 144) * bits // sample_rate + padding
    return Frame(layer, sample_rate, version, length)


def verified_layer(data: bytes, position: int, frames: int = FRAMES_TO_VERIFY) -> int | None:
    """The layer of a run of consecutive frames of one kind that begins here, or None.

    A run may be shorter than asked for where the data end within its last frame, but never a single frame.
    """
    first = read_frame(data, position)
    if first is None:
        return None
    frame = first
    for count in range(1, frames):
        position += frame.length
        following = read_frame(data, position)
        if following is None:
            ended = position >= len(data) - 3
            return first.layer if ended and count >= 2 else None
        if following[:3] != first[:3]:
            return None
        frame = following
    return first.layer


def adts_runs_from(data: bytes, position: int) -> bool:
    """Whether AAC frames with ADTS headers follow one another from here."""
    for _ in range(3):
        header = data[position : position + 6]
        if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
            return False
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        if length < 7:
            return False
        position += length
    return True
