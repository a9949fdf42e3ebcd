"""The file that a download goes to, hashed as it is written."""

import asyncio
import hashlib
import os
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Final

INLINE_SIZE: Final = 1024 * 1024
"""Bytes of a file that are hashed and written on the event loop: under 1 ms, while a thread hop costs as much."""
BLOCK_SIZE: Final = 1024 * 1024
"""Bytes gathered for one piece of work in a thread; hashing and writing blocks of that size release the GIL."""


class Spool:
    """A new file under writing: `add` pieces, `finish`, and `close` in any case. What was at the path before is replaced.

    At most two blocks are in memory: one being written by a thread and one being gathered. The constructor, `add` and
    `finish` raise OSError when the disk fails.
    """

    def __init__(self, path: Path, executor: Executor) -> None:
        self._path = path
        self._executor = executor
        self._hash = hashlib.sha256()
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._work: Future[None] | None = None
        path.unlink(missing_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.size = 0

    async def add(self, piece: bytes) -> None:
        """Take the next piece of the file."""
        self.size += len(piece)
        if self.size <= INLINE_SIZE:
            self._write([piece])
            return
        self._gathered.append(piece)
        self._gathered_size += len(piece)
        if self._gathered_size >= BLOCK_SIZE:
            await self._hand_over()

    async def finish(self) -> str:
        """Write what is left, and give the file's SHA-256 in lower-case hex."""
        if self._gathered:
            await self._hand_over()
        await self._settle()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Let go of the file without waiting: a thread that still writes closes it when done."""
        if self._work is None:
            os.close(self._descriptor)
        else:
            self._work.add_done_callback(lambda _: os.close(self._descriptor))

    async def _hand_over(self) -> None:
        """Give the gathered block to a thread, after the one before it is written."""
        await self._settle()
        block, self._gathered, self._gathered_size = self._gathered, [], 0
        self._work = self._executor.submit(self._write, block)

    async def _settle(self) -> None:
        if self._work is not None:
            await asyncio.wrap_future(self._work)
            self._work = None

    def _write(self, block: list[bytes]) -> None:
        for piece in block:
            self._hash.update(piece)
            view = memoryview(piece)
            while view:
                view = view[os.write(self._descriptor, view) :]
