"""The client of the simulation's counterpart: a process of its own that submits creations at random moments.

Whether the server answers quickly or not, the next creation is sent when its moment has come. When all have been answered,
each task is polled until it has ended, and the server's own times are told.
"""

import asyncio
import base64
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

import msgspec
import uvloop

from bench.child_process import module_command, running
from bench.submission import Connection, IngestFailed

_CONNECTIONS: Final = 64
_PAUSE: Final = 0.1


class Plan(msgspec.Struct, frozen=True):
    """What to submit, how often on average (a second), and how to ask about it."""

    port: int
    rate: float
    seed: int
    creations: list[str]
    """Whole HTTP requests in base64."""
    poll: str
    """A whole HTTP request in base64, in which TASK stands for the ID."""


def submit_at_random(port: int, rate: float, creations: Sequence[bytes], poll: bytes, seed: int) -> list[float]:
    """Seconds from each creation to the end of its task, by the server's clock. Raises IngestFailed."""
    plan = Plan(port, rate, seed, [base64.b64encode(creation).decode() for creation in creations], base64.b64encode(poll).decode())
    with running(module_command("bench.arrivals"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        lasted, _ = process.communicate(msgspec.json.encode(plan))
    if process.returncode or not lasted:
        raise IngestFailed("a creation was refused or a task failed; see above")
    return msgspec.json.decode(lasted, type=list[float])


async def _run(plan: Plan) -> list[float]:
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(Connection(*await asyncio.open_connection("127.0.0.1", plan.port)))
    chance, moment, began = random.Random(plan.seed), 0.0, time.perf_counter()
    sending: list[asyncio.Task[str]] = []
    for creation in plan.creations:
        moment += chance.expovariate(plan.rate)
        await asyncio.sleep(began + moment - time.perf_counter())
        sending.append(asyncio.create_task(_send(free, base64.b64decode(creation))))
    made = await asyncio.gather(*sending)
    poll = base64.b64decode(plan.poll)
    return [await _watch(free, poll.replace(b"TASK", task_id.encode())) for task_id in made]


async def _send(free: "asyncio.Queue[Connection]", creation: bytes) -> str:
    connection = await free.get()
    try:
        return (await connection.ask(creation)).id
    finally:
        free.put_nowait(connection)


async def _watch(free: "asyncio.Queue[Connection]", poll: bytes) -> float:
    connection = await free.get()
    try:
        while (answer := await connection.ask(poll)).status == "in_progress":  # noqa: ASYNC110  # in another process
            await asyncio.sleep(_PAUSE)
        if answer.status != "completed":
            raise IngestFailed(f"task {answer.id} {answer.status}")
        return float(answer.metadata["completed_at"] - answer.metadata["in_queue_at"])
    finally:
        free.put_nowait(connection)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)))))
