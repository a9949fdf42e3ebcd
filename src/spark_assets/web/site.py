"""What all exchanges of one server share."""

import asyncio
from collections import OrderedDict
from typing import Final

from spark_assets.domain.errors import SparkError
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.unit_of_work import Database
from spark_assets.runtime.assembly import Runtime
from spark_assets.web.authentication import Authenticator
from spark_assets.web.places import Places
from spark_assets.web.shared_reads import SharedReads

_REMEMBERED: Final = 1.0
"""Seconds."""
_MOST_BYTES: Final = 16 * 2**20
_LARGE_BODIES: Final = 2
"""Bodies above 1 MiB in memory at once: each takes up to four times its 48 MiB while it is read."""


class EndedTasks:
    """Answers to polls of tasks that have ended, as they were sent: an ended task never changes.

    Holds at most 16 MiB; what was asked for least recently goes first.
    """

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, task_id: str) -> tuple[str, bytes] | None:
        """The task's project and its answer."""
        found = self._answers.get(task_id)
        if found is not None:
            self._answers.move_to_end(task_id)
        return found

    def put(self, task_id: str, project_id: str, body: bytes) -> None:
        """Remember an answer."""
        if task_id in self._answers:
            return
        self._answers[task_id] = (project_id, body)
        self._bytes += len(body)
        while self._bytes > _MOST_BYTES:
            _, (_, dropped) = self._answers.popitem(last=False)
            self._bytes -= len(dropped)


class Troubles:
    """What keeps the server from serving: looked for by one request at a time, and remembered for a second.

    Looking writes to the store, and anyone may ask.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._parts: dict[str, Database | BlobStore] = {"database": runtime.database, "storage": runtime.blobs}
        self._lock = asyncio.Lock()
        self._found: dict[str, str] = {}
        self._looked_at = float("-inf")

    async def find(self) -> dict[str, str]:
        """A sentence for each part that fails."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= _REMEMBERED:
                self._found = {name: trouble for name, part in self._parts.items() if (trouble := await _trouble(part))}
                self._looked_at = asyncio.get_running_loop().time()
            return self._found


async def _trouble(part: Database | BlobStore) -> str | None:
    try:
        await part.check()
    except SparkError as error:
        return error.message
    return None


class Site:
    """One running server: its runtime, who its callers are, and what it remembers."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.authenticator = Authenticator(runtime.database, runtime.clock)
        self.ended_tasks = EndedTasks()
        self.troubles = Troubles(runtime)
        self.draining = asyncio.Event()
        self.places = Places()
        self.reads = SharedReads()
        self.large_bodies = asyncio.Semaphore(_LARGE_BODIES)
