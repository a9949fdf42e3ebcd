"""Charts as numbers: where the bars of a drawing stand. Templates draw them as SVG, without a script."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

WIDTH: Final = 1000
HEIGHT: Final = 200
"""The drawing's own units; it is stretched over the place that the page has for it."""
_LEAST: Final = 2.0
"""Height of the smallest bar that is not nothing: a little must not look like none."""
_FILLED: Final = 0.72
"""The share of its place that a bar fills."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of a chart: what it stands for, its value as it is shown, and its place in the drawing."""

    label: str
    shown: str
    x: float
    y: float
    width: float
    height: float


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Upright bars beside each other, and the value, as it is shown, that reaches to the top."""

    bars: list[Bar]
    top: str
    is_empty: bool
    width: int = WIDTH
    height: int = HEIGHT


def upright(values: Sequence[tuple[str, Decimal, str]]) -> Chart:
    """A chart of labels, values and values as they are shown, in this order."""
    highest = max((value for _, value, _ in values), default=Decimal(0))
    place = WIDTH / max(len(values), 1)
    bars = []
    for number, (label, value, shown) in enumerate(values):
        height = max(float(value / highest) * HEIGHT, _LEAST) if value else 0.0
        x = place * (number + (1 - _FILLED) / 2)
        bars.append(
            Bar(
                label=label,
                shown=shown,
                x=round(x, 2),
                y=round(HEIGHT - height, 2),
                width=round(place * _FILLED, 2),
                height=round(height, 2),
            )
        )
    top = next((shown for _, value, shown in values if value == highest), "")
    return Chart(bars=bars, top=top, is_empty=not highest)


def share(part: Decimal | int, whole: Decimal | int) -> float:
    """How many hundredths of the whole a part is, at most all of them; 0 of nothing."""
    return round(min(float(part / whole), 1.0) * 100, 2) if whole else 0.0
