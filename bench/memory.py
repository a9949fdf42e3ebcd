"""Row `memory`: by how much the resident memory of all our processes grows while 16 files of 200 MB are ingested at once.

What is added up is the proportional set size (PSS), in which a page that several processes share counts once; the sum of
the resident sizes is given beside it. Each round has a server of its own, which has ingested nothing before.
"""

import tempfile
import threading
from pathlib import Path
from typing import Final

import psutil

from bench.figures import ROUNDS, Figure, Goal, compare
from bench.media import MEGABYTE, make_mp4
from bench.origin import serving_media
from bench.progress import tell
from bench.server import Server, serving

FILES: Final = 16
SIZE: Final = 199 * MEGABYTE
"""Bytes: a little under the 200 MB that the policy allows."""
_SETTINGS: Final = {"INGEST_CONCURRENCY": str(FILES), "HOST_CONCURRENCY": str(FILES), "FETCH_TIMEOUT": "300"}
_INTERVAL: Final = 0.1
"""Seconds between two looks."""
_GOAL: Final = Goal(128, at_least=False, of_ratio=False, unit=" MB")


def measure() -> list[Figure]:
    """Run the row."""
    growths, befores, resident = [], [], []
    with tempfile.TemporaryDirectory(prefix="spark-assets-bench-") as folder:
        clip = make_mp4(Path(folder) / "clip.mp4", SIZE)
        with serving_media(clip) as origin:
            for number in range(1, ROUNDS + 1):
                with serving(settings=_SETTINGS) as server:
                    before, highest = _ingest_watched(server, origin)
                growths.append(highest[0] - before[0])
                befores.append(before[0])
                resident.append(highest[1] - before[1])
                tell("memory", f"round {number} of {ROUNDS}: {growths[-1]:.0f} MB more than {befores[-1]:.0f} MB")
    remark = f"growth of the sum of resident sizes: {sorted(resident)[ROUNDS // 2]:.0f} MB"
    return [compare("memory", "MB", growths, befores, _GOAL, remark)]


def _ingest_watched(server: Server, origin: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Memory before, and the most at any time during the ingest: (PSS, sum of resident sizes) in MB."""
    group_id = server.group_id()
    before = highest = memory_of(server)
    done = threading.Event()

    def ingest() -> None:
        try:
            server.wait_for_all([server.create_asset(f"{origin}/mp4/{number}", group_id, "Video") for number in range(FILES)])
        finally:
            done.set()

    worker = threading.Thread(target=ingest)
    worker.start()
    while not done.wait(_INTERVAL):
        now = memory_of(server)
        highest = max(highest[0], now[0]), max(highest[1], now[1])
    worker.join()
    return before, highest


def memory_of(server: Server) -> tuple[float, float]:
    """What all processes of the server hold: (PSS, sum of resident sizes) in MB."""
    proportional = resident = 0
    for process in server.processes():
        try:
            figures = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        proportional += figures.pss
        resident += figures.rss
    return proportional / MEGABYTE, resident / MEGABYTE
