"""The transaction that activates an asset is whole or not at all: nothing of it is seen before the commit, all of it once after it.

So there is no moment between activation and outbox at which a process could die: the event is a row of the same transaction.
"""

import time
from typing import Final

import pytest

from spark_assets.failpoints import VARIABLE, Failpoint
from tests.chaos.conftest import MakeService
from tests.chaos.traces import ADMIN, traces
from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient
from tests.factories.receivers import Receiver
from tests.factories.spark_processes import SparkProcess

PATIENCE: Final = 60.0
_POINTS: Final = {
    "embedded": (Failpoint.EVENTS_WRITTEN, Failpoint.ACTIVATION_WRITTEN),
    "fleet": (Failpoint.ACTIVATION_WRITTEN,),
}


def wait_for_death(process: SparkProcess) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.is_alive:
        assert time.monotonic() < deadline, "the failpoint was not reached"
        time.sleep(0.02)
    process.kill()


def restart_armed(process: SparkProcess, text: str) -> None:
    process.stop()
    process.variables[VARIABLE] = text
    process.start()
    del process.variables[VARIABLE]


def submit(client: SparkClient, shelf: Shelf, picture: bytes, receiver: Receiver) -> str:
    url = shelf.put("/activated.jpg", picture)
    return client.submit_asset(client.create_group(), url, callback_url=receiver.url)


def test_a_kill_inside_the_activating_transaction_leaves_nothing_of_it_and_after_it_all_exactly_once(
    size: str, make_service: MakeService, shelf: Shelf, picture: bytes
) -> None:
    with make_service() as service, Receiver() as receiver:
        client = service.client(*ADMIN)
        assert client.call("POST", "/v1/webhooks", {"url": receiver.url}).status == 201
        worker = service.worker or service.server
        for number, point in enumerate(_POINTS[size], 1):
            before = traces(service)
            restart_armed(worker, point.value)
            task_id = submit(client, shelf, picture + bytes([number]), receiver)
            wait_for_death(worker)
            assert traces(service) == before, f"something of the transaction is visible after a kill at {point.value}"
            assert len(receiver.got) == 3 * (number - 1)
            worker.start()
            assert client.completed(task_id, PATIENCE)["metadata"]["attempts"] == 2
            got = receiver.wait(3 * number)[3 * (number - 1) :]
            assert sorted(found.told["type"] for found in got) == ["asset.active", "task.completed", "task.completed"]
            assert len({found.id for found in got}) == 2, "the callback is told the same event as the webhook"
            gained = {name: count - before[name] for name, count in traces(service).items()}
            assert gained == {"completed tasks": 1, "active assets": 1, "lines of usage": 1, "events": 2, "deliveries": 3}
        assert service.doctor("--verify")[0] == 0


@pytest.mark.parametrize("size", ["embedded"])
def test_a_kill_right_after_the_commit_of_an_activation_loses_no_message(make_service: MakeService, shelf: Shelf, picture: bytes) -> None:
    with make_service() as service, Receiver() as receiver:
        client = service.client(*ADMIN)
        worker = service.worker or service.server
        restart_armed(worker, Failpoint.ACTIVATION_COMMITTED.value)
        task_id = submit(client, shelf, picture, receiver)
        wait_for_death(worker)
        assert traces(service) == {"completed tasks": 1, "active assets": 1, "lines of usage": 1, "events": 2, "deliveries": 1}
        worker.start()
        assert receiver.wait(1)[0].told["data"]["task_id"] == task_id
        assert client.completed(task_id)["metadata"]["attempts"] == 1
