"""The queue: claims on work, handed to workers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import Protocol

import msgspec


class JobKind(Enum):
    """The kinds of work."""

    INGEST = "ingest"
    DERIVE = "derive"
    DELIVER = "deliver"


class Job(msgspec.Struct, frozen=True):
    """A claim on work: `subject` is a task's ID for INGEST, an asset's for DERIVE, a delivery's for DELIVER.

    `host` is where an ingest's bytes come from, and the webhook of a delivery, so that a worker can share its places among them
    before it claims; and so is an ingest's project.
    """

    kind: JobKind
    subject: str
    host: str = ""
    project: str = ""


class RetryJob(Exception):
    """Raised by a handler to be given the same job again after a delay."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"again after {delay.total_seconds()} s")
        self.delay = delay


JobHandler = Callable[[Job], Awaitable[None]]


class JobDispatcher(Protocol):
    """Puts the jobs of a unit of work into the queue."""

    async def dispatch(self, jobs: Sequence[Job], connection: object | None) -> None:
        """Enqueue the jobs: on the transaction of `connection` where there is one, else at once.

        A job that is queued already is not queued twice.
        """


class Queue(JobDispatcher, Protocol):
    """Hands jobs to a handler and forgets them when it returns."""

    async def run(self, handler: JobHandler, *, concurrency: int, beside: int = 0) -> None:
        """Work until `stop`, on `concurrency` jobs at once, and on `beside` more of those that mostly wait.

        A handler's error other than RetryJob drops the job, for the task row remembers what it was for.
        """

    def stop(self) -> None:
        """Take no more jobs; `run` returns when the running ones are over."""

    async def depth(self) -> int:
        """Jobs that wait."""

    async def due(self) -> Mapping[str, int]:
        """Ingests that are due and that nobody has taken yet, by project."""

    async def hurry(self) -> None:
        """Let jobs be due that wait for longer than any is told to: the clock was set back since they were enqueued."""

    async def prune(self) -> None:
        """Throw away what the engine logs about finished jobs."""

    async def close(self) -> None:
        """Let go of connections."""
