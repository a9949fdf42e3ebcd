"""Row `poll`: authenticated GET of finished tasks, against a Litestar handler in the same server that returns a constant.

2,000 finished tasks are polled in turns. The server has seen none of them before the first round, in which it therefore
reads each from its database once.
"""

from typing import Final

import msgspec

from bench.baseline_application import GET_PATH
from bench.figures import ROUNDS, Figure, Goal, compare
from bench.load import put_load
from bench.progress import tell
from bench.server import Server, serving

CONNECTIONS: Final = 32
SECONDS: Final = 2.0
"""Length of one round of one side."""
TASKS: Final = 2000
_GOAL: Final = Goal(0.85, at_least=True)


def measure() -> list[Figure]:
    """Run the row."""
    with serving(answer=sample_answer()) as server:
        requests = [server.request("GET", f"/model/v1/generation/task/{server.create_group()}") for _ in range(TASKS)]
        return [compare_polls("poll", server, requests, _GOAL)]


def compare_polls(row: str, server: Server, requests: list[bytes], goal: Goal) -> Figure:
    """Load both handlers of the server in turns."""
    constant = [server.request("GET", GET_PATH)]
    ours, baseline = [], []
    for number in range(1, ROUNDS + 1):
        ours.append(put_load(server.port, requests, connections=CONNECTIONS, seconds=SECONDS).per_second)
        baseline.append(put_load(server.port, constant, connections=CONNECTIONS, seconds=SECONDS).per_second)
        tell(row, f"round {number} of {ROUNDS}: {ours[-1]:.0f} polls/s, baseline {baseline[-1]:.0f}")
    return compare(row, "requests/s", ours, baseline, goal)


def sample_answer() -> bytes:
    """What a poll of a finished task is answered with."""
    with serving("--no-ingest") as server:
        return msgspec.json.encode(server.task(server.create_group()))
