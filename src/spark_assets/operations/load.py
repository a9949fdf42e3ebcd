"""What the service has to do, told often and asked seldom."""

import asyncio
from typing import Final

from spark_assets.domain.errors import SparkError
from spark_assets.domain.usage import MICRO
from spark_assets.ports.clock import Clock
from spark_assets.ports.metrics import Load
from spark_assets.ports.queue import Queue
from spark_assets.ports.unit_of_work import Database

_REMEMBERED: Final = 5.0
_PATIENCE: Final = 4.0
"""Seconds that an answer is good for, and that the database has for one: a scrape is given up after ten."""


class LoadGauge:
    """Tells the load of the whole service: looked for by one caller at a time, and remembered for some seconds."""

    def __init__(self, database: Database, queue: Queue, clock: Clock) -> None:
        self._database = database
        self._queue = queue
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: Load | None = None
        self._looked_at = float("-inf")

    async def read(self) -> Load | None:
        """The load; None while the database or the queue does not tell."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= _REMEMBERED:
                self._found = await self._look()
                self._looked_at = asyncio.get_running_loop().time()
            return self._found

    async def _look(self) -> Load | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await _take(self._database, self._queue, self._clock.now())
        except (SparkError, TimeoutError):
            return None


async def _take(database: Database, queue: Queue, now: int) -> Load:
    jobs = await queue.depth()
    async with database.read() as repositories:
        in_line, called, since = await repositories.lines.backlog()
        due, due_since = await repositories.deliveries.backlog(now)
    return Load(
        in_line=in_line,
        called=called,
        oldest_task=_age(since, now),
        jobs=jobs,
        due=due,
        oldest_due=_age(due_since, now),
    )


def _age(since: int | None, now: int) -> float:
    return 0.0 if since is None else max(0, now - since) / MICRO
