"""Row `create`: durable `spark_asset_create` with ingest paused, against a Litestar handler in the same server.

The baseline decodes the same body with msgspec and returns a constant. SQLite commits with `synchronous=FULL`, as always.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from bench.baseline_application import POST_PATH
from bench.figures import ROUNDS, Figure, Goal, compare
from bench.load import put_load
from bench.progress import tell
from bench.server import creation, serving

CONNECTIONS: Final = 64
SECONDS: Final = 2.0
"""Length of one round of one side."""
_GOAL: Final = Goal(0.50, at_least=True)
_SOURCE: Final = "http://127.0.0.1/picture.jpg"


def measure() -> list[Figure]:
    """Run the row."""
    return [measure_row("create", _GOAL)]


def measure_row(row: str, goal: Goal, settings: Mapping[str, str] | None = None) -> Figure:
    """Creations against the baseline, in one server with these settings."""
    with serving("--no-ingest", settings=settings) as server:
        answer = msgspec.json.encode(server.submit(creation(_SOURCE, server.group_id(), "Image")))
    ours, baseline = [], []
    with serving("--no-ingest", settings=settings, answer=answer) as server:
        body = msgspec.json.encode(creation(_SOURCE, server.group_id(), "Image"))
        create = [server.request("POST", "/model/v1/generation", body)]
        decode = [server.request("POST", POST_PATH, body)]
        for number in range(1, ROUNDS + 1):
            ours.append(put_load(server.port, create, connections=CONNECTIONS, seconds=SECONDS).per_second)
            baseline.append(put_load(server.port, decode, connections=CONNECTIONS, seconds=SECONDS).per_second)
            tell(row, f"round {number} of {ROUNDS}: {ours[-1]:.0f} creations/s, baseline {baseline[-1]:.0f}")
    return compare(row, "requests/s", ours, baseline, goal)
