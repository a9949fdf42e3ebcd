"""The page on webhooks: its receiver and its commands, run as they are printed."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.loopback_server import free_port
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service, embedded

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "receive-webhooks.md"
PATIENCE = 60.0


def _blocks(language: str) -> list[str]:
    return [block.partition("```")[0] for block in PAGE.read_text().split(f"```{language}\n")[1:]]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A server that may fetch from loopback and post there."""
    with embedded(source_allow="127.0.0.0/8", webhook_allow="127.0.0.0/8") as running:
        yield running


class Printed:
    """The receiver of the page in a process of its own, and the lines that it prints."""

    def __init__(self, program: Path, secret: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(program)],
            env={**os.environ, "WEBHOOK_SECRET": secret}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)

    def next(self) -> str:
        """The next line."""
        return self._lines.get(timeout=PATIENCE)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._thread.join()


def test_the_page_is_true(service: Service, shelf: Shelf, tmp_path: Path) -> None:
    port = str(free_port())
    make, test, listed, resend, replay, rotate, create, callbacks, stop = _blocks("sh")
    client = service.client("--scope", "project:admin", "--scope", "assets:read", "--scope", "assets:write")
    source = shelf.put("/how-to.jpg", make_jpeg(tmp_path / "how-to.jpg", 400, 400))
    known = {"KEY": client.key, "GROUP": client.create_group(), "SOURCE": source}

    def run(command: str) -> Any:
        """What a command of the page prints, on these addresses."""
        here = command.replace("http://127.0.0.1:8080", service.base_url).replace("127.0.0.1:9000", f"127.0.0.1:{port}")
        here = here.replace("curl ", "curl --silent --show-error --fail-with-body ")
        finished = subprocess.run(["sh", "-ec", here], env={**os.environ, **known}, capture_output=True, text=True, timeout=60, check=False)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return json.loads(finished.stdout)

    webhook = run(make)
    known["WEBHOOK"] = webhook["id"]
    program = tmp_path / "receiver.py"
    program.write_text(_blocks("python")[0].replace("9000", port))
    receiver = Printed(program, webhook["secret"])
    try:
        run(test)
        assert receiver.next().startswith("webhook.test {")
        client.create_asset(known["GROUP"], source)
        assert receiver.next().startswith("asset.active {")
        items = run(listed)["items"]
        assert {item["type"] for item in items} == {"asset.active", "webhook.test"}
        known["DELIVERY"] = items[0]["id"]
        assert run(resend)["message_id"] == items[0]["message_id"]
        assert run(replay) == {"queued": 1, "next_event": None}
        assert run(rotate)["secrets"] == 2
        secret = run(callbacks)["secret"]
        receiver.close()
        receiver = Printed(program, secret)
        task = run(create)["id"]
        told = receiver.next()
        assert told.startswith("task.completed {")
        assert task in told
        disable, delete = stop.splitlines()
        assert run(disable)["enabled"] is False
        run(f"{delete} --output /dev/null; echo null")
    finally:
        receiver.close()
    listed_webhooks = client.call("GET", "/v1/webhooks").json()["items"]
    assert [found["kind"] for found in listed_webhooks] == ["callbacks"]
