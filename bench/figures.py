"""What a row of the table says, and how it is judged."""

import statistics
from collections.abc import Sequence
from typing import Final

import msgspec

ROUNDS: Final = 5
"""Measurements of each side of a row; the median is what counts."""


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
        value = ratio if self.of_ratio else ours
        return value >= self.limit if self.at_least else value <= self.limit

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
    our_rounds: list[float]
    baseline_rounds: list[float]
    remarks: str = ""


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
        our_rounds=list(ours),
        baseline_rounds=list(baseline),
        remarks=remarks,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of all values lies, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
