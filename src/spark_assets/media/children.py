"""How a child is started, with nothing of ours in its hands, and spoken to: it is given a job, and answers before the next.

It gets an empty environment, an empty working folder and two pipes. Whatever it sends is bytes to us, whose number is bounded
before they are taken, and which are never unpickled.
"""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from spark_assets.media.messages import HEADER, length_of, with_header

LARGEST_MESSAGE: Final = 2 * 2**20
"""Bytes of one message from a child: a preview of at most 1 MiB and its facts."""
_PIECE: Final = 64 * 1024
"""Bytes read at once: as many as a pipe holds."""
_PROGRAM: Final = "import sys; sys.path[:] = {path!r}; from {module} import run; run({jobs}, {answers}, {lent!r}, {memory})"


class ChildLost(Exception):
    """The child ended, or said what no child of ours would; it is of no use any more."""


class Child:
    """One child, from its start to its end."""

    def __init__(self, module: str, lent: Path, memory: int, folder: Path) -> None:
        """Start it: its program is `run` of the module, `folder` its working directory, which should be empty. Raises OSError."""
        child_reads, self._jobs = os.pipe()
        self._answers, child_writes = os.pipe()
        path = [entry for entry in sys.path if entry]
        program = _PROGRAM.format(path=path, module=module, jobs=child_reads, answers=child_writes, lent=str(lent), memory=memory)
        try:
            self._process = _launch(program, folder, (child_reads, child_writes))
        except BaseException:
            os.close(self._jobs)
            os.close(self._answers)
            raise
        finally:
            os.close(child_reads)
            os.close(child_writes)
        for ours in (self._jobs, self._answers):
            os.set_blocking(ours, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._answers, self._hear)
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] = self._loop.create_future()
        self.is_lost = False

    async def greeting(self) -> bytes:
        """What it says first, without having been asked. Raises ChildLost."""
        return await self._answer

    async def ask(self, job: bytes) -> bytes:
        """Its answer to a job, of which it has one at a time. Raises ChildLost."""
        framed = with_header(job)
        self._answer = self._loop.create_future()
        if self.is_lost or self._tell(framed) < len(framed):
            raise ChildLost
        return await self._answer

    def kill(self) -> None:
        """End it at once, whatever it does, for it has nothing to put away. Who waits for an answer is told."""
        self._process.kill()
        if self.is_lost:
            return
        self.is_lost = True
        self._received.clear()
        self._loop.remove_reader(self._answers)
        os.close(self._answers)
        os.close(self._jobs)
        if not self._answer.done():
            self._answer.set_exception(ChildLost())
            self._answer.exception()  # nobody may be left to hear of it

    async def end(self) -> int:
        """Wait until it has ended; the exit code, or a signal's number as a negative one."""
        return await asyncio.to_thread(self._process.wait)

    def _tell(self, framed: bytes) -> int:
        """How many of the bytes the pipe has taken: all of them, for it is empty when a child is given a job."""
        with suppress(OSError):
            return os.write(self._jobs, framed)
        return 0

    def _hear(self) -> None:
        """Some bytes of an answer have come; none at its end. An answer that nobody waits for is none of ours."""
        received = self._received
        try:
            piece = os.read(self._answers, _PIECE)
        except BlockingIOError:
            return
        received += piece
        length = length_of(received)
        if not piece or self._answer.done() or (length is not None and length > LARGEST_MESSAGE):
            self.kill()
        elif length is not None and len(received) >= HEADER + length:
            self._received = bytearray()
            if len(received) > HEADER + length:
                self.kill()
            else:
                self._answer.set_result(bytes(received[HEADER:]))


def _launch(program: str, folder: Path, pipes: tuple[int, int]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-c", program],
        env={},
        cwd=folder,
        pass_fds=pipes,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
