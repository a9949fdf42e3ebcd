"""The load generator: a process of its own that keeps some connections busy with prepared requests, and counts the answers.

It writes bytes that were made beforehand and reads no more of an answer than its status and its length, so that on two
cores it costs less than the server that it measures.
"""

import asyncio
import base64
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from typing import Final, cast

import msgspec
import uvloop

from bench.child_process import module_command, running

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class Plan(msgspec.Struct, frozen=True):
    """What to send, where, and for how long."""

    port: int
    connections: int
    seconds: float
    requests: list[str]
    """Whole HTTP requests in base64, sent in turns, each on the connection that is free next."""


class Outcome(msgspec.Struct, frozen=True):
    """What came back."""

    answers: int
    seconds: float
    refused: int
    """Answers that were no success."""
    first_refused: str

    @property
    def per_second(self) -> float:
        """Answers each second."""
        return self.answers / self.seconds


class LoadFailed(Exception):
    """The server refused requests that it should have answered."""


def put_load(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Outcome:
    """Load the server on that port from a process of its own. Raises LoadFailed if any request was refused."""
    plan = Plan(port, connections, seconds, [base64.b64encode(request).decode() for request in requests])
    with running(module_command("bench.load"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        answer, _ = process.communicate(msgspec.json.encode(plan))
    outcome = msgspec.json.decode(answer, type=Outcome)
    if outcome.refused or not outcome.answers:
        raise LoadFailed(f"{outcome.refused} of {outcome.answers} requests were refused, the first with: {outcome.first_refused}")
    return outcome


class _Tally:
    """What all connections count into."""

    def __init__(self, requests: list[bytes]) -> None:
        self.next_request = cycle(requests).__next__
        self.answers = 0
        self.refused = 0
        self.first_refused = ""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def refuse(self, answer: bytes) -> None:
        if not self.refused:
            self.first_refused = answer[:500].decode("latin-1")
        self.refused += 1


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its whole answer, sends the next."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.Transport, transport).write
        self._write(self._tally.next_request())

    def data_received(self, data: bytes) -> None:
        self._unread = data = self._unread + data if self._unread else data
        head = data.find(_HEAD_END)
        if head < 0:
            return
        start = data.find(_LENGTH, 0, head) + len(_LENGTH)
        end = head + len(_HEAD_END) + int(data[start : data.find(b"\r\n", start)])
        if len(data) < end:
            return
        if not data.startswith(b"HTTP/1.1 2"):
            self._tally.refuse(data)
        self._tally.answers += 1
        self._unread = b""
        self._write(self._tally.next_request())

    def connection_lost(self, error: Exception | None) -> None:
        if not self._tally.ended.done():
            self._tally.ended.set_exception(error or ConnectionError("the server closed a connection"))


async def _run(plan: Plan) -> Outcome:
    loop = asyncio.get_running_loop()
    tally = _Tally([base64.b64decode(request) for request in plan.requests])
    began = time.perf_counter()
    connections = [await loop.create_connection(lambda: _Connection(tally), "127.0.0.1", plan.port) for _ in range(plan.connections)]
    loop.call_later(plan.seconds, tally.ended.set_result, None)
    await tally.ended
    outcome = Outcome(tally.answers, time.perf_counter() - began, tally.refused, tally.first_refused)
    for transport, _ in connections:
        transport.abort()
    return outcome


if __name__ == "__main__":
    outcome_of_plan = uvloop.run(_run(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)))
    sys.stdout.buffer.write(msgspec.json.encode(outcome_of_plan))
