"""Row `ingest-small`: distinct JPEGs of 170 KB (1024 x 768), 16 at once, from a loopback origin, in files per second.

Our side runs from the first creation to the last task seen completed, with every file fetched, hashed, decoded, made
durable and given a thumbnail. The baseline is one process per core that fetches, hashes, decodes and writes, and does
nothing else. The one origin stands for many, so it may be asked by all 16 ingests at once.
"""

import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from bench.baseline_ingest import BaselineIngest, ingesting
from bench.figures import ROUNDS, Figure, Goal, compare
from bench.origin import serving_media
from bench.progress import tell
from bench.server import Server, creation, serving
from bench.submission import submit_all

FILES: Final = 300
"""Files of one round of one side."""
AT_ONCE: Final = 16
SETTINGS: Final = {"INGEST_CONCURRENCY": str(AT_ONCE), "HOST_CONCURRENCY": str(AT_ONCE)}
_GOAL: Final = Goal(0.75, at_least=True)


def measure() -> list[Figure]:
    """Run the row."""
    ours, baseline = [], []
    with ExitStack() as stack:
        origin = stack.enter_context(serving_media())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spark-assets-bench-")))
        cores = os.cpu_count() or 1
        workers = [stack.enter_context(ingesting(folder, at_once=AT_ONCE // cores)) for _ in range(cores)]
        server = stack.enter_context(serving(settings=SETTINGS))
        group_id = server.group_id()
        for number in range(1, ROUNDS + 1):
            urls = [f"{origin}/jpeg/{number * FILES + index}" for index in range(FILES)]
            ours.append(FILES / _ingest_with_us(server, group_id, urls))
            server.wait_until_idle()
            baseline.append(FILES / _ingest_with_baseline(workers, urls))
            tell("ingest-small", f"round {number} of {ROUNDS}: {ours[-1]:.0f} files/s, baseline {baseline[-1]:.0f}")
    return [compare("ingest-small", "files/s", ours, baseline, _GOAL)]


def _ingest_with_us(server: Server, group_id: str, urls: list[str]) -> float:
    """Seconds."""
    bodies = [msgspec.json.encode(creation(url, group_id, "Image")) for url in urls]
    creations = [server.request("POST", "/model/v1/generation", body) for body in bodies]
    return submit_all(server.port, creations, server.request("GET", "/model/v1/generation/task/TASK"))


def _ingest_with_baseline(workers: list[BaselineIngest], urls: list[str]) -> float:
    """Seconds."""
    began = time.perf_counter()
    for index, worker in enumerate(workers):
        worker.begin(urls[index :: len(workers)])
    for worker in workers:
        worker.wait()
    return time.perf_counter() - began
