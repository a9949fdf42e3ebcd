"""Metrics that a test can read."""

from collections import Counter, defaultdict

from spark_assets.ports.metrics import Count, Level, Measure


class Tally:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.values: dict[tuple[str, ...], list[float]] = defaultdict(list)
        self.levels: Counter[str] = Counter()

    def count(self, what: Count, *labels: str, by: float = 1) -> None:
        """Add it."""
        self.counts[what, *labels] += int(by)

    def observe(self, what: Measure, value: float, *labels: str) -> None:
        """Append it."""
        self.values[what, *labels].append(value)

    def shift(self, what: Level, by: float) -> None:
        """Add it."""
        self.levels[what] += int(by)
