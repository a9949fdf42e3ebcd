"""Measurements as they are taken: a request pays for two additions, and the library's locks and files are met once a second."""

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client import Histogram


class Tally:
    """What was measured since it was last handed over. To be used by one thread."""

    __slots__ = ("_bounds", "_counts", "_histogram", "_total")

    def __init__(self, histogram: Histogram, bounds: Sequence[float]) -> None:
        """`bounds`: the largest value of each bucket but the last, which has none."""
        self._histogram = histogram
        self._bounds = bounds
        self._total = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def add(self, value: float) -> None:
        """Measure."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def hand_over(self) -> None:
        """Give the histogram what it would have, had it been told each value."""
        if not any(self._counts):
            return
        for bucket, number in zip(self._histogram._buckets, self._counts, strict=True):  # it takes only one value at a time otherwise
            if number:
                bucket.inc(number)
        self._histogram._sum.inc(self._total)
        self._total = 0.0
        self._counts = [0] * len(self._counts)
