"""Handlers of jobs for tests, and a worker around a queue."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from spark_assets.ports.queue import Job, Queue

ENOUGH: Final = 10.0
"""Seconds after which a test gives up."""


class Handler:
    """Notes the jobs it is given, and lets a test wait for so many."""

    def __init__(self, work: Callable[[Job], Awaitable[object]] | None = None) -> None:
        self.handled: list[Job] = []
        self._work = work
        self._changed = asyncio.Condition()

    async def __call__(self, job: Job) -> None:
        """Note the job and do the work."""
        self.handled.append(job)
        async with self._changed:
            self._changed.notify_all()
        if self._work is not None:
            await self._work(job)

    async def wait_for(self, count: int) -> None:
        """Until so many jobs were given."""
        async with asyncio.timeout(ENOUGH), self._changed:
            await self._changed.wait_for(lambda: len(self.handled) >= count)


@asynccontextmanager
async def working(queue: Queue, handler: Handler, concurrency: int = 4, beside: int = 0) -> AsyncIterator[None]:
    """A worker, which is stopped in the end and has then finished what it began."""
    running = asyncio.create_task(queue.run(handler, concurrency=concurrency, beside=beside))
    try:
        yield
    finally:
        queue.stop()
        async with asyncio.timeout(ENOUGH):
            await running
