"""The page on upgrades: its commands, as they are printed, on a fleet under programs that must not notice; nothing is lost on the way."""

import os
import re
import shutil
import signal
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from spark_assets.db import schema
from tests.end_to_end.shelf import Shelf
from tests.factories.ledger import Ledger
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, head
from tests.factories.sdk_load import SdkLoad
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import Service, fleet

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "upgrade-a-fleet.md"
PROMPT = 12.0
"""Seconds within which another worker has what one gave back: less than the 20 after which a worker counts as dead."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@contextmanager
def _reaped(service: Service) -> Iterator[None]:
    """Processes of the service that end meanwhile are gone, as they are where nobody started them: not left as our zombies."""
    over = threading.Event()

    def reap() -> None:
        while not over.wait(0.05):
            for process in service.processes:
                _ = process.is_alive

    thread = threading.Thread(target=reap)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Machine:
    """Where the commands of the page are run, with what they name replaced by what there is; what they start is ended with it."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder = folder
        self._service = service
        self._port = service.server.port
        path = f"{sysconfig.get_path('scripts')}:{os.environ.get('PATH', os.defpath)}"
        self._variables = {**service.variables, "PATH": path, "SPARK_ASSETS_HOME": str(folder / "home")}
        self.started: set[int] = set()

    def run(self, block: str, **variables: object) -> str:
        """What a block says on both of its outputs; it must succeed."""
        text = block.replace("8080", str(self._port)).replace("s3://backups/library", str(self.folder / "backups"))
        told = {name: str(value) for name, value in variables.items()}
        script = f'{text}\necho "started ${{!:-none}}" >&2'
        with _reaped(self._service):
            finished = self._run(script, told)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        if (found := re.search(r"^started (\d+)$", finished.stderr, re.MULTILINE)) is not None:
            self.started.add(int(found[1]))
        return finished.stdout + finished.stderr

    def _run(self, script: str, told: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-e", "-u", "-c", script],
            cwd=self.folder, env=self._variables | told, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def close(self) -> None:
        """End what was started, as an operator would; nothing of it may stay."""
        processes = [psutil.Process(pid) for pid in self.started if psutil.pid_exists(pid)]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(processes, timeout=20)
        for process in alive:
            process.kill()
        assert alive == []


@pytest.fixture
def service(postgres_server: PostgresServer, s3_server: S3Server) -> Iterator[Service]:
    """A fleet of this module's own."""
    with fleet(postgres_server, s3_server, source_allow="127.0.0.0/8", host_concurrency=16, drain_timeout=1) as running:
        yield running


@pytest.fixture
def machine(service: Service, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path, service)
    yield made
    made.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here, which the page uses")
def test_the_commands_of_the_page_replace_a_fleet_under_programs_that_notice_nothing(
    service: Service, machine: Machine, shelf: Shelf, media: Path
) -> None:
    picture = make_jpeg(media / "rolled.jpg", 400, 400, quality=30).read_bytes()
    before, migrate, after = blocks("sh")
    replace_worker, replace_server = blocks("bash")
    assert service.worker is not None
    client = service.client()
    opened, open_gate = shelf.gate()

    async def behave(visit: Visit) -> None:
        if visit.number == 1:
            await opened.wait()  # the worker that is replaced never gets it
        await visit.send(head(headers={"Content-Length": str(len(picture))}), picture)

    said = machine.run(before)
    assert f"schema {schema.HEAD}; its floor is {schema.FIRST_FLOOR}" in re.sub(r"\s+", " ", said)
    with SdkLoad([service.base_url], client.key, shelf, picture, programs=3, pause=0.2) as load:
        load.wait_for(2)
        assert "the schema needed no migration" in machine.run(migrate)
        gated = client.submit_asset(load_group := client.create_group(), shelf.behave("/gated-upgrade.jpg", behave))
        while not shelf.origin.count("/gated-upgrade.jpg"):
            time.sleep(0.02)
        machine.run(replace_worker, WORKER_PID=service.worker.pid)
        ready_at = time.monotonic()
        task = client.completed(gated)
        assert time.monotonic() - ready_at < PROMPT, "what the worker gave back is not waited for as a dead one's"
        assert task["metadata"]["attempts"] == 1, "and it is not counted"
        open_gate()
        load.wait_for(2)
        machine.run(replace_server, SERVER_PID=service.server.pid)
        load.wait_for(3)
    for process in service.processes:
        process.wait()
        assert process.exit_code == 0, process.log[-2000:]
    assert load.failures == []
    assert load.broken_promises() == []
    tasks = Ledger(service).created()
    assert {row[2:] for row in tasks} == {("completed", 1)}, "no job was lost, and none was done twice"
    assert Ledger(service).lines() == {row[0]: 1 for row in tasks}
    assert "all hold" in machine.run(after)
    assert client.call("GET", f"/v1/groups/{load_group}").status == 200
    print(load.figures)


def test_the_page_prints_what_the_program_says(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(blocks("text"))
    monkeypatch.setattr(schema, "HEAD", "0007")  # the page is about some version
    assert "its floor is 0007: code that knows 0007 or newer may run on it" in text
    with pytest.raises(schema.NewerSchema) as refused:
        schema.is_enough(schema.Schema("0009", "0009"))
    assert str(refused.value) in text
