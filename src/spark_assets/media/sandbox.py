"""The Inspector: confined children, of which each may die at any time at the cost of its own job."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import structlog
from msgspec.structs import replace

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.domain.policy import SAFETY_LIMITS, SafetyLimits
from spark_assets.media.confinement import Layers
from spark_assets.media.messages import Answer, Drawn, Job, Measured, Refused
from spark_assets.media.parser import PROGRAM, Bounds, Parser, crashed
from spark_assets.ports.inspector import WORKING_FOLDER, Inspection
from spark_assets.ports.metrics import SILENCE, Metrics

WALL_TIME: Final = 20.0
"""Seconds that a child may work on one file."""
MEMORY: Final = 2**30
"""Bytes of address space of a child."""
_JOBS_PER_CHILD: Final = 2000
"""A child is replaced after so many files, so that nothing grows in it for ever; starting one costs as much as 50 pictures."""
_LARGEST_PREVIEW: Final = 2**20
"""Bytes; 512 x 512 pixels of noise in colour make 0.2 MB."""
_PREVIEW_START: Final = b"\xff\xd8\xff"
"""Start of image and the next marker: ITU-T T.81, section B.1."""
_LARGEST_FACT: Final = 2**31
"""No pixels, frames or seconds of a real file come near it, and a database holds no larger whole number for them."""
_LONGEST_CODEC: Final = 64

_Kind = TypeVar("_Kind", Measured, Drawn)
_log = structlog.get_logger()


class SandboxedInspector:
    """Measures files in `workers` confined children, which read one file each and write none.

    What is lent to them lies in a folder beside `spool`: files of the spool, or of anywhere on its file system, are lent by a
    link; others are copied. The children start with the first job, or with `start`. The folder `spool` must exist by then.
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
        program: str = PROGRAM,
        metrics: Metrics = SILENCE,
    ) -> None:
        """`program`: a seam; see `Parser`."""
        self._home = spool.resolve().parent
        self._workers = workers
        self._limits = limits
        self._bounds = Bounds(wall_time, memory, jobs_per_child)
        self._program = program
        self._metrics = metrics
        self._folder: Path | None = None
        self._closed = False
        self._parsers: list[Parser] = []
        self._idle: list[Parser] = []
        self._turns = asyncio.Semaphore(workers)
        self._spare_turns = asyncio.Semaphore(max(1, workers - 1))

    async def start(self) -> None:
        """Start the children and wait until they answer, so that the first job finds them warm."""
        await asyncio.gather(*(self.active_layers() for _ in range(self._workers)))

    async def active_layers(self) -> Layers:
        """Which layers of confinement hold in a child, told by one. Raises TransientFailure."""
        async with self._turn() as parser:
            return await parser.layers()

    async def inspect(self, path: Path, found: MediaFormat, preview: Path | None) -> Inspection:
        """Measure the whole file in a child: see `ports.inspector.Inspector.inspect`."""
        answer = await self._perform(path, self._job(found, preview, measure=True), Measured)
        written = preview is not None and _keep(answer.preview, preview)
        return replace(answer.inspection, has_preview=written)

    async def preview(self, path: Path, found: MediaFormat, preview: Path) -> bool:
        """Draw the preview in a child, never in all of them at once: inspecting goes first."""
        async with self._spare_turns:
            answer = await self._perform(path, self._job(found, preview, measure=False), Drawn)
        return _keep(answer.preview, preview)

    async def close(self) -> None:
        """End the children; jobs that are still waiting fail with `parser_crashed`."""
        self._closed = True
        await asyncio.gather(*(parser.close() for parser in self._parsers))
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def _perform(self, path: Path, job: Job, kind: type[_Kind]) -> _Kind:
        async with self._turn() as parser, parser.lend(path) as lent:
            answer = _understood(await parser.run(msgspec.msgpack.encode(replace(job, path=str(lent)))))
            if isinstance(answer, Refused):
                failure = TransientFailure if answer.transient else IngestFailure
                raise failure(answer.code, answer.message, answer.reason)
            if isinstance(answer, kind) and _is_sound(answer, job):
                return answer
            _log.warning("a parser child gave an answer that makes no sense")
            parser.retire()
            raise crashed()

    def _job(self, found: MediaFormat, preview: Path | None, *, measure: bool) -> Job:
        return Job("", found, preview is not None, measure, self._limits, self._bounds.wall_time)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Parser]:
        """A parser that nobody else uses; the one that was used last, as it is the warmest."""
        async with self._turns:
            if self._closed:
                raise crashed()
            parser = self._idle.pop() if self._idle else self._made()
            try:
                yield parser
            finally:
                self._idle.append(parser)

    def _made(self) -> Parser:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=WORKING_FOLDER, dir=self._home))
        parser = Parser(self._folder / f"lent-{len(self._parsers)}", self._folder / "empty", self._bounds, self._program, self._metrics)
        self._parsers.append(parser)
        return parser


def _understood(encoded: bytes) -> Answer | None:
    """The answer of a child, or None if it is none: a captured child may send anything."""
    try:
        answer: Answer = msgspec.msgpack.decode(encoded, type=Answer)
    except (msgspec.MsgspecError, ValueError, TypeError):
        return None
    return answer


def _is_sound(answer: Measured | Drawn, job: Job) -> bool:
    """Whether a child of ours could have given this answer to this job."""
    preview = answer.preview
    drawn = preview is None or (job.preview and len(preview) <= _LARGEST_PREVIEW and preview.startswith(_PREVIEW_START))
    return drawn and (isinstance(answer, Drawn) or _are_sound(answer.inspection.facts, job.found))


def _are_sound(facts: MediaFacts, found: MediaFormat) -> bool:
    numbers = (facts.width, facts.height, facts.frame_count, facts.duration, facts.frame_rate)
    bounded = all(number is None or 0 <= number < _LARGEST_FACT for number in numbers)  # not so for what is no number
    return bounded and facts.format is found and len(facts.codec or "") <= _LONGEST_CODEC


def _keep(drawn: bytes | None, preview: Path) -> bool:
    """Write what a child has drawn, if it has, to its place."""
    if drawn is None:
        return False
    try:
        preview.write_bytes(drawn)
    except OSError as error:
        raise TransientFailure("InternalError", "the preview could not be written beside the file", "storage_unavailable") from error
    return True
