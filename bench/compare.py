"""Run all rows, or the named ones: `python -m bench.compare [row ...]`.

The table goes to stdout, progress to stderr, and everything measured to `bench/results.json`. A missed goal is a result and
no failure: the exit code is 0 then too.
"""

import importlib.metadata
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from bench import create, ingest_large, ingest_small, latency, lists, memory, poll, poll_running
from bench.figures import Figure
from spark_assets import __version__

ROWS: Final[dict[str, Callable[[], list[Figure]]]] = {
    "poll": poll.measure,
    "poll-running": poll_running.measure,
    "create": create.measure,
    "ingest-small": ingest_small.measure,
    "ingest-large": ingest_large.measure,
    "latency": latency.measure,
    "memory": memory.measure,
    "list": lists.measure,
}
RESULTS: Final = Path(__file__).with_name("results.json")
_PARTS: Final = ("granian", "litestar", "msgspec", "sqlalchemy", "aiohttp", "pgqueuer", "pillow", "av", "uvloop")
_USAGE: Final = 2
_WIDTH: Final = 110


class Machine(msgspec.Struct, frozen=True):
    """What it was measured on."""

    processor: str
    cores: int
    memory_mb: int
    system: str
    file_system: str


class Results(msgspec.Struct, frozen=True):
    """What is written down."""

    date: str
    machine: Machine
    versions: dict[str, str]
    rows: list[Figure]


def main(names: Sequence[str]) -> int:
    """Run the rows and give the exit code."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        print(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}", file=sys.stderr)
        return _USAGE
    signal.signal(signal.SIGTERM, _end)
    figures = [figure for name in names or ROWS for figure in ROWS[name]()]
    date = datetime.now(UTC).isoformat(timespec="seconds")
    results = Results(date, describe_machine(), describe_versions(), figures)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    Console(width=_WIDTH).print(build_table(figures))
    return 0


def build_table(figures: Sequence[Figure]) -> Table:
    """The table of the rows."""
    table = Table("row", box=None, header_style="bold")
    for title in ("ours", "baseline", "unit", "ratio", "goal"):
        table.add_column(title, justify="left" if title == "unit" else "right")
    table.add_column("")
    for figure in figures:
        verdict = "reached" if figure.reached else "short"
        table.add_row(figure.row, _shown(figure.ours), _shown(figure.baseline), figure.unit, f"{figure.ratio:.2f}", figure.goal, verdict)
    return table


def describe_machine() -> Machine:
    """Processor, memory and system of the machine that this runs on."""
    cores = os.cpu_count() or 1
    return Machine(_processor(), cores, psutil.virtual_memory().total // 2**20, platform.platform(), _file_system())


def describe_versions() -> dict[str, str]:
    """The versions of what was measured."""
    known = {"spark-assets": __version__, "python": platform.python_version()}
    return known | {part: importlib.metadata.version(part) for part in _PARTS}


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


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
