"""Whether a recording's outermost boxes or chunks fit into the file: a broken transfer shows there, whatever a parser forgives."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import MediaFormat

_UNKNOWN_LENGTHS: Final = frozenset({0, 0xFFFFFFFF})
"""What a WAV says of its data while it is being streamed, or where a 64-bit header says it instead."""


def check_complete(path: Path, found: MediaFormat) -> None:
    """Raise IngestFailure `MediaCorrupt` if the file says of itself that it should be longer. MP3 has no such outline."""
    outline = _OUTLINES.get(found)
    if outline is None:
        return
    with path.open("rb") as file:
        length = path.stat().st_size
        expected = outline(file, length)
    if expected > length:
        raise IngestFailure(
            "MediaCorrupt",
            f"the {found.value} file is incomplete: its parts need at least {expected} bytes, and it has {length}",
        )


def is_open_ended(path: Path, found: MediaFormat) -> bool:
    """Whether a WAV was written as a stream and says so: its data go on to its end, wherever that is."""
    if found is not MediaFormat.WAV:
        return False
    with path.open("rb") as file:
        return file.read(4) == b"RIFF" and _data_length(file, path.stat().st_size) in _UNKNOWN_LENGTHS


def _boxes_end(file: BinaryIO, length: int) -> int:
    """Where the last top-level box ends (ISO/IEC 14496-12 section 4.2). Length 0 means: to the end of the file."""
    position = 0
    while position + 8 <= length:
        file.seek(position)
        header = file.read(16)
        size = int.from_bytes(header[:4])
        if size == 1:
            size = int.from_bytes(header[8:16])
        elif size == 0:
            return length
        if size < 8:
            return position  # rubbish or padding after the last box
        position += size
    return position


def _chunks_end(file: BinaryIO, length: int) -> int:
    """Where the data chunk of a WAV ends, by its own word."""
    position = 12
    for kind, position, size in _chunks(file, length):
        if kind == b"data":
            return length if size in _UNKNOWN_LENGTHS else position + size
        position += size + size % 2
    return position


def _data_length(file: BinaryIO, length: int) -> int | None:
    return next((size for kind, _, size in _chunks(file, length) if kind == b"data"), None)


def _chunks(file: BinaryIO, length: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place of the payload, and length of each chunk of a WAV, by its own word."""
    position = 12
    while position + 8 <= length:
        file.seek(position)
        header = file.read(8)
        size = int.from_bytes(header[4:], "little")
        yield header[:4], position + 8, size
        position += 8 + size + size % 2


_OUTLINES: Final[dict[MediaFormat, Callable[[BinaryIO, int], int]]] = {
    MediaFormat.MP4: _boxes_end,
    MediaFormat.MOV: _boxes_end,
    MediaFormat.WAV: _chunks_end,
}
