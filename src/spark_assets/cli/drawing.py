"""How answers look to people: tables and facts on stdout, as wide as the terminal; where there is none, nothing is cut."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from spark_assets.cli.output import open_console

_STYLES: Final = {
    "Active": "green", "completed": "green", "added": "green", "delivered": "green", "valid": "green", "on": "green",
    "Failed": "red", "failed": "red", "revoked": "red", "expired": "red", "off": "red", "timed out": "red",
    "Processing": "yellow", "in_progress": "yellow", "submitted": "yellow", "waiting": "yellow", "interrupted": "yellow",
    "already there": "cyan", "would be added": "cyan",
}  # fmt: skip
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_WHOLE: Final = frozenset({"ID", "Asset", "Status", "State", "Type", "Size", "Stage", "Created", "Attempts", "Event", "Key", "Secret"})
"""Columns that stay on one line: the others give way on a narrow terminal."""
_LIGHT: Final = ("Created", "Measures", "Last used", "Stage", "Expires", "Type", "Size", "Scopes", "Attempts")
"""Columns that are left out on a narrow terminal, in this order; `--json` shows everything."""
_FIGURES: Final = frozenset({"Size", "Attempts", "Held", "Allowed"})
"""Columns that end at the same place."""
_LEAST: Final = 24
"""Columns of the terminal that a text has at least, if it needs them."""
_GAP: Final = 1


def draw_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; cells that are states have their colour. On a narrow terminal, columns of less weight are left out."""
    console = open_console()
    cells = [[cell(value) for value in row] for row in rows]
    shown = _fitting(columns, cells, console.width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for position in shown:
        title = columns[position]
        table.add_column(title, no_wrap=title in _WHOLE, overflow="fold", justify="right" if title in _FIGURES else "left")
    for row in cells:
        table.add_row(*(row[position] for position in shown))
    draw(table)


def draw_facts(body: Mapping[str, Any]) -> None:
    """What is known of one thing, a line for each fact; what is not known is left out."""
    known = {name: value for name, value in body.items() if value not in (None, "", [], (), {})}
    width, console = max(map(len, known)), open_console()
    for name, value in known.items():
        line = Text.assemble((name.ljust(width), "bold"), "  ", cell(_fact(name, value)))
        console.print(line, soft_wrap=True)  # a long link is wrapped by the terminal, which still knows it as one


def draw(drawn: RenderableType) -> None:
    """Something on stdout; where that is no terminal, lines end with their last letter."""
    console = open_console()
    if console.is_terminal:
        console.print(drawn)
        return
    with console.capture() as captured:
        console.print(drawn)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def cell(value: object) -> Text:
    """A value as it is shown."""
    text = printable("" if value is None else str(value))
    return Text(text, style=_STYLES.get(text, ""))


def printable(text: str) -> str:
    """A text that does nothing to a terminal: what cannot be printed is written as an escape."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode() for one in text)


def size(count: int | None) -> str:
    """A number of bytes in a unit that keeps it short."""
    if count is None:
        return ""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} B" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def moment(time: str | None) -> str:
    """A time of an answer, to the second."""
    return "" if time is None else f"{time[:10]} {time[11:19]}"


def is_drawn() -> bool:
    """Whether people look at stderr: a terminal, and one that can be drawn on."""
    import os

    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _fact(name: str, value: Any) -> str:
    if name == "error" and isinstance(value, dict):
        return f"{value.get('code')}: {value.get('message')}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return f"{value} ({size(value)})" if name == "size" else str(value)


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """The positions of the columns for which there is room."""
    needed = [max([len(title), *(row[position].cell_len for row in rows)]) for position, title in enumerate(columns)]
    least = [need if title in _WHOLE else min(need, _LEAST) for title, need in zip(columns, needed, strict=True)]
    shown = list(range(len(columns)))
    for title in _LIGHT:
        if sum(least[position] + _GAP for position in shown) - _GAP <= width:
            break
        shown = [position for position in shown if columns[position] != title]
    return shown
