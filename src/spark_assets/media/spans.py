"""How long a stream lasts and how many packets it has, told by its packets: what headers say is not believed."""

from fractions import Fraction
from typing import Any

import av

from spark_assets.domain.errors import IngestFailure


class PacketSpan:
    """The packets of one stream that are to be shown or heard, counted, and the time from the first to the end of the last.

    Packets that an edit list cuts away are left out. A packet without a time takes the place where the one before it ended.
    The last packet of a stream that is `open_ended` may be shorter than the demuxer expected.
    """

    def __init__(self, time_base: Fraction | None, *, open_ended: bool = False) -> None:
        if time_base is None or time_base <= 0:
            raise IngestFailure("MediaCorrupt", "a track of the file has no time base")
        self.time_base = time_base
        self._open_ended = open_ended
        self.packets = 0
        self.first: int | None = None
        self._end = 0
        self._ticks_per_second = float(1 / time_base)

    def add(self, packet: "av.Packet[Any]") -> None:
        """Count one packet; an empty one (the end of the stream) is nothing. Raises IngestFailure `MediaCorrupt`."""
        size = packet.size
        if not size or packet.is_discard:
            return
        if packet.is_corrupt and not self._open_ended:
            raise IngestFailure("MediaCorrupt", "a packet of the file is damaged or incomplete")
        self.packets += 1
        start = packet.pts
        if start is None:
            start = packet.dts if packet.dts is not None else self._end
        end = start + max(packet.duration or 0, 0)
        if self.first is None:
            self.first, self._end = start, end
            return
        self.first = min(self.first, start)
        self._end = max(self._end, end)

    @property
    def seconds(self) -> float:
        """The time covered so far; 0.0 before the first packet."""
        return 0.0 if self.first is None else (self._end - self.first) / self._ticks_per_second
