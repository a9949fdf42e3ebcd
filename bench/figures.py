"""What a row of the table says, and how it is judged."""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

ROUNDS: Final = 5
"""Measurements of each side of a row; the median is what counts."""
NOISE: Final = 0.10
"""By how much a row may get worse from one run to the next without being marked."""


class Goal(msgspec.Struct, frozen=True):
    """What a row should reach."""

    limit: float
    at_least: bool
    """Whether more is better."""
    of_ratio: bool = True
    """Whether the limit is held against the ratio to the baseline, or against our figure alone."""
    unit: str = ""

    def is_reached(self, ours: float, ratio: float) -> bool:
        """Whether a measured row is good enough."""
        value = self.judged(ours, ratio)
        return value >= self.limit if self.at_least else value <= self.limit

    def judged(self, ours: float, ratio: float) -> float:
        """Which of the two the limit is held against."""
        return ratio if self.of_ratio else ours

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}{self.unit}"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row: what was measured on both sides, round by round, and the median of each."""

    row: str
    unit: str
    ours: float
    baseline: float
    ratio: float
    goal: str
    reached: bool
    judged: float
    """What was held against the goal."""
    scale: float
    """What counts as much where the figure itself is near zero: the limit of a goal that is no ratio, else 0."""
    more_is_better: bool
    measured_at: str
    our_rounds: list[float]
    baseline_rounds: list[float]
    remarks: str = ""

    def is_worse_than(self, before: "Figure") -> bool:
        """Whether it is worse than an earlier run's by more than noise."""
        worse = before.judged - self.judged if self.more_is_better else self.judged - before.judged
        return worse > NOISE * max(abs(before.judged), self.scale)


def compare(row: str, unit: str, ours: Sequence[float], baseline: Sequence[float], goal: Goal, remarks: str = "") -> Figure:
    """The row of two series that were measured in turns."""
    our_median, baseline_median = statistics.median(ours), statistics.median(baseline)
    ratio = our_median / baseline_median
    return Figure(
        row=row,
        unit=unit,
        ours=our_median,
        baseline=baseline_median,
        ratio=ratio,
        goal=str(goal),
        reached=goal.is_reached(our_median, ratio),
        judged=goal.judged(our_median, ratio),
        scale=0.0 if goal.of_ratio else goal.limit,
        more_is_better=goal.at_least,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        our_rounds=list(ours),
        baseline_rounds=list(baseline),
        remarks=remarks,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of all values lies, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
