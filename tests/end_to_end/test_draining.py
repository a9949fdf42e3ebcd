"""A server that was asked to stop still tells what becomes of the tasks that it works on, and writes down whose keys were used."""

import json
import os
import signal
import threading

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.http import send
from tests.factories.origin import Visit, head
from tests.factories.spark_processes import Service
from tests.factories.surfaces import member, send_signed


def test_polls_are_answered_and_last_uses_kept_while_the_server_drains(
    make_service: MakeService, size: str, shelf: Shelf, contents: list[bytes]
) -> None:
    opened, open_gate = shelf.gate()
    waiting = threading.Event()

    async def behave(visit: Visit) -> None:
        waiting.set()
        await opened.wait()
        await visit.send(head(headers={"Content-Length": str(len(contents[0]))}), contents[0])

    with make_service(drain_timeout=20) as service:
        caller = member(service)
        client = caller.client
        assert send_signed(caller, "ListAssetGroups", b'{"Filter": {}}').status == 200
        task_id = client.submit_asset(client.create_group(), shelf.behave("/gated.jpg", behave))
        assert waiting.wait(10)
        held = threading.Thread(target=client.request, args=("GET", f"/model/v1/generation/task/{task_id}?wait=20"))
        held.start()
        for process in service.processes:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGTERM)
        if size == "embedded":
            _drains(service)
            held.join(5)
            assert not held.is_alive(), "a poll that waits is answered when the drain begins"
            assert client.poll(task_id)["status"] == "in_progress"
        open_gate()
        for process in reversed(service.processes):
            process.stop()
            assert process.exit_code == 0, process.log[-2000:]
        held.join(5)
        service.start()
        assert client.ended(task_id)["status"] == "completed"
        for kind in ("keys", "access-keys"):
            assert [key["last_used_at"] is None for key in service.quick_command(kind, "list")] == [False]


def _drains(service: Service) -> None:
    """Wait until the server says that it drains; it goes on answering."""
    for _ in range(200):
        answer = send("GET", f"{service.server.base_url}/readyz")
        if answer.status == 503:
            assert json.loads(answer.body)["troubles"] == {"server": "draining"}
            return
    raise AssertionError("the server never said that it drains")
