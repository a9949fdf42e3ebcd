"""Row `scale-out`: two worker processes against one, on PostgreSQL and S3, from an origin that answers after 150 ms.

Server, workers, PostgreSQL, S3 and origin share the cores of one machine: what is compared is how the fleet divides waiting, not
what more machines would give. The limits are the default ones: each worker asks the one origin for 6 files at once. The two
sides take turns in being first.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import ROUNDS, Figure, Goal, compare
from bench.fleet import engines, working
from bench.origin import serving_media
from bench.progress import tell
from bench.server import Server, creation, serving
from bench.submission import submit_all

FILES: Final = 200
"""Files of one round of one side."""
DELAY: Final = 0.15
"""Seconds until the origin begins to answer."""
_GOAL: Final = Goal(1.9, at_least=True)


def measure() -> list[Figure]:
    """Run the row."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    with ExitStack() as stack:
        origin = stack.enter_context(serving_media(delay=DELAY))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spark-assets-bench-")))
        settings = stack.enter_context(engines())
        server = stack.enter_context(serving("--no-ingest", settings=settings))
        group_id = server.group_id()
        urls = iter([f"{origin}/jpeg/{number}" for number in range(2 * ROUNDS * FILES)])
        for number in range(1, ROUNDS + 1):
            for count in (1, 2) if number % 2 else (2, 1):
                with working(folder, count, settings):
                    rates[count].append(FILES / _ingest(server, group_id, [next(urls) for _ in range(FILES)]))
            tell("scale-out", f"round {number} of {ROUNDS}: {rates[2][-1]:.0f} files/s with two workers, {rates[1][-1]:.0f} with one")
    return [compare("scale-out", "files/s", rates[2], rates[1], _GOAL)]


def _ingest(server: Server, group_id: str, urls: list[str]) -> float:
    """Seconds."""
    bodies = [msgspec.json.encode(creation(url, group_id, "Image")) for url in urls]
    creations = [server.request("POST", "/model/v1/generation", body) for body in bodies]
    return submit_all(server.port, creations, server.request("GET", "/model/v1/generation/task/TASK"))
