"""The file that a download goes to, hashed as it is written."""

import asyncio
import hashlib
import os
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Final

from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.source import HEAD_LENGTH

BLOCK_SIZE: Final = 1024 * 1024
"""Bytes gathered for one piece of work in a thread: a small file is made, hashed and written in a single hop.

Even making a file can take milliseconds while others are being synced, so none of it is done on the event loop.
"""


class Spool:
    """A new file under writing: `add` pieces, `finish`, and `close` in any case. What was at the path before is replaced.

    At most two blocks are in memory: one being written by a thread and one being gathered. `add` and `finish` raise
    OSError when the disk fails.
    """

    def __init__(self, path: Path, executor: Executor) -> None:
        self._path = path
        self._executor = executor
        self._hash = hashlib.sha256()
        self._gathered = bytearray()  # not a list: a source that sends two bytes at a time would make it thirty times as large
        self._work: Future[None] | None = None
        self._descriptor: int | None = None
        self._given_up = False
        self.size = 0
        self.head = b""
        """The first bytes, at most HEAD_LENGTH, once a block of them, or all, has been handed to a thread."""

    async def add(self, piece: bytes) -> None:
        """Take the next piece of the file."""
        self.size += len(piece)
        self._gathered += piece
        if len(self._gathered) >= BLOCK_SIZE:
            await self._hand_over()

    async def finish(self) -> str:
        """Write what is left, and give the file's SHA-256 in lower-case hex."""
        if self._gathered or self._descriptor is None:
            await self._hand_over()
        await self._settle()
        reach(Failpoint.SPOOL_WRITTEN)
        return self._hash.hexdigest()

    def close(self) -> None:
        """Let go of the file without waiting: a thread that still writes closes it when done, and makes none any more."""
        self._given_up = True
        if self._work is None:
            self._release()
        else:
            self._work.add_done_callback(lambda _: self._release())

    async def _hand_over(self) -> None:
        """Give the gathered block to a thread, after the one before it is written."""
        await self._settle()
        block, self._gathered = self._gathered, bytearray()
        if not self.head:
            self.head = bytes(block[:HEAD_LENGTH])
        self._work = self._executor.submit(self._write, block)

    async def _settle(self) -> None:
        if self._work is not None:
            await asyncio.wrap_future(self._work)
            self._work = None

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, block: bytearray) -> None:
        """In a thread: append to the file, which is made with the first block, unless nobody wants it any more."""
        if self._descriptor is None:
            if self._given_up:  # and the next attempt may have its own file at the path
                return
            self._descriptor = _create(self._path)
            reach(Failpoint.SPOOL_BEGUN)
            if self._given_up:  # and what was at the path has been removed already
                self._path.unlink(missing_ok=True)
        self._hash.update(block)
        view = memoryview(block)
        while view:
            view = view[os.write(self._descriptor, view) :]


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileExistsError:
        path.unlink()
        return os.open(path, flags, 0o600)
