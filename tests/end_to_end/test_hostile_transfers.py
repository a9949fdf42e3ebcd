"""A real server whose sources are hostile, many at once: each ends as documented, and afterwards all is as it was."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.hostile_answers import DOORSTEPS, HOSTILE, TOO_LARGE
from tests.factories.http import Json, SparkClient
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, answer, head, wait_for
from tests.factories.spark_processes import Service, embedded

AT_ONCE: Final = 16
"""Ingests at once, the default."""
GROWTH: Final = 200 * 2**20
"""Bytes that the server may grow by above idle."""
PATIENCE: Final = 60.0
PROMPT: Final = 10.0
"""Seconds for what takes less than one when nobody else uses the machine."""
SHARE: Final = 3
"""Places of one host, of twice as many."""
FAST: Final = 20
SLOW_ONES: Final = 30
_SAMPLE: Final = 0.02


class Footprint:
    """What the processes of a server hold, those that parse left out: they have a limit of their own."""

    def __init__(self, service: Service) -> None:
        assert service.server.pid is not None
        everyone = [psutil.Process(service.server.pid), *service.server.descendants()]
        self._processes = [process for process in everyone if "serve" in process.cmdline()]
        self.idle = self.memory
        self.idle_descriptors = self.descriptors
        self.growth = 0
        """Bytes above idle, at most, as far as was watched."""

    @property
    def memory(self) -> int:
        """Bytes, all processes together."""
        return sum(process.memory_info().rss for process in self._processes)

    @property
    def descriptors(self) -> int:
        """Files and sockets, all processes together."""
        return sum(process.num_fds() for process in self._processes)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look all the time while what is inside happens."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(_SAMPLE):
                self.growth = max(self.growth, self.memory - self.idle)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def wait_until(is_so: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait for it."""
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def reason_of(task: Json) -> str:
    """The reason of a failed download, or what stands for the file's size; anything else in full."""
    error = task.get("error") or {}
    if error.get("code") == "InvalidParameter.FileSizeTooLarge":
        return TOO_LARGE
    return str(error["reason"]) if error.get("code") == "InvalidParameter.DownloadFailed" else str(task)


class Siege:
    """A server, an origin for every kind of answer, and what there was when nothing had happened yet."""

    def __init__(self, service: Service, shelf: Shelf, picture: bytes) -> None:
        self.service = service
        self.shelf = shelf
        self.client: SparkClient = service.client()
        self.group = self.client.create_group()
        self.picture = picture
        self.ingest_good_ones()  # what is loaded at first use is loaded, and the parsers are there
        self.footprint = Footprint(service)

    def reasons(self, addresses: dict[str, str]) -> dict[str, str]:
        """What each of these downloads ended with."""
        with self.footprint.watched():
            tasks = {name: self.client.submit_asset(self.group, url) for name, url in addresses.items()}
            return {name: reason_of(self.client.ended(task_id, PATIENCE)) for name, task_id in tasks.items()}

    def ingest_good_ones(self) -> float:
        """As many files as there are places, each sent when all have been asked for at once; the seconds until they are there."""
        asked = threading.Semaphore(0)
        opened, let_go = self.shelf.gate()
        reply = wait_for(opened, answer(self.picture))

        async def behave(visit: Visit) -> None:
            asked.release()
            await reply(visit)

        began = time.monotonic()
        tasks = [self.client.submit_asset(self.group, self.shelf.behave(f"/good-{number}", behave)) for number in range(AT_ONCE)]
        for _ in tasks:
            assert asked.acquire(timeout=PATIENCE), "not every place is free"
        let_go()
        for task_id in tasks:
            self.client.completed(task_id, PATIENCE)
        return time.monotonic() - began

    def is_as_before(self) -> None:
        """Nothing of the siege is left in the spool, in the places and in the descriptors, and the server has not grown too much."""
        assert self.ingest_good_ones() < PROMPT
        self.service.wait_for_empty_spool()
        wait_until(lambda: self.footprint.descriptors <= self.footprint.idle_descriptors + 2, "descriptors stay open")
        print(f"grew by {self.footprint.growth / 2**20:.0f} MiB so far")  # a figure of the run
        assert self.footprint.growth < GROWTH
        assert "ingest_crashed" not in self.service.server.log


@pytest.fixture(scope="module")
def picture(media: Path) -> bytes:
    """A picture."""
    return make_jpeg(media / "siege.jpg", 400, 400).read_bytes()


