"""The client of the ingest rows: a process of its own that submits many creations at once and watches them to their end."""

import asyncio
import base64
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import uvloop

from bench.child_process import module_command, running

_CONNECTIONS: Final = 16
_PAUSE: Final = 0.02
"""Seconds until a task that was still in progress is polled again."""


class Plan(msgspec.Struct, frozen=True):
    """What to submit, and how to ask about it."""

    port: int
    creations: list[str]
    """Whole HTTP requests in base64."""
    poll: str
    """A whole HTTP request in base64, in which TASK stands for the ID."""


class Answer(msgspec.Struct):
    """What an answer says of a task."""

    id: str
    status: str
    metadata: dict[str, Any] = {}


class IngestFailed(Exception):
    """A task did not complete."""


def submit_all(port: int, creations: Sequence[bytes], poll: bytes) -> float:
    """Seconds from the first creation to the last task seen completed. Raises IngestFailed."""
    plan = Plan(port, [base64.b64encode(creation).decode() for creation in creations], base64.b64encode(poll).decode())
    with running(module_command("bench.submission"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        lasted, _ = process.communicate(msgspec.json.encode(plan))
    if process.returncode or not lasted:
        raise IngestFailed("a creation was refused or a task failed; see above")
    return msgspec.json.decode(lasted, type=float)


class Connection:
    """One kept connection, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> Answer:
        """Send a whole request and read its whole answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise IngestFailed(body.decode())
        return msgspec.json.decode(body, type=Answer)


async def _run(plan: Plan) -> float:
    connections = [Connection(*await asyncio.open_connection("127.0.0.1", plan.port)) for _ in range(_CONNECTIONS + 1)]
    creations = iter([base64.b64decode(creation) for creation in plan.creations])
    poll = base64.b64decode(plan.poll)
    made: asyncio.Queue[str] = asyncio.Queue()
    began = time.perf_counter()
    submitting = [asyncio.create_task(_submit(connection, creations, made)) for connection in connections[1:]]
    for _ in plan.creations:
        await _watch(connections[0], poll.replace(b"TASK", (await made.get()).encode()))
    lasted = time.perf_counter() - began
    await asyncio.gather(*submitting)
    return lasted


async def _submit(connection: Connection, creations: Iterator[bytes], made: "asyncio.Queue[str]") -> None:
    for creation in creations:
        made.put_nowait((await connection.ask(creation)).id)


async def _watch(connection: Connection, poll: bytes) -> None:
    while (answer := await connection.ask(poll)).status == "in_progress":  # noqa: ASYNC110  # in another process
        await asyncio.sleep(_PAUSE)
    if answer.status != "completed":
        raise IngestFailed(f"task {answer.id} {answer.status}")


if __name__ == "__main__":
    print(uvloop.run(_run(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))))
