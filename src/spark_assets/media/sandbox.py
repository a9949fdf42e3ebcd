"""The Inspector: a pool of confined children, of which each may die at any time at the cost of its own job."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final

import msgspec
import structlog
from pebble import ProcessExpired, ProcessPool

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.domain.policy import SAFETY_LIMITS, SafetyLimits
from spark_assets.media.child import Answer, Drawn, Job, Measured, Refused, perform, prepare, report_layers
from spark_assets.media.children import BareContext
from spark_assets.media.confinement import Layers
from spark_assets.ports.inspector import WORKING_FOLDER, Inspection

WALL_TIME: Final = 20.0
"""Seconds that a child may work on one file."""
MEMORY: Final = 2**30
"""Bytes of address space of a child."""
_JOBS_PER_CHILD: Final = 2000
"""A child is replaced after so many files, so that nothing grows in it for ever; starting one costs as much as 50 pictures."""
_WAITING_PER_CHILD: Final = 2
"""Jobs handed to the pool per child: the next one lies ready while the last answer travels."""
_GRACE: Final = 15.0
"""Seconds beyond the wall times before a job counts as lost by the pool itself."""

_log = structlog.get_logger()


class SandboxedInspector:
    """Measures files in `workers` confined children that may read and write beneath `spool` only.

    The children start with the first job, or with `start`. The folder `spool` must exist by then.
    """

    def __init__(
        self,
        spool: Path,
        *,
        workers: int,
        limits: SafetyLimits = SAFETY_LIMITS,
        wall_time: float = WALL_TIME,
        memory: int = MEMORY,
        jobs_per_child: int = _JOBS_PER_CHILD,
    ) -> None:
        self._spool = spool.resolve()
        self._workers = workers
        self._limits = limits
        self._wall_time = wall_time
        self._memory = memory
        self._jobs_per_child = jobs_per_child
        self._pool: ProcessPool | None = None
        self._folder: Path | None = None
        self._closed = False
        self._turns = asyncio.Semaphore(workers * _WAITING_PER_CHILD)
        self._spare_turns = asyncio.Semaphore(max(1, workers - 1))
        self._waiting: set[asyncio.Future[bytes]] = set()
        self._endings: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the children and wait until they answer, so that the first job finds them warm."""
        await asyncio.gather(*(self._call(report_layers) for _ in range(self._workers)))

    async def active_layers(self) -> Layers:
        """Which layers of confinement hold in a child, told by one. Raises TransientFailure."""
        return msgspec.msgpack.decode(await self._call(report_layers), type=Layers)

    async def inspect(self, path: Path, found: MediaFormat, preview: Path | None) -> Inspection:
        """Measure the whole file in a child: see `ports.inspector.Inspector.inspect`."""
        answer = await self._perform(path, found, preview, measure=True)
        assert isinstance(answer, Measured)
        return answer.inspection

    async def preview(self, path: Path, found: MediaFormat, preview: Path) -> bool:
        """Draw the preview in a child, never in all of them at once: inspecting goes first."""
        async with self._spare_turns:
            answer = await self._perform(path, found, preview, measure=False)
        assert isinstance(answer, Drawn)
        return answer.written

    async def close(self) -> None:
        """End the children; jobs that are still waiting fail with `parser_crashed`."""
        self._closed = True
        if self._pool is not None:
            self._discard(self._pool)
        await asyncio.gather(*self._endings)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def _perform(self, path: Path, found: MediaFormat, preview: Path | None, *, measure: bool) -> Measured | Drawn:
        job = self._job(path, found, preview, measure)
        answer: Answer = msgspec.msgpack.decode(await self._call(perform, msgspec.msgpack.encode(job)), type=Answer)
        if isinstance(answer, Refused):
            failure = TransientFailure if answer.transient else IngestFailure
            raise failure(answer.code, answer.message, answer.reason)
        return answer

    def _job(self, path: Path, found: MediaFormat, preview: Path | None, measure: bool) -> Job:
        return Job(
            path=str(path.absolute()),
            found=found,
            preview=None if preview is None else str(preview.absolute()),
            measure=measure,
            limits=self._limits,
            processor_time=self._wall_time,
        )

    async def _call(self, function: Callable[..., bytes], *arguments: bytes) -> bytes:
        """Run the function in a child and await its answer; cancelling kills the child. Pebble's errors end here."""
        async with self._turns:
            pool, waiting = self._schedule(function, arguments)
            try:
                async with asyncio.timeout(self._wall_time * _WAITING_PER_CHILD + _GRACE) as guard:
                    return await waiting
            except ProcessExpired as error:
                _log.warning("parser child died", exit_code=error.exitcode)
                raise _crashed() from error
            except BrokenProcessPool as error:
                self._discard(pool)
                raise _crashed() from error
            except TimeoutError as error:
                if guard.expired():
                    self._discard(pool)
                    raise _crashed() from error
                raise IngestFailure(
                    "InternalError", f"reading the file took longer than {self._wall_time:g} s and was stopped", "parser_timeout"
                ) from error
            finally:
                self._waiting.discard(waiting)

    def _schedule(self, function: Callable[..., bytes], arguments: tuple[bytes, ...]) -> tuple[ProcessPool, asyncio.Future[bytes]]:
        """Hand a job to the pool; a pool that has broken since the last job is replaced."""
        pool = self._opened_pool()
        try:
            scheduled = pool.schedule(function, args=arguments, timeout=self._wall_time)
        except RuntimeError:
            self._discard(pool)
            pool = self._opened_pool()
            scheduled = pool.schedule(function, args=arguments, timeout=self._wall_time)
        waiting: asyncio.Future[bytes] = asyncio.wrap_future(scheduled)
        self._waiting.add(waiting)
        return pool, waiting

    def _opened_pool(self) -> ProcessPool:
        if self._closed:
            raise _crashed()
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=WORKING_FOLDER, dir=self._spool.parent))
        if self._pool is None:
            self._pool = ProcessPool(
                max_workers=self._workers,
                max_tasks=self._jobs_per_child,
                initializer=prepare,
                initargs=(str(self._spool), self._memory),
                context=BareContext(self._folder),
            )
        return self._pool

    def _discard(self, pool: ProcessPool) -> None:
        """Give a pool up: those who wait for it are told, and its children are ended in the background."""
        if pool is not self._pool:
            return
        self._pool = None
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(BrokenProcessPool("the pool was given up"))
        ending = asyncio.create_task(asyncio.to_thread(_end, pool))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        if not self._closed:
            _log.warning("the pool of parser children is replaced")


def _end(pool: ProcessPool) -> None:
    """Stop a pool's children and threads; takes up to a few seconds if a child does not listen."""
    pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it untyped
    pool.join()


def _crashed() -> TransientFailure:
    return TransientFailure("InternalError", "the process that read the file ended unexpectedly", "parser_crashed")
