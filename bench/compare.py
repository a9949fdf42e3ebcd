"""Run all rows, or the named ones: `python -m bench.compare [row ...]`.

The table goes to stdout, progress to stderr, and everything measured to `bench/results.json` and to the table of
`docs/performance.md`, where rows that were not run stay as they were, unless they come from another machine or other versions.
Each row is held against the same row of the last committed results, and marked if it got worse by more than noise.
A missed goal is a result and no failure: the exit code is 0 then too.
"""

import importlib.metadata
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from bench import create, create_pg, ingest_large, ingest_small, latency, lists, memory, poll, poll_running, scale_out, soak, start
from bench.figures import Figure
from bench.report import Machine, Results, read_committed, read_results, shown, write_results
from spark_assets import __version__

ROWS: Final[dict[str, Callable[[], list[Figure]]]] = {
    "poll": poll.measure,
    "poll-running": poll_running.measure,
    "create": create.measure,
    "create-pg": create_pg.measure,
    "ingest-small": ingest_small.measure,
    "ingest-large": ingest_large.measure,
    "latency": latency.measure,
    "memory": memory.measure,
    "list": lists.measure,
    "start": start.measure,
    "scale-out": scale_out.measure,
    "soak": soak.measure,
}
_PARTS: Final = ("granian", "litestar", "msgspec", "sqlalchemy", "aiohttp", "pgqueuer", "pillow", "av", "uvloop")
_USAGE: Final = 2
_WIDTH: Final = 110


def main(names: Sequence[str]) -> int:
    """Run the rows and give the exit code."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        print(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}", file=sys.stderr)
        return _USAGE
    signal.signal(signal.SIGTERM, _end)
    committed, measured = read_committed(), []
    try:
        for name in names or ROWS:
            measured += ROWS[name]()
            _keep(measured)
    finally:
        Console(width=_WIDTH).print(build_table(measured, committed))
    return 0


def _keep(measured: Sequence[Figure]) -> None:
    """Write down what was measured, beside what was measured before with the same parts on the same machine."""
    now = Results(describe_machine(), describe_versions(), [])
    before = read_results()
    kept = before.rows if before is not None and (before.machine, before.versions) == (now.machine, now.versions) else []
    rows = {figure.row: figure for figure in [*kept, *measured]}
    write_results(msgspec.structs.replace(now, rows=sorted(rows.values(), key=_place)))


def _place(figure: Figure) -> int:
    """Where its row stands among all rows; one file may measure several that begin with its name."""
    names = list(ROWS)
    return names.index(max((name for name in names if figure.row.startswith(name)), key=len))


def build_table(figures: Sequence[Figure], committed: Mapping[str, Figure]) -> Table:
    """The table of the rows, each beside what was committed of it."""
    table = Table("row", box=None, header_style="bold")
    for title in ("ours", "baseline", "unit", "ratio", "goal", "last"):
        table.add_column(title, justify="left" if title == "unit" else "right")
    table.add_column("")
    for figure in figures:
        before = committed.get(figure.row)
        last = "" if before is None else f"{before.judged:.2f}"
        numbers = shown(figure.ours), shown(figure.baseline), figure.unit, f"{figure.ratio:.2f}", figure.goal, last
        table.add_row(figure.row, *numbers, _verdict(figure, before))
    return table


def _verdict(figure: Figure, before: Figure | None) -> str:
    reached = "reached" if figure.reached else "short"
    return f"{reached}, WORSE" if before is not None and figure.is_worse_than(before) else reached


def describe_machine() -> Machine:
    """Processor, memory and system of the machine that this runs on."""
    cores = os.cpu_count() or 1
    return Machine(_processor(), cores, psutil.virtual_memory().total // 2**20, platform.platform(), _file_system())


def describe_versions() -> dict[str, str]:
    """The versions of what was measured."""
    known = {"spark-assets": __version__, "python": platform.python_version()}
    return known | {part: importlib.metadata.version(part) for part in _PARTS}


def _processor() -> str:
    """The model's name, where the kernel tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _file_system() -> str:
    """The type of the file system that the homes of the measured servers are on: fsync costs nothing on some."""
    folder = Path(tempfile.gettempdir()).resolve()
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown"


def _end(_number: int, _frame: object) -> None:
    """SIGTERM ends the run as Ctrl-C does, so that processes and folders are cleaned up."""
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
