"""One confined child, and the folder through which it is lent the file of its present job and no other."""

import asyncio
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.media.children import Child, ChildLost
from spark_assets.media.confinement import Layers
from spark_assets.ports.metrics import SILENCE, Count, Metrics

PROGRAM: Final = "spark_assets.media.child"
"""The module whose `run` is a child's program."""
_START_TIME: Final = 30.0
"""Seconds within which a child must have started."""

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

    def __init__(self, lent: Path, stand: Path, bounds: Bounds, program: str = PROGRAM, metrics: Metrics = SILENCE) -> None:
        """`program`: a seam; the module whose `run` the child runs."""
        self._metrics = metrics
        self._lent = lent
        self._stand = stand
        self._bounds = bounds
        self._program = program
        self._child: Child | None = None
        self._layers: Layers | None = None
        self._jobs_left = 0
        self._endings: set[asyncio.Task[int]] = set()
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

    async def layers(self) -> Layers:
        """Which layers of confinement hold in the child. Raises TransientFailure `parser_crashed`."""
        try:
            await self._ready()
        except ChildLost:
            raise crashed() from None
        assert self._layers is not None
        return self._layers

    async def run(self, job: bytes) -> bytes:
        """Hand the job to the child and await its answer; cancelling ends the child.

        Raises TransientFailure `parser_crashed`, IngestFailure `parser_timeout`.
        """
        try:
            child = await self._ready()
            async with asyncio.timeout(self._bounds.wall_time):
                answer = await child.ask(job)
        except ChildLost:
            for code in await self._finish():
                _log.warning("parser child died", exit_code=code)
            self._metrics.count(Count.PARSER_CHILDREN, "died")
            raise crashed() from None
        except TimeoutError:
            await self._finish()
            self._metrics.count(Count.PARSER_CHILDREN, "killed")
            words = f"reading the file took longer than {self._bounds.wall_time:g} s and was stopped"
            raise IngestFailure("InternalError", words, "parser_timeout") from None
        except BaseException:
            self.retire()
            raise
        self._jobs_left -= 1
        if self._jobs_left <= 0:
            self.retire()
            self._metrics.count(Count.PARSER_CHILDREN, "recycled")
        return answer

    def retire(self) -> None:
        """End the child; its job, if it has one, fails with `parser_crashed`."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            ending = asyncio.create_task(child.end())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    async def close(self) -> None:
        """End the child and wait for its end; no further job is taken."""
        self._closed = True
        await self._finish()

    async def _finish(self) -> list[int]:
        """Retire and wait; the exit codes."""
        self.retire()
        return await asyncio.gather(*self._endings)

    async def _put(self, path: Path, lent: Path) -> None:
        """Link the file, or copy it where it cannot be linked. A folder that somebody removed is made anew, for a fresh child."""
        if not self._lent.is_dir():
            self.retire()
            self._lent.mkdir(parents=True)
        if not _link(path, lent):
            await asyncio.to_thread(shutil.copyfile, path, lent)

    async def _ready(self) -> Child:
        """The child, started if there is none; one that has died since its last job is replaced. Raises ChildLost."""
        if self._child is not None and not self._child.is_lost:
            return self._child
        self.retire()
        if self._closed:
            raise ChildLost
        try:
            for folder in (self._lent, self._stand):
                folder.mkdir(parents=True, exist_ok=True)
            child = self._child = Child(self._program, self._lent, self._bounds.memory, self._stand)
            self._jobs_left = self._bounds.jobs
            async with asyncio.timeout(_START_TIME):
                self._layers = msgspec.msgpack.decode(await child.greeting(), type=Layers)
            self._metrics.count(Count.PARSER_CHILDREN, "started")
        except (OSError, msgspec.MsgspecError) as error:
            self.retire()
            _log.warning("parser child did not start", error=type(error).__name__)
            raise ChildLost from error
        except BaseException:  # a child whose greeting nobody has heard is of no use
            self.retire()
            raise
        return child


def crashed() -> TransientFailure:
    """The failure of a job whose child died, or answered as no child of ours would."""
    return TransientFailure("InternalError", "the process that read the file ended unexpectedly", "parser_crashed")


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
