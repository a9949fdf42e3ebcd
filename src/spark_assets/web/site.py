"""What all exchanges of one server share."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from spark_assets.domain.errors import SparkError
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.unit_of_work import Database
from spark_assets.runtime.assembly import Runtime
from spark_assets.web.authentication import Authenticator
from spark_assets.web.client_address import ClientAddresses, Network
from spark_assets.web.failed_keys import FailedKeys
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


class StoreWatch:
    """Proves before a redirect that the store answers and holds the bytes; once it has, that is taken for granted for a second.

    Without it a client would be sent to a store that is away, instead of being told to come back.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._answered_at = float("-inf")

    async def expect(self, name: str) -> None:
        """Raises BlobNotFound, Unavailable."""
        now = asyncio.get_running_loop().time()
        if now - self._answered_at >= _REMEMBERED:
            await self._blobs.size(name)
            self._answered_at = now


async def _trouble(part: Database | BlobStore) -> str | None:
    try:
        await part.check()
    except SparkError as error:
        return error.message
    return None


class Site:
    """One running server: its runtime, who its callers are, and what it remembers."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        failed_key_delay: float = 0.0,
        trusted_proxies: Sequence[Network] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`failed_key_delay`: seconds that an attempt waits at most after many failed ones from its address; 0 for none.

        `trusted_proxies`: who is believed when it says where a request came from. `settings`: those in force, as they may be shown.
        """
        self.runtime = runtime
        self.public = urlsplit(runtime.base_url)
        """The base URL: how clients call the server."""
        self.addresses = ClientAddresses(trusted_proxies)
        self.settings = settings or {}
        self.authenticator = Authenticator(runtime.database, runtime.clock, FailedKeys(failed_key_delay))
        self.ended_tasks = EndedTasks()
        self.troubles = Troubles(runtime)
        self.store = StoreWatch(runtime.blobs)
        self.draining = asyncio.Event()
        self.places = Places()
        self.reads = SharedReads()
        self.large_bodies = asyncio.Semaphore(_LARGE_BODIES)

    @property
    def root_path(self) -> str:
        """What stands before every path in front of the proxy; empty without a prefix."""
        return self.public.path

    def at(self, path: str) -> str:
        """One of our own paths as clients call it."""
        return f"{self.public.path}{path}"
