"""A queue that keeps nothing: for a process that does not ingest and shares no database with one that does.

The task table is the durable record: the next start that ingests enqueues every unfinished task.
"""

import asyncio
from collections.abc import Mapping, Sequence

from spark_assets.ports.queue import Job, JobHandler


class PausedQueue:
    """Takes jobs and hands out none."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    async def dispatch(self, jobs: Sequence[Job], connection: object | None) -> None:
        """Leave the jobs to the task table."""

    async def run(self, handler: JobHandler, *, concurrency: int, beside: int = 0) -> None:
        """Wait for `stop`."""
        await self._stopped.wait()

    def stop(self) -> None:
        """Let `run` return."""
        self._stopped.set()

    async def depth(self) -> int:
        """Nothing waits here."""
        return 0

    async def due(self) -> Mapping[str, int]:
        """Nothing waits here."""
        return {}

    async def hurry(self) -> None:
        """Nothing waits here."""

    async def prune(self) -> None:
        """Nothing to throw away."""

    async def close(self) -> None:
        """Nothing to let go of."""
