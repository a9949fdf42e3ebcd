"""Work that is interrupted half way, and the proof that nothing of it was lost or done twice."""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import NamedTuple

from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.http import Json, SparkClient, follow
from tests.factories.ledger import Ledger
from tests.factories.spark_processes import Service

COUNT = 50
PATIENCE = 90.0
"""Seconds: longer than it takes until a fleet notices that a worker is dead."""
_ARRIVAL = 0.7
"""Seconds that each file takes to arrive."""


class Wreck(NamedTuple):
    """A service that was killed in the middle of its work and started again."""

    service: Service
    caller: SparkClient
    expected: dict[str, str]
    """The hash of the file behind each acknowledged task."""
    acknowledged: list[str]
    """Tasks that were done at once, acknowledged up to the moment of the kill."""


def submit_slow_files(caller: SparkClient, shelf: Shelf, contents: Sequence[bytes], name: str, count: int) -> dict[str, str]:
    """Submit so many files that arrive slowly; the hash of each acknowledged task's file."""
    group = caller.create_group()
    expected = {}
    for number in range(count):
        content = contents[number % len(contents)]
        url = shelf.behave(f"/{name}-{number}.jpg", slowly(content, _ARRIVAL))
        expected[caller.submit_asset(group, url, name=f"{name} {number}")] = hashlib.sha256(content).hexdigest()
    return expected


def wait_until_in_the_middle(caller: SparkClient, tasks: dict[str, str], ended: int) -> None:
    """Wait until so many tasks have ended; others are then half way."""
    deadline = time.monotonic() + PATIENCE
    while sum(caller.poll(task)["status"] != "in_progress" for task in tasks) < ended:
        assert time.monotonic() < deadline
    assert "fetching" in {caller.poll(task)["metadata"]["stage"] for task in tasks}


def acknowledged_until(caller: SparkClient, crash: Callable[[], None]) -> list[str]:
    """Make groups without a pause while the crash happens; the tasks that were acknowledged before it."""
    acknowledged: list[str] = []

    def hurry() -> None:
        try:
            while True:
                acknowledged.append(caller.submit("spark_asset_create_group", Name="x", GroupType="AIGC"))
        except (OSError, HTTPException):
            return

    thread = threading.Thread(target=hurry)
    thread.start()
    while len(acknowledged) < 20:
        time.sleep(0.001)
    crash()
    thread.join(30)
    return acknowledged


def wreck(service: Service, shelf: Shelf, contents: Sequence[bytes]) -> Wreck:
    """Kill the worker, if there is one, and then the server in the middle of 50 ingests, and start both again."""
    caller = service.client()
    expected = submit_slow_files(caller, shelf, contents, "killed", COUNT)
    wait_until_in_the_middle(caller, expected, ended=3)
    if service.worker is not None:
        service.worker.kill()
        service.worker.start()
    acknowledged = acknowledged_until(caller, service.server.kill)
    service.server.start()
    return Wreck(service, caller, expected, acknowledged)


def everything_is_done_once(service: Service, caller: SparkClient, expected: dict[str, str]) -> None:
    """Each acknowledged task completed, with one active asset of the right bytes and one line in the ledger; nothing lies about."""
    tasks: dict[str, Json] = {task_id: caller.completed(task_id, PATIENCE) for task_id in expected}
    assets = {task_id: task["metadata"]["asset_id"] for task_id, task in tasks.items()}
    assert len(set(assets.values())) == len(expected)
    for task_id, asset_id in assets.items():
        asset = caller.get_v1_asset(asset_id)
        assert (asset["status"], asset["sha256"]) == ("Active", expected[task_id])
        assert follow("GET", asset["url"]).sha256 == expected[task_id]
    ledger = Ledger(service)
    created = ledger.created()
    assert {row[0] for row in created} >= expected.keys()
    assert {row[2] for row in created} == {"completed"}
    assert ledger.lines() == {row[0]: 1 for row in created}
    assert sorted(row[0] for row in ledger.assets()) == sorted(row[1] for row in created)
    deadline = time.monotonic() + PATIENCE
    while ledger.pending_renditions():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    service.wait_for_empty_spool()
    code, report = service.doctor("--verify")
    assert code == 0, report
