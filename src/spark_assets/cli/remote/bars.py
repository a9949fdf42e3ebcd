"""Progress on stderr, where people look at it: a bar for each thing under way, and one for all of them."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from spark_assets.cli.drawing import is_drawn, printable

_NAME_WIDTH: Final = 28
_STAGE_WIDTH: Final = 13
_SHARE_WIDTH: Final = 5
_LEAST_BAR: Final = 8
"""With less room there are no bars, but the hundredths still."""
_OTHER_LINES: Final = 4
"""Lines of a terminal that are left for the rest."""


class Bars:
    """Told how far things have come; draws nothing by itself."""

    def tell(self, number: int, done: float, of: float, stage: str) -> None:
        """How far the thing with this number (from 0) has come, and what is being done with it."""

    def end(self, number: int, stage: str) -> None:
        """The thing with this number has ended, and how."""


class DrawnBars(Bars):
    """The same on a terminal. Where there are more things than lines, those under way are shown."""

    def __init__(self, progress: Progress, names: Sequence[str], name_width: int, *, is_single: bool) -> None:
        self._progress = progress
        self._name_width = name_width
        self._names = names
        self._shows_all = len(names) <= shutil.get_terminal_size().lines - _OTHER_LINES
        self._bars: dict[int, TaskID] = {}
        self._all = None if is_single else progress.add_task("[bold]all", total=len(names), stage=f"0/{len(names)}")
        self._ended = 0
        if self._shows_all:
            for number in range(len(names)):
                self._bar(number)

    def tell(self, number: int, done: float, of: float, stage: str) -> None:
        """How far it has come."""
        self._progress.update(self._bar(number), completed=done, total=max(of, 1e-9), stage=stage)

    def end(self, number: int, stage: str) -> None:
        """Full, or as far as it came."""
        bar = self._bar(number)
        if stage in {"failed", "timed out"}:
            self._progress.update(bar, stage=f"[red]{stage}")
        else:
            self._progress.update(bar, completed=1, total=1, stage=f"[green]{stage}")
        if not self._shows_all:
            self._progress.update(bar, visible=False)
        self._ended += 1
        if self._all is not None:
            self._progress.update(self._all, completed=self._ended, stage=f"{self._ended}/{len(self._names)}")

    def _bar(self, number: int) -> TaskID:
        if number not in self._bars:
            self._bars[number] = self._progress.add_task(_shortened(self._names[number], self._name_width), total=1, stage="")
        return self._bars[number]


@contextmanager
def open_bars(names: Sequence[str], *, is_single: bool = False) -> Iterator[Bars]:
    """Bars for things with these names for as long as this lasts; nothing is drawn where stderr is no terminal."""
    if not is_drawn():
        yield Bars()
        return
    console = Console(stderr=True, emoji=False)
    room = console.width - _STAGE_WIDTH - _SHARE_WIDTH - 3  # a column between two of them each
    has_bars = room >= _NAME_WIDTH + _LEAST_BAR
    name_width = _NAME_WIDTH if has_bars else max(min(room, _NAME_WIDTH), 1)
    columns = (
        TextColumn("{task.description}", table_column=Column(width=name_width, no_wrap=True)),
        *((BarColumn(bar_width=None),) if has_bars else ()),
        TextColumn("{task.fields[stage]}", table_column=Column(width=_STAGE_WIDTH, no_wrap=True)),
        TextColumn("{task.percentage:>3.0f} %", table_column=Column(width=_SHARE_WIDTH, no_wrap=True)),
    )
    with Progress(*columns, console=console, transient=True, expand=has_bars) as progress:
        yield DrawnBars(progress, names, name_width, is_single=is_single)


def _shortened(name: str, width: int) -> str:
    """The end of a long name, which tells more than its beginning; nothing in it is taken for markup."""
    shown = printable(name)
    if len(shown) > width:
        shown = f"…{shown[len(shown) - width + 1 :]}"
    return escape(shown)
