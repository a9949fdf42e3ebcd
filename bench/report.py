"""The table of `docs/performance.md`, written from what was measured: `python -m bench.report`; every run of rows does it too."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure

PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
_BEGIN: Final = "<!-- written by bench/report.py from bench/results.json: begin -->"
_END: Final = "<!-- end -->"
_MANY: Final = 100


def write_page(figures: Sequence[Figure]) -> None:
    """Put the table of these rows in place of the one that the page has."""
    before, rest = PAGE.read_text().split(_BEGIN)
    PAGE.write_text(f"{before}{_BEGIN}\n{render(figures)}{_END}{rest.partition(_END)[2]}")


def render(figures: Sequence[Figure]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| row | ours | baseline | unit | ratio | goal | | measured | remarks |",
        "| --- | ---: | ---: | --- | ---: | --- | --- | --- | --- |",
    ]
    lines += [_line(figure) for figure in figures]
    return "\n".join(lines) + "\n"


def shown(value: float) -> str:
    """A figure with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= _MANY else f"{value:.2f}"


def _line(figure: Figure) -> str:
    verdict = "reached" if figure.reached else "**short**"
    numbers = f"{shown(figure.ours)} | {shown(figure.baseline)} | {figure.unit} | {figure.ratio:.2f} | {figure.goal}"
    return f"| {figure.row} | {numbers} | {verdict} | {figure.measured_at[:10]} | {figure.remarks} |"
