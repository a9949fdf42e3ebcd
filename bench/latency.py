"""Row `latency`: from POST to `completed` seen by the client, one JPEG of 170 KB at a time, on an idle server.

The client waits with a long poll (`?wait=30`), as the SDK does. The baseline is a plain script that fetches, hashes,
decodes and writes a picture of the same kind; both take turns.
"""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.baseline_ingest import BaselineIngest, ingesting
from bench.figures import Figure, Goal, compare, percentile
from bench.ingest_small import SETTINGS
from bench.origin import serving_media
from bench.progress import tell
from bench.server import Server, serving

SAMPLES: Final = 200
_REST: Final = 0.05
"""Seconds between two samples: the thumbnail of the last one is published meanwhile."""
_MEDIAN_GOAL: Final = Goal(1.5, at_least=False, unit=" x")
_TAIL_GOAL: Final = Goal(3.0, at_least=False, unit=" x")


def measure() -> list[Figure]:
    """Run the row."""
    ours: list[float] = []
    baseline: list[float] = []
    with ExitStack() as stack:
        origin = stack.enter_context(serving_media())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spark-assets-bench-")))
        worker = stack.enter_context(ingesting(folder, at_once=1))
        server = stack.enter_context(serving(settings=SETTINGS))
        group_id = server.group_id()
        for number in range(SAMPLES):
            ours.append(1000 * _ingest_with_us(server, group_id, f"{origin}/jpeg/{number}"))
            time.sleep(_REST)
            baseline.append(1000 * _ingest_with_baseline(worker, f"{origin}/jpeg/{number}"))
            time.sleep(_REST)
            if (number + 1) % 50 == 0:
                tell("latency", f"{number + 1} of {SAMPLES}: last {ours[-1]:.1f} ms, baseline {baseline[-1]:.1f}")
    tails = [percentile(ours, 0.99)], [percentile(baseline, 0.99)]
    return [
        compare("latency p50", "ms", ours, baseline, _MEDIAN_GOAL),
        compare("latency p99", "ms", *tails, _TAIL_GOAL, f"{SAMPLES} samples"),
    ]


def _ingest_with_us(server: Server, group_id: str, url: str) -> float:
    """Seconds."""
    began = time.perf_counter()
    server.wait_for(server.create_asset(url, group_id, "Image"))
    return time.perf_counter() - began


def _ingest_with_baseline(worker: BaselineIngest, url: str) -> float:
    """Seconds."""
    began = time.perf_counter()
    worker.begin([url])
    worker.wait()
    return time.perf_counter() - began
