"""Whether an MP3 ends where it should: it has no outline to hold it against, but a last frame, and often a header with a count."""

from pathlib import Path
from typing import Any, Final

import av

from spark_assets.domain.errors import IngestFailure

_LONGEST_FRAME: Final = 2_881
"""Bytes: MPEG 2.5 layer III at 160 kbit/s and 8 kHz, padded."""
_SLACK: Final = 2
"""Frames that writers of headers disagree about: whether the header's own frame counts, and the encoder's delay."""


class FrameEnds:
    """Watches the packets of an MP3 go by, and judges its end when they are through."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first_position: int | None = None
        self._last: av.Packet[Any] | None = None

    def see(self, packet: "av.Packet[Any]") -> None:
        """Take note of one packet, in order."""
        if self._last is None:
            self._first_position = packet.pos
        if bytes(memoryview(packet)[:1]) == b"\xff":
            self._last = packet  # what is no frame (an old tag at the end) is no end either

    def check(self, packets: int) -> None:
        """Raise IngestFailure `MediaCorrupt` if the last frame is cut, or if there are fewer frames than the header counts."""
        if self._last is not None and not av.CodecContext.create("mp3", "r").parse(bytes(self._last)):
            raise IngestFailure("MediaCorrupt", "the mp3 file is incomplete: its last frame is cut off")
        announced = self._announced()
        if announced is not None and packets + _SLACK < announced:
            raise IngestFailure(
                "MediaCorrupt", f"the mp3 file is incomplete: it has {packets} of the {announced} frames that its header counts"
            )

    def _announced(self) -> int | None:
        """The number of frames in the Xing or Info header, which sits in a frame of its own before the first that sounds."""
        if not self._first_position or self._first_position < 0:
            return None
        with self._path.open("rb") as file:
            file.seek(max(0, self._first_position - _LONGEST_FRAME))
            before = file.read(min(self._first_position, _LONGEST_FRAME))
        at = max(before.rfind(b"Xing"), before.rfind(b"Info"))
        if at < 0 or len(before) < at + 12 or not before[at + 7] & 1:
            return None
        return int.from_bytes(before[at + 8 : at + 12])
