"""A thousand clients wait, and all of them are told within a second."""

import asyncio
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.http import TASKS, SparkClient
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, head
from tests.factories.spark_processes import Service

CROWD: Final = 500
"""Clients of each kind."""
TASK_COUNT: Final = 10
PROMPT: Final = 1.0
"""Seconds from the end of a task until every client that waits for it has been told."""
MEMORY: Final = 300 * 2**20
PATIENCE: Final = 90.0
_LINE_LIMIT: Final = 2**20


class Listener:
    """One client on a connection of its own, and when it was told what."""

    def __init__(self, client: SparkClient, path: str) -> None:
        self._client = client
        self._path = path
        self.told_at = 0.0
        self.task: Any = None

    async def ask(self) -> None:
        """Send the request."""
        port = int(self._client.base_url.rpartition(":")[2])
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port, limit=_LINE_LIMIT)
        self._writer.write(f"GET {self._path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._client.key}\r\n\r\n".encode())
        await self._writer.drain()

    async def read_head(self) -> None:
        """Until the answer has begun, which must be a good one."""
        begun = await self._reader.readuntil(b"\r\n\r\n")
        assert begun.startswith(b"HTTP/1.1 200"), begun

    async def listen(self) -> None:
        """Until the task is told as completed."""
        while b'"completed"' not in (line := await self._reader.readuntil(b"}")):
            assert line
        self.told_at = time.time()
        self._writer.close()


class Waiter(Listener):
    """Asks with `?wait`: the answer as a whole comes when the task has ended."""

    async def listen(self) -> None:
        """Until the answer is there."""
        await self.read_head()
        await super().listen()


def memory_of(service: Service) -> int:
    """Bytes that the process holds which answers: the largest of the server's. Its supervisor and its parsers know no client."""
    assert service.server.pid is not None
    return max(process.memory_info().rss for process in [psutil.Process(service.server.pid), *service.server.descendants()])


def test_a_thousand_waiting_clients_are_told_within_a_second(make_service: MakeService, shelf: Shelf, media: Path) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, most), most))
    content = make_jpeg(media / "crowd.jpg", 400, 400).read_bytes()
    opened, open_gate = shelf.gate()

    async def behave(visit: Visit) -> None:
        await visit.send(head(headers={"Content-Length": str(len(content))}), content[:1000])
        await opened.wait()
        await visit.send(content[1000:])

    with make_service() as service:
        client = service.client()
        group = client.create_group()
        tasks = [client.submit_asset(group, shelf.behave(f"/crowd-{number}.jpg", behave)) for number in range(TASK_COUNT)]
        waiters = [Waiter(client, f"{TASKS}/{tasks[number % TASK_COUNT]}?wait=60") for number in range(CROWD)]
        streams = [Listener(client, f"{TASKS}/{tasks[number % TASK_COUNT]}/events") for number in range(CROWD)]
        asyncio.run(wait_in_a_crowd(service, waiters, streams, open_gate))
        ended = [client.poll(task_id)["metadata"]["completed_at"] for task_id in tasks]
        late = [listener.told_at - ended[number % TASK_COUNT] for some in (waiters, streams) for number, listener in enumerate(some)]
        assert max(late) < PROMPT
        assert memory_of(service) < MEMORY


async def wait_in_a_crowd(service: Service, waiters: list[Waiter], streams: list[Listener], let_go: Callable[[], None]) -> None:
    """All of them ask, and once the streams have begun the tasks may end."""
    async with asyncio.timeout(PATIENCE):
        for some in (waiters, streams):
            for start in range(0, CROWD, 100):
                await asyncio.gather(*(listener.ask() for listener in some[start : start + 100]))
        await asyncio.gather(*(stream.read_head() for stream in streams))
        assert memory_of(service) < MEMORY
        let_go()
        await asyncio.gather(*(listener.listen() for listener in (*waiters, *streams)))
