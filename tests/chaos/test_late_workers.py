"""A worker that stands still, as a machine does that is short of memory or is being moved, and wakes after others took over its work."""

import time
from collections.abc import Callable, Iterator
from typing import Final

import psutil
import pytest

from spark_assets.failpoints import VARIABLE, Failpoint
from tests.chaos.traces import ADMIN, traces
from tests.end_to_end.shelf import Shelf
from tests.factories.receivers import Receiver
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import Service, SparkProcess, WorkerProcess, fleet

PATIENCE: Final = 120.0
"""Seconds: a silent worker counts as dead after 20, and its open transaction is undone after 30."""


@pytest.fixture
def service(postgres_server: PostgresServer, s3_server: S3Server) -> Iterator[Service]:
    """A fleet."""
    with fleet(postgres_server, s3_server, source_allow="127.0.0.0/8", webhook_allow="127.0.0.0/8", drain_timeout=5) as running:
        yield running


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def _stands_still(process: SparkProcess) -> bool:
    assert process.pid is not None
    return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED


POINTS: Final = (Failpoint.CLAIM_COMMITTED, Failpoint.OBJECT_PUT, Failpoint.ACTIVATION_WRITTEN)


@pytest.mark.chaos
@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.value)
def test_a_worker_that_stood_still_beyond_its_lease_changes_nothing_when_it_wakes(
    service: Service, shelf: Shelf, picture: bytes, point: Failpoint
) -> None:
    sleeper = service.worker
    assert sleeper is not None
    client = service.client(*ADMIN)
    sleeper.stop()
    sleeper.variables[VARIABLE] = f"pause:{point.value}"
    sleeper.start()
    with Receiver() as receiver:
        task_id = client.submit_asset(client.create_group(), shelf.put("/late.jpg", picture), callback_url=receiver.url)
        _wait(lambda: _stands_still(sleeper), "the worker never came to the failpoint")
        variables = {name: value for name, value in service.variables.items() if name != "SPARK_ASSETS_HOME"}
        with WorkerProcess(variables) as other:
            task = client.completed(task_id, PATIENCE)
            receiver.wait(1)
            _wait(lambda: traces(service)["deliveries"] == 1, "the delivery")
            before = traces(service)
            assert before == {"completed tasks": 1, "active assets": 1, "lines of usage": 1, "events": 2, "deliveries": 1}
            log = len(sleeper.log)
            sleeper.resume()
            _wait(lambda: "ingest_superseded" in sleeper.log[log:] or "ingest_postponed" in sleeper.log[log:], "the sleeper never went on")
            other_task = client.submit_asset(client.create_group(), shelf.put("/next.jpg", picture + b"1"))
            other.stop()
            assert client.completed(other_task, PATIENCE)["status"] == "completed", "the sleeper works on"
        after = traces(service)
        assert {name: after[name] - count for name, count in before.items()} == {
            "completed tasks": 1, "active assets": 1, "lines of usage": 1, "events": 2, "deliveries": 0
        }  # fmt: skip
        assert client.completed(task_id)["output"] == task["output"]
        assert {found.id for found in receiver.got} == {receiver.got[0].id}
    service.wait_for_empty_spool()
    assert service.doctor("--verify")[0] == 0
