"""One confined child, and the folder through which it is lent the file of its present job and no other."""

import asyncio
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog
from pebble import ProcessExpired, ProcessPool

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.media.child import prepare
from spark_assets.media.children import BareContext

_GRACE: Final = 15.0
"""Seconds beyond the wall time before a job counts as lost by the pool itself; a child may have to start first."""

_log = structlog.get_logger()


class Bounds(msgspec.Struct, frozen=True):
    """What a child may take."""

    wall_time: float
    """Seconds on one job."""
    memory: int
    """Bytes of address space."""
    jobs: int
    """Jobs before another child takes its place."""


class Parser:
    """A child that does one job at a time. One that fails in any way is ended, and the next job finds a fresh one.

    Every child has pipes of its own (on shared ones it could take another's job, or answer it) and a folder `lent` of its own,
    beneath which it may read files whose name it was told. `stand` is an empty folder: its working directory.
    """

    def __init__(self, lent: Path, stand: Path, bounds: Bounds) -> None:
        self._lent = lent
        self._stand = stand
        self._bounds = bounds
        self._pool: ProcessPool | None = None
        self._waiting: asyncio.Future[bytes] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def lend(self, path: Path) -> AsyncIterator[Path]:
        """The path under which the child may read the file `path` for as long as this lasts; its name cannot be guessed.

        Raises TransientFailure `storage_unavailable` if it cannot be read, `parser_crashed` if it was changed meanwhile: a link
        shares its bytes with the file itself, and those are stored under a hash that was taken before. The file should have no
        other links made or removed while it is lent, for that counts as a change.
        """
        lent = self._lent / secrets.token_hex(16)
        try:
            try:
                await self._put(path, lent)
                before = _state(path)
            except OSError as error:
                raise TransientFailure("InternalError", "the spooled file could not be read", "storage_unavailable") from error
            yield lent
            if _state(path) != before:
                _log.warning("a file changed while it was parsed")
                self.retire()
                raise crashed()
        finally:
            with suppress(OSError):
                lent.unlink()

    async def run(self, function: Callable[..., bytes], *arguments: bytes) -> bytes:
        """Run the function in the child and await its answer; cancelling ends the child. Pebble's errors end here."""
        waiting = self._waiting = self._schedule(function, arguments)
        try:
            async with asyncio.timeout(self._bounds.wall_time + _GRACE) as guard:
                return await waiting
        except ProcessExpired as error:
            _log.warning("parser child died", exit_code=error.exitcode)
            raise crashed() from error
        except BrokenProcessPool as error:
            raise crashed() from error
        except TimeoutError as error:
            if guard.expired():
                raise crashed() from error
            words = f"reading the file took longer than {self._bounds.wall_time:g} s and was stopped"
            raise IngestFailure("InternalError", words, "parser_timeout") from error
        finally:
            self._waiting = None
            if waiting.cancelled() or waiting.exception() is not None:
                self.retire()

    def retire(self) -> None:
        """End the child in the background. Its job, if it has one, fails with `parser_crashed`."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(BrokenProcessPool("the child was given up"))
        if self._pool is None:
            return
        ending = asyncio.create_task(asyncio.to_thread(_end, self._pool))
        self._pool = None
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def close(self) -> None:
        """End the child and wait for its end; no further job is taken."""
        self._closed = True
        self.retire()
        await asyncio.gather(*self._endings)

    async def _put(self, path: Path, lent: Path) -> None:
        """Link the file, or copy it where it cannot be linked. A folder that somebody removed is made anew, for a fresh child."""
        if not self._lent.is_dir():
            self.retire()
            self._lent.mkdir(parents=True)
        if not _link(path, lent):
            await asyncio.to_thread(shutil.copyfile, path, lent)

    def _schedule(self, function: Callable[..., bytes], arguments: tuple[bytes, ...]) -> asyncio.Future[bytes]:
        """Hand a job to the child; a pool that has broken since the last job is replaced."""
        try:
            scheduled = self._opened().schedule(function, args=arguments, timeout=self._bounds.wall_time)
        except RuntimeError:
            self.retire()
            scheduled = self._opened().schedule(function, args=arguments, timeout=self._bounds.wall_time)
        return asyncio.wrap_future(scheduled)

    def _opened(self) -> ProcessPool:
        if self._closed:
            raise crashed()
        if self._pool is None:
            for folder in (self._lent, self._stand):
                folder.mkdir(parents=True, exist_ok=True)
            self._pool = ProcessPool(
                max_workers=1,
                max_tasks=self._bounds.jobs,
                initializer=prepare,
                initargs=(str(self._lent), self._bounds.memory),
                context=BareContext(self._stand),
            )
        return self._pool


def crashed() -> TransientFailure:
    """The failure of a job whose child died, or answered as no child of ours would."""
    return TransientFailure("InternalError", "the process that read the file ended unexpectedly", "parser_crashed")


def _end(pool: ProcessPool) -> None:
    """Stop a pool's child and threads; takes up to a few seconds if the child does not listen."""
    pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it untyped
    pool.join()


def _link(path: Path, lent: Path) -> bool:
    """Link a regular file; False where links cannot be made: from another file system, or on one that has none."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError("not a regular file")
    try:
        os.link(path, lent)
    except FileNotFoundError:
        raise
    except OSError:
        return False
    return True


def _state(path: Path) -> tuple[int, ...] | None:
    """What differs once a file was written to, replaced, or dressed up to look untouched; None if it is gone."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns
