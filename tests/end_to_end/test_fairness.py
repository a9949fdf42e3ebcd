"""One project's long backlog is not ahead of another project's single file."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Final

import pytest

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.backlogs import stand_in_line
from tests.factories.http import SparkClient
from tests.factories.ledger import Ledger
from tests.factories.origin import Behaviour, Visit, head
from tests.factories.spark_processes import Service

PROMPT: Final = 10.0
"""Seconds within which a single file is through, on a busy machine; the others in line take many minutes."""
SINGLES: Final = 5
PLACES: Final = 4
"""Ingests that a worker runs at once, where there are few."""
WHILE: Final = 0.5
"""Seconds."""
_DONE: Final = (
    "SELECT count(*) FROM tasks JOIN projects ON projects.id = tasks.project_id"
    " WHERE projects.name = 'crowd' AND tasks.status = 'completed'"
)


@pytest.fixture(scope="module")
def crowded(make_service: MakeService) -> Iterator[Service]:
    """A service of its own: nobody else is to wait in it."""
    with make_service(drain_timeout=0) as service:
        service.quick_command("projects", "create", "crowd")
        yield service


def distinct(content: bytes, opened: asyncio.Event) -> Behaviour:
    """Another file at every visit, as soon as the gate is open."""

    async def behave(visit: Visit) -> None:
        await opened.wait()
        body = content + b"%d" % visit.number
        await visit.send(head(headers={"Content-Length": str(len(body))}), body)

    return behave


def begins(begun: threading.Semaphore, behaviour: Behaviour) -> Behaviour:
    """The same, telling each visit."""

    async def behave(visit: Visit) -> None:
        begun.release()
        await behaviour(visit)

    return behave


def took(client: SparkClient, group: str, url: str) -> float:
    """Seconds from the request until the task has completed."""
    began = time.monotonic()
    client.completed(client.submit_asset(group, url))
    return time.monotonic() - began


@pytest.mark.parametrize("count", [20_000, pytest.param(100_000, marks=pytest.mark.chaos)])
def test_a_single_file_does_not_wait_behind_the_many_of_another_project(
    crowded: Service, shelf: Shelf, contents: list[bytes], count: int
) -> None:
    client, ledger = crowded.client(), Ledger(crowded)
    group = client.create_group()
    urls = [shelf.put(f"/single-{count}-{number}.jpg", contents[0] + b"%d %d" % (count, number)) for number in range(2 * SINGLES)]
    idle = [took(client, group, url) for url in urls[:SINGLES]]
    opened, open_gate = shelf.gate()
    crowd = SparkClient(client.base_url, client.key, {"X-Project": "crowd"})
    url = shelf.behave(f"/crowd-{count}.jpg", distinct(contents[1], opened))
    stand_in_line(crowded, crowd.submit_asset(crowd.create_group(), url), count)
    open_gate()
    start = done = int(ledger.rows(_DONE)[0][0])
    while done < start + 50:
        time.sleep(0.1)
        done = int(ledger.rows(_DONE)[0][0])
    began = time.monotonic()
    busy = [took(client, group, url) for url in urls[SINGLES:]]
    rate = (int(ledger.rows(_DONE)[0][0]) - done) / (time.monotonic() - began)
    print(f"a single file takes {max(idle):.2f} s alone, and {max(busy):.2f} s behind {count}, of which {rate:.0f} a second go on")
    assert max(busy) < PROMPT
    assert rate > 1, "nor do single ones hold up the many"


@pytest.fixture(scope="module")
def narrow(make_service: MakeService) -> Iterator[Service]:
    """One with few places."""
    with make_service(drain_timeout=0, ingest_concurrency=PLACES, host_concurrency=4 * PLACES) as service:
        service.quick_command("projects", "create", "crowd")
        yield service


def test_a_single_file_does_not_wait_for_slow_downloads_of_another_project_that_have_every_place(
    narrow: Service, shelf: Shelf, contents: list[bytes]
) -> None:
    client, begun = narrow.client(), threading.Semaphore(0)
    group = client.create_group()
    alone = took(client, group, shelf.put("/before.jpg", contents[0] + b"before"))
    crowd = SparkClient(client.base_url, client.key, {"X-Project": "crowd"})
    crowds, (opened, let_go) = crowd.create_group(), shelf.gate()
    url = shelf.behave("/slow.jpg", begins(begun, distinct(contents[1] + b"slow", opened)))
    slow = [crowd.submit_asset(crowds, url) for _ in range(8 * PLACES)]
    for _ in range(PLACES):
        assert begun.acquire(timeout=PROMPT)
    time.sleep(WHILE)  # whoever takes more than it can begin does so now
    beside = took(client, group, shelf.put("/beside.jpg", contents[0] + b"beside"))
    assert {crowd.poll(task_id)["status"] for task_id in slow} == {"in_progress"}
    print(f"a single file takes {alone:.2f} s alone, and {beside:.2f} s beside {len(slow)} slow ones of another project")
    assert beside < PROMPT
    let_go()
    for task_id in slow:
        crowd.completed(task_id)
