"""A process beside the server that makes files durable.

Threads would do, but each of the ten system calls that publishing a file takes gives Python's lock back and takes it again, and the
event loop pays for that: with sixteen ingests at once, a third of its time. The other process has no event loop to disturb.
"""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec
import structlog

from spark_assets import failpoints
from spark_assets.storage import durable_files
from spark_assets.storage.publication import Publisher

THREADS: Final = 16
"""Disk operations at once: as many fsyncs as ingests run at once by default share the file system's journal commits."""
_HEADER: Final = 4
"""Bytes that tell a message's length."""
_PIECE: Final = 64 * 1024
_FULL_PIPE: Final = 0.001
"""Seconds after which a pipe that was full is tried again."""
_PROGRAM: Final = "import sys; sys.path[:] = {path!r}; from {module} import run; run({requests}, {answers}, {root!r}, {failpoint!r})"

_log = structlog.get_logger()


class Request(msgspec.Struct, array_like=True, frozen=True):
    """Publish the file `source` as `target`, or only sync it if there is no target."""

    number: int
    source: str
    target: str | None = None
    is_synced: bool = False


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """How a request went: 0 or the number of an OSError, and the file that it was about."""

    number: int
    error: int = 0
    file: str | None = None


class Keeper:
    """The process, started when it is first needed, and again if it has died. Its methods raise OSError."""

    def __init__(self, root: Path) -> None:
        """`root`: the folder of all targets."""
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = self._answers = -1
        self._received = bytearray()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._count = 0
        self._endings: set[asyncio.Task[int]] = set()

    async def publish(self, source: Path, target: Path, *, is_synced: bool) -> None:
        """See `Publisher.publish`."""
        await self._ask(str(source), str(target), is_synced)

    async def sync(self, source: Path) -> None:
        """Bring the bytes of a file to the disk."""
        await self._ask(str(source), None, False)

    async def close(self) -> None:
        """Let what is under way come to its end."""
        if self._waiting:
            await asyncio.wait(self._waiting.values())
        self._end()
        await asyncio.gather(*self._endings)

    async def _ask(self, source: str, target: str | None, is_synced: bool) -> None:
        if self._process is None:
            self._start()
        self._count += 1
        request = Request(self._count, source, target, is_synced)
        answer = self._waiting[request.number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(msgspec.msgpack.encode(request))
            found = await answer
        finally:
            self._waiting.pop(request.number, None)
        if found.error:
            raise OSError(found.error, os.strerror(found.error), found.file)

    async def _send(self, message: bytes) -> None:
        """One message; it is shorter than what pipes take as a whole, or not at all (PIPE_BUF)."""
        while True:
            try:
                os.write(self._requests, _framed(message))
                return
            except BlockingIOError:
                await asyncio.sleep(_FULL_PIPE)

    def _start(self) -> None:
        keeper_reads, self._requests = os.pipe()
        self._answers, keeper_writes = os.pipe()
        program = _PROGRAM.format(
            path=[entry for entry in sys.path if entry],
            module=__name__,
            requests=keeper_reads,
            answers=keeper_writes,
            root=str(self._root),
            failpoint=os.environ.get(failpoints.VARIABLE, ""),
        )
        command = [sys.executable, "-I", "-c", program]
        try:
            self._process = subprocess.Popen(
                command, env={}, pass_fds=(keeper_reads, keeper_writes), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        finally:
            os.close(keeper_reads)
            os.close(keeper_writes)
        for ours in (self._requests, self._answers):
            os.set_blocking(ours, False)
        asyncio.get_running_loop().add_reader(self._answers, self._hear)

    def _hear(self) -> None:
        piece = os.read(self._answers, _PIECE)
        if not piece:
            _log.error("keeper_died")
            self._end()
            return
        received = self._received
        received += piece
        while len(received) >= _HEADER:
            end = _HEADER + int.from_bytes(received[:_HEADER])
            if len(received) < end:
                break
            answer = msgspec.msgpack.decode(received[_HEADER:end], type=Answer)
            del received[:end]
            waiting = self._waiting.get(answer.number)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)

    def _end(self) -> None:
        """Let go of the process, which ends by itself; whoever still waits for an answer is told that there is none."""
        process, self._process = self._process, None
        if process is None:
            return
        asyncio.get_running_loop().remove_reader(self._answers)
        os.close(self._requests)
        os.close(self._answers)
        self._received.clear()
        for number, waiting in self._waiting.items():
            if not waiting.done():
                waiting.set_result(Answer(number, errno.EIO))
        ending = asyncio.create_task(asyncio.to_thread(process.wait))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)


def run(requests: int, answers: int, root: str, failpoint: str) -> None:
    """The life of the process: it does what it is asked for until the pipe that requests come by is closed, and ends when all is done.

    Signals to the whole group are for the server, which lets go of this process when it ends, however it does.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    failpoints.arm(failpoint, also=os.getppid())
    publisher = Publisher(Path(root))
    with open(requests, "rb") as pipe, ThreadPoolExecutor(THREADS) as threads:
        while header := pipe.read(_HEADER):
            request = msgspec.msgpack.decode(pipe.read(int.from_bytes(header)), type=Request)
            threads.submit(_serve, request, publisher, answers)


def _serve(request: Request, publisher: Publisher, answers: int) -> None:
    try:
        if request.target is None:
            durable_files.sync_file(Path(request.source))
        else:
            publisher.publish(Path(request.source), Path(request.target), is_synced=request.is_synced)
        answer = Answer(request.number)
    except OSError as error:
        answer = Answer(request.number, error.errno or errno.EIO, error.filename)
    os.write(answers, _framed(msgspec.msgpack.encode(answer)))


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(_HEADER) + message
