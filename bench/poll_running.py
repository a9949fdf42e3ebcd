"""Row `poll-running`: authenticated GET of tasks in progress, against the same baseline as `poll`. Ingest is paused."""

from typing import Final

import msgspec

from bench.figures import Figure, Goal
from bench.poll import TASKS, compare_polls
from bench.server import serving

_GOAL: Final = Goal(0.60, at_least=True)
_SOURCE: Final = "http://127.0.0.1/picture.jpg"


def measure() -> list[Figure]:
    """Run the row."""
    with serving("--no-ingest") as server:
        answer = msgspec.json.encode(server.task(server.create_asset(_SOURCE, server.group_id(), "Image")))
    with serving("--no-ingest", answer=answer) as server:
        group_id = server.group_id()
        tasks = [server.create_asset(_SOURCE, group_id, "Image") for _ in range(TASKS)]
        requests = [server.request("GET", f"/model/v1/generation/task/{task_id}") for task_id in tasks]
        return [compare_polls("poll-running", server, requests, _GOAL)]