@pytest.fixture(scope="module")
def siege(shelf: Shelf, picture: bytes, media: Path) -> Iterator[Siege]:
    """A server whose downloads may take two seconds, and three megabytes."""
    policy = media / "siege.toml"
    policy.write_text('[image]\nformats = ["jpeg"]\nsize = "[, 3000000]"\n')
    settings = {"host_concurrency": AT_ONCE, "ingest_concurrency": AT_ONCE, "fetch_timeout": 2, "media_policy": policy}
    with embedded(source_allow="127.0.0.0/8", **settings) as service:
        yield Siege(service, shelf, picture)


def test_every_hostile_answer_at_once_ends_as_documented_and_leaves_nothing_behind(siege: Siege) -> None:
    expected = {name: one.reason for name, one in (HOSTILE | DOORSTEPS).items()}
    with ExitStack() as stack:
        addresses = {name: stack.enter_context(Shelf(doorstep=one.behaviour)).origin.url("/") for name, one in DOORSTEPS.items()}
        for number, (name, one) in enumerate(HOSTILE.items()):
            shelf = stack.enter_context(Shelf()) if one.poisons else siege.shelf
            addresses[name] = shelf.behave(f"/hostile-{number}", one.behaviour)
        found = siege.reasons(addresses)
    assert {name: reason for name, reason in found.items() if reason != expected[name]} == {}
    siege.is_as_before()


@pytest.mark.chaos
@pytest.mark.parametrize("name", HOSTILE)
def test_sixteen_of_a_kind_at_once_leave_nothing_behind(siege: Siege, name: str) -> None:
    one = HOSTILE[name]
    with Shelf() as shelf:
        url = shelf.behave("/of-a-kind", one.behaviour)
        found = siege.reasons({str(number): url for number in range(AT_ONCE)})
    assert set(found.values()) - {"bad_response" if one.poisons else ""} == {one.reason}
    siege.is_as_before()


@pytest.fixture(scope="module")
def narrow() -> Iterator[Service]:
    """A server that has few places, and few of them for one host."""
    with embedded(source_allow="127.0.0.0/8", host_concurrency=SHARE, ingest_concurrency=2 * SHARE) as service:
        yield service


def test_a_slow_host_holds_its_share_alone_while_fast_ones_finish(narrow: Service, shelf: Shelf, picture: bytes) -> None:
    client, begun = narrow.client(), threading.Semaphore(0)
    group = client.create_group()

    def ingest(name: str) -> float:
        began = time.monotonic()
        tasks = [client.submit_asset(group, shelf.put(f"/{name}-{number}", picture + name.encode())) for number in range(FAST)]
        for task_id in tasks:
            client.completed(task_id, PATIENCE)
        return time.monotonic() - began

    with Shelf(host="127.0.0.2") as slow_shelf:
        opened, let_go = slow_shelf.gate()
        reply = wait_for(opened, answer(picture))

        async def behave(visit: Visit) -> None:
            begun.release()
            await reply(visit)

        ingest("warm")
        alone = ingest("alone")
        slow = [client.submit_asset(group, slow_shelf.behave("/slow", behave)) for _ in range(SLOW_ONES)]
        for _ in range(SHARE):
            assert begun.acquire(timeout=PATIENCE)
        beside = ingest("beside")
        assert {client.poll(task_id)["status"] for task_id in slow} == {"in_progress"}
        assert len(slow_shelf.origin.visits) == SHARE
        print(f"{FAST} files alone: {alone:.2f} s, beside {SLOW_ONES} of a slow host: {beside:.2f} s")  # a figure of the run
        assert beside < alone + PROMPT
        let_go()
        for task_id in slow:
            client.completed(task_id, PATIENCE)


def test_a_cancelled_task_lets_go_of_a_source_that_stands_still_within_seconds(narrow: Service, shelf: Shelf) -> None:
    client, asked, left = narrow.client(), threading.Event(), threading.Event()

    async def behave(visit: Visit) -> None:
        await visit.send(head(headers={"Content-Length": "9"}), b"half")
        asked.set()
        assert await visit.reader.read() == b""
        left.set()

    task_id = client.submit_asset(client.create_group(), shelf.behave("/still", behave))
    assert asked.wait(PATIENCE)
    began = time.monotonic()
    assert client.call("POST", f"/v1/tasks/{task_id}/cancel").status == 200
    assert left.wait(PATIENCE)
    assert time.monotonic() - began < PROMPT, "its deadline is a minute, and its least rate is looked at after ten seconds"
    narrow.wait_for_empty_spool()
