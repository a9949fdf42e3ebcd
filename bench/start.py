"""Row `start`: from exec until `/readyz` says that the server can serve, on an empty home and on that of a library of years.

The baseline imports Litestar and SQLAlchemy and ends. `start full` begins with 1,000,000 finished tasks of the last weeks and 10,000
unfinished ones, which a server of ours accepted and whose source does not answer; its baseline is the start on an empty home.
Before each round both are counted: a start that finds fewer would prove less.
"""

import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.child_process import running
from bench.figures import ROUNDS, Figure, Goal, compare
from bench.library import fill_finished_tasks, fill_sqlite
from bench.origin import serving_media
from bench.progress import tell
from bench.server import COMMAND, ServerFailed, free_port, serving, wait_until_ready

FINISHED: Final = 1_000_000
UNFINISHED: Final = 10_000
_IMPORTS: Final = "import litestar, sqlalchemy"
_SILENCE: Final = 3600.0
"""Seconds that the source of the unfinished tasks takes to answer."""
_COUNT: Final = "SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'in_progress') FROM tasks"
_GOAL: Final = Goal(3.0, at_least=False)
_FULL_GOAL: Final = Goal(3.0, at_least=False, of_ratio=False, unit=" s more")


def measure() -> list[Figure]:
    """Run both rows."""
    empty, full, imports = [], [], []
    with tempfile.TemporaryDirectory(prefix="spark-assets-bench-") as name, serving_media(delay=_SILENCE) as origin:
        years = Path(name, "years")
        _fill(years, f"{origin}/jpeg/1")
        for number in range(1, ROUNDS + 1):
            imports.append(_time_imports())
            empty.append(_time_start(Path(name, f"empty-{number}")))
            _expect_all(years / "home")
            full.append(_time_start(years / "home"))
            tell("start", f"round {number} of {ROUNDS}: {empty[-1]:.2f} s, full {full[-1]:.2f} s, imports alone {imports[-1]:.2f} s")
    more = [slow - quick for slow, quick in zip(full, empty, strict=True)]
    return [
        compare("start", "s", empty, imports, _GOAL),
        compare("start full", "s", more, empty, _FULL_GOAL, "what it takes more than on an empty home"),
    ]


def _fill(folder: Path, source: str) -> None:
    """A home with all the tasks."""
    folder.mkdir()

    def finished(home: Path) -> None:
        fill_sqlite(home / "library.db", FINISHED)
        fill_finished_tasks(home / "library.db")

    with serving("--no-ingest", prepare=finished, folder=folder) as server:
        group_id = server.group_id()
        for _ in range(UNFINISHED):
            server.create_asset(source, group_id, "Image")
    tell("start", f"{FINISHED} finished and {UNFINISHED} unfinished tasks are there")


def _expect_all(home: Path) -> None:
    with closing(sqlite3.connect(home / "library.db")) as connection:
        finished, unfinished = connection.execute(_COUNT).fetchone()
    if finished < FINISHED or unfinished < UNFINISHED:
        raise ServerFailed(f"only {finished} finished and {unfinished} unfinished tasks are left")


def _time_start(home: Path) -> float:
    """Seconds."""
    port = free_port()
    log = home.with_suffix(".log")
    began = time.perf_counter()
    command = [COMMAND, "serve", "--port", str(port), "--home", str(home)]
    environment = {"SPARK_ASSETS_SOURCE_ALLOW": "127.0.0.0/8", "SPARK_ASSETS_DRAIN_TIMEOUT": "1"}
    with log.open("wb") as stderr, running(command, environment=environment, stderr=stderr) as process:
        wait_until_ready(process, port, log)
        return time.perf_counter() - began


def _time_imports() -> float:
    """Seconds."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
    return time.perf_counter() - began
