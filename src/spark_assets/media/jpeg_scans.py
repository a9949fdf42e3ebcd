"""Whether a JPEG has bytes enough for the pixels that its header promises: its reader fills up what is missing, and says nothing."""

from pathlib import Path
from typing import Final

from PIL import JpegImagePlugin

from spark_assets.domain.errors import IngestFailure

_BLOCK: Final = 8
"""Pixels on the side of a block (ITU-T T.81, section A.1.1)."""
_HUFFMAN: Final = {0: 2, 1: 2, 2: 1}
"""Bits that a block takes at least, by the number of the start of frame: one code for its mean and one for its end, each of one
bit or more; in a progressive picture (2) the ends of many blocks may share a code. Section F.1.2, G.1.2."""
_START_OF_FRAME: Final = 0xC0
_NO_FRAMES: Final = frozenset({0xC4, 0xC8, 0xCC})
"""Markers among those of frames that define tables instead."""


def check_scans(path: Path, image: JpegImagePlugin.JpegImageFile) -> None:
    """Raise IngestFailure `MediaCorrupt` if the whole file is too short to code that many blocks, however well they pack."""
    process = _process(path)
    if process not in _HUFFMAN:
        return  # arithmetic and other codes know no least length
    bits = _HUFFMAN[process]
    blocks = -(-image.width // _BLOCK) * -(-image.height // _BLOCK)
    length = path.stat().st_size
    if length * 8 < blocks * bits:
        raise IngestFailure(
            "MediaCorrupt",
            f"the jpeg picture is incomplete: {image.width} x {image.height} px take at least {blocks * bits // 8} bytes, it has {length}",
        )


def _process(path: Path) -> int | None:
    """The number of the first start of frame: 0 baseline, 1 extended, 2 progressive; None if there is none where it should be."""
    with path.open("rb") as file:
        file.seek(2)
        while (marker := file.read(4)) and len(marker) == 4 and marker[0] == 0xFF:
            if marker[1] & 0xF0 == _START_OF_FRAME and marker[1] not in _NO_FRAMES:
                return marker[1] - _START_OF_FRAME
            is_filling = marker[1] == 0xFF  # any number of these may stand before a marker
            file.seek(-3 if is_filling else int.from_bytes(marker[2:]) - 2, 1)
    return None
