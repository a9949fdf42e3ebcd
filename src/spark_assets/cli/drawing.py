"""How answers look to people: tables and facts on stdout, as wide as the terminal; where there is none, nothing is cut."""

import json
import sys
import unicodedata
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
_CRAMPED: Final = 12
"""With fewer, a text is a pillar of syllables: then each row is drawn as lines of its own."""
_GAP: Final = 1
_JOINER: Final = "\N{ZERO WIDTH JOINER}"
_JOINED: Final = frozenset({"So", "Sk", "Mn"})
"""Kinds of characters behind which a joiner makes one picture of two; behind any other it is a way to hide."""


def draw_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; cells that are states have their colour. On a narrow terminal, columns of less weight are left out.

    Where that is not enough, each row is a block of lines.
    """
    console = open_console()
    cells = [[cell(value) for value in row] for row in rows]
    shown = _fitting(columns, cells, console.width)
    if _needed(columns, cells, shown, _CRAMPED) > console.width:
        _draw_blocks(columns, cells)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for position in shown:
        title = columns[position]
        table.add_column(title, no_wrap=title in _WHOLE, overflow="fold", justify="right" if title in _FIGURES else "left")
    for row in cells:
        table.add_row(*(row[position] for position in shown))
    draw(table)


def _draw_blocks(columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """A line for each value that is there, the first of them bold, and an empty line between rows."""
    for number, row in enumerate(rows):
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for title, value in zip(columns, row, strict=True):
            if value.plain:
                table.add_row(title, value)
        if number:
            print()
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
    return "".join(
        one if one.isprintable() or _joins(text, place) else one.encode("unicode_escape", "surrogatepass").decode()
        for place, one in enumerate(text)
    )


def _joins(text: str, place: int) -> bool:
    """Whether this makes one picture of the two beside it, such as a family of its members."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    return (
        text[place] == _JOINER and bool(before and after)
        and unicodedata.category(before) in _JOINED and unicodedata.category(after) == "So"
    )  # fmt: skip


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
    shown = list(range(len(columns)))
    for title in _LIGHT:
        if _needed(columns, rows, shown, _LEAST) <= width:
            break
        shown = [position for position in shown if columns[position] != title]
    return shown


def _needed(columns: Sequence[str], rows: Sequence[Sequence[Text]], shown: Sequence[int], least: int) -> int:
    """The columns of the terminal that these columns take, if those that may be wrapped have at least so many each."""
    needed = [max([len(columns[position]), *(row[position].cell_len for row in rows)]) for position in shown]
    wide = sum(need if columns[position] in _WHOLE else min(need, least) for position, need in zip(shown, needed, strict=True))
    return wide + _GAP * (len(shown) - 1)
