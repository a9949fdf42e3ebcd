"""What was measured, kept in `bench/results.json` and shown in `docs/performance.md`."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import Figure

RESULTS: Final = Path(__file__).with_name("results.json")
PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
_BEGIN: Final = "<!-- the rows of bench/results.json: begin -->"
_END: Final = "<!-- end -->"
_MANY: Final = 100
_TITLES: Final = ("row", "ours", "baseline", "unit", "ratio", "goal", "", "measured", "remarks")
_RULES: Final = ("---", "---:", "---:", "---", "---:", "---", "---", "---", "---")


class Machine(msgspec.Struct, frozen=True):
    """What it was measured on."""

    processor: str
    cores: int
    memory_mb: int
    system: str
    file_system: str


class Results(msgspec.Struct, frozen=True):
    """What is written down."""

    machine: Machine
    versions: dict[str, str]
    rows: list[Figure]


def read_results() -> Results | None:
    """What was measured last; None if nothing was."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Results) if RESULTS.exists() else None


def read_committed() -> dict[str, Figure]:
    """The rows of the last committed results, by name; none where there is no history."""
    command = ["git", "show", f"HEAD:./{RESULTS.name}"]
    found = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, check=False)
    if found.returncode:
        return {}
    return {figure.row: figure for figure in msgspec.json.decode(found.stdout, type=Results).rows}


def write_results(results: Results) -> None:
    """Keep what was measured, and put its table in place of the one that the page has."""
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    before, rest = PAGE.read_text().split(_BEGIN)
    PAGE.write_text(f"{before}{_BEGIN}\n\n{render(results.rows)}\n{_END}{rest.partition(_END)[2]}")


def render(figures: Sequence[Figure]) -> str:
    """The rows as a table in Markdown."""
    lines = [_line(_TITLES), _line(_RULES)]
    for figure in figures:
        verdict = "reached" if figure.reached else "**short**"
        numbers = (shown(figure.ours), shown(figure.baseline), figure.unit, f"{figure.ratio:.2f}")
        lines.append(_line((figure.row, *numbers, figure.goal, verdict, figure.measured_at[:10], figure.remarks)))
    return "".join(lines)


def shown(value: float) -> str:
    """A figure with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= _MANY else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
