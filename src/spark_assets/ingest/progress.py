"""How far an ingest has come, written now and then so that a poll on any process can tell."""

import asyncio
from collections.abc import Callable
from typing import Final

from spark_assets.domain.errors import SparkError
from spark_assets.domain.task import Claim, Stage, TaskStatus, fetching_progress, stage_progress
from spark_assets.ports.unit_of_work import Database

INTERVAL: Final = 0.5
"""Seconds between two writes, or looks where nothing is new; an ingest that is over sooner writes nothing but its end."""


class ProgressReport:
    """Notes the stage and the bytes of one ingest, and writes them at most every INTERVAL seconds.

    While nothing is new, for its source stands still, say, it looks as often whether the task is still its own.
    """

    def __init__(self, database: Database, claim: Claim, stop: Callable[[], None] | None = None) -> None:
        """`stop` is called once it is found that the task has ended, or is in other hands: by a cancellation, say."""
        self._database = database
        self._claim = claim
        self._stop = stop
        self._stage = Stage.FETCHING
        self._progress = stage_progress(Stage.FETCHING)
        self._written_at = asyncio.get_running_loop().time()
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        """Until the next write or look."""
        self._has_news = False
        self._is_closed = False
        self.received = 0

    def enter(self, stage: Stage) -> None:
        """The ingest has come to this stage."""
        self._stage, self._progress = stage, stage_progress(stage)
        self._write_in_time()

    def bytes_received(self, received: int, total: int | None) -> None:
        """So many bytes have arrived, of so many if that is known."""
        self.received = received
        self._progress = fetching_progress(received, total)
        self._write_in_time()

    async def close(self) -> None:
        """Wait for a write under way, and begin no other, so that none comes after the end."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait([self._writing])

    def _write_in_time(self) -> None:
        """Write as soon as the last write is long enough ago: whatever is true by then."""
        self._has_news = True
        self._wind_up()

    def _wind_up(self) -> None:
        if self._timer is None and not self._is_closed:
            self._timer = asyncio.get_running_loop().call_at(self._written_at + INTERVAL, self._begin_write)

    def _begin_write(self) -> None:
        self._timer = None
        self._written_at = asyncio.get_running_loop().time()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_or_look())
        self._wind_up()

    async def _write_or_look(self) -> None:
        try:
            is_held = await (self._write() if self._has_news else self._look())
        except SparkError:
            return  # progress is a courtesy: a database that is away is met again, and reported, when the task ends
        if not is_held and self._stop is not None:
            self._stop()

    async def _write(self) -> bool:
        self._has_news = False
        async with self._database.begin() as uow:
            is_held = await uow.tasks.advance(self._claim, self._stage, self._progress, self.received)
            uow.announce(self._claim.task_id)
            await uow.commit(wait=False)
        return is_held

    async def _look(self) -> bool:
        async with self._database.read() as repositories:
            task = await repositories.tasks.get(self._claim.task_id)
        return task is not None and task.status is TaskStatus.IN_PROGRESS and task.fence == self._claim.fence
