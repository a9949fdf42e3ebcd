"""Processes that are killed or stopped in the middle of their work lose nothing and double nothing."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.http import Json, SparkClient, follow
from tests.factories.ledger import Ledger
from tests.factories.media import make_jpeg
from tests.factories.service import Service

COUNT = 50
DISTINCT = 40
"""So that some of the files are the same, and their bytes are stored once."""
PATIENCE = 90.0


@pytest.fixture(scope="module")
def harmed(make_service: MakeService) -> Iterator[Service]:
    """A service that these tests kill and start again."""
    with make_service(host_concurrency=COUNT, drain_timeout=4) as service:
        yield service


@pytest.fixture(scope="module")
def contents(media: Path) -> list[bytes]:
    """Files of which none is like another."""
    plain = make_jpeg(media / "crash.jpg", 400, 400, quality=30).read_bytes()
    return [plain + b"%d" % number for number in range(DISTINCT)]


def _submit(caller: SparkClient, shelf: Shelf, contents: list[bytes], name: str, count: int, seconds: float) -> dict[str, str]:
    """Submit so many files that arrive slowly; the hash of each acknowledged task's file."""
    group = caller.create_group()
    expected = {}
    for number in range(count):
        content = contents[number % len(contents)]
        url = shelf.behave(f"/{name}-{number}.jpg", slowly(content, seconds))
        expected[caller.submit_asset(group, url, name=f"{name} {number}")] = hashlib.sha256(content).hexdigest()
    return expected


def _wait_until_in_the_middle(caller: SparkClient, tasks: dict[str, str], ended: int) -> None:
    """Wait until so many tasks have ended; many others are then half way."""
    deadline = time.monotonic() + PATIENCE
    while sum(caller.poll(task)["status"] != "in_progress" for task in tasks) < ended:
        assert time.monotonic() < deadline
    stages = [caller.poll(task)["metadata"]["stage"] for task in tasks]
    assert stages.count("active") < len(tasks)


def _everything_is_done_once(service: Service, caller: SparkClient, expected: dict[str, str]) -> None:
    """Each acknowledged task completed, with one active asset of the right bytes and one line in the ledger; nothing lies about."""
    tasks: dict[str, Json] = {task_id: caller.completed(task_id, PATIENCE) for task_id in expected}
    assets = {task_id: task["metadata"]["asset_id"] for task_id, task in tasks.items()}
    assert len(set(assets.values())) == len(expected)
    for task_id, asset_id in assets.items():
        asset = caller.get_v1_asset(asset_id)
        assert (asset["status"], asset["sha256"]) == ("Active", expected[task_id])
    assert follow("GET", caller.get_v1_asset(next(iter(assets.values())))["url"]).sha256 == next(iter(expected.values()))
    ledger = Ledger(service)
    created, lines = ledger.created(), ledger.lines()
    assert {row[0] for row in created} >= expected.keys()
    assert {row[2] for row in created} == {"completed"}
    assert lines == {row[0]: 1 for row in created}
    assert sorted(row[0] for row in ledger.assets()) == sorted(row[1] for row in created)
    deadline = time.monotonic() + PATIENCE
    while ledger.pending_renditions():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    service.wait_for_empty_spool()
    code, report = service.doctor("--verify")
    assert code == 0, report


def _acknowledged_until(caller: SparkClient, crash: Callable[[], None]) -> list[str]:
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


def test_a_kill_in_the_middle_of_fifty_ingests_loses_and_doubles_nothing(harmed: Service, shelf: Shelf, contents: list[bytes]) -> None:
    caller = harmed.client()
    expected = _submit(caller, shelf, contents, "killed", COUNT, seconds=1.0)
    _wait_until_in_the_middle(caller, expected, ended=4)
    if harmed.worker is not None:
        harmed.worker.kill()
        harmed.worker.start()
        _wait_until_in_the_middle(caller, expected, ended=8)
    acknowledged = _acknowledged_until(caller, harmed.server.kill)
    harmed.server.start()
    for task_id in acknowledged:
        assert caller.poll(task_id)["status"] == "completed"
    _everything_is_done_once(harmed, caller, expected)


def test_a_server_whose_inner_process_is_killed_ends_and_can_be_started_again(harmed: Service) -> None:
    inner = harmed.server.descendants()[0]
    inner.kill()
    harmed.server.wait()
    assert harmed.server.exit_code not in {0, None}
    harmed.server.start()
    assert harmed.client().create_group()


def test_a_stop_in_the_middle_drains_exits_with_0_and_loses_nothing(harmed: Service, shelf: Shelf, contents: list[bytes]) -> None:
    caller = harmed.client()
    expected = _submit(caller, shelf, contents, "stopped", 30, seconds=1.0)
    _wait_until_in_the_middle(caller, expected, ended=3)
    for process in reversed(harmed.processes):
        process.stop()
        assert process.exit_code == 0, process.log[-3000:]
    assert all(name.endswith(".preview") for name in harmed.spool_files()), "only what waits to be published may be left"
    for process in harmed.processes:
        process.start()
    _everything_is_done_once(harmed, caller, expected)
    attempts = {row[0]: row[3] for row in Ledger(harmed).created()}
    assert {attempts[task_id] for task_id in expected} == {1}, "what a stop interrupts does not count as an attempt"
