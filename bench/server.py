"""A server of ours under measurement: a home of its own, a key, a group, and the few calls that the rows need."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from bench.baseline_application import ANSWER_VARIABLE
from bench.child_process import module_command, running

START_TIMEOUT: Final = 120.0
"""Seconds: a patience, not a promise."""
_QUIET: Final = 0.5
"""Seconds without work after which a started server counts as idle."""
_POLL_PAUSE: Final = 0.02
COMMAND: Final = str(Path(sys.executable).with_name("spark-assets"))
"""The installed program."""


class ServerFailed(Exception):
    """The server did not start, or answered something else than it should."""


class Server:
    """A running server, used over one kept connection."""

    def __init__(self, process: psutil.Process, port: int, key: str) -> None:
        self.process = process
        self.port = port
        self.key = key
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def create_group(self) -> str:
        """The ID of a new group's task, which is finished as soon as it is made."""
        return str(self.submit({"model": "spark_asset_create_group", "Name": "bench", "GroupType": "AIGC"})["id"])

    def create_asset(self, url: str, group_id: str, asset_type: str) -> str:
        """The ID of the task that ingests the address."""
        return str(self.submit(creation(url, group_id, asset_type))["id"])

    def submit(self, body: Mapping[str, str]) -> dict[str, Any]:
        """The answer to `POST /model/v1/generation`."""
        return self._json("POST", "/model/v1/generation", json.dumps(body))

    def task(self, task_id: str) -> dict[str, Any]:
        """The answer to a poll."""
        return self._json("GET", f"/model/v1/generation/task/{task_id}", None)

    def group_id(self) -> str:
        """A new group."""
        return str(self.task(self.create_group())["metadata"]["group_id"])

    def wait_for(self, task_id: str) -> dict[str, Any]:
        """The task as soon as it has ended. Raises ServerFailed if it did not complete."""
        while (task := self._json("GET", f"/model/v1/generation/task/{task_id}?wait=30", None))["status"] == "in_progress":
            pass
        if task["status"] != "completed":
            raise ServerFailed(f"a task failed: {task['error']}")
        return task

    def wait_for_all(self, task_ids: Sequence[str], *, pause: float = _POLL_PAUSE) -> None:
        """Return when every task was seen completed. Raises ServerFailed for one that failed."""
        for task_id in task_ids:
            while (task := self.task(task_id))["status"] == "in_progress":
                time.sleep(pause)
            if task["status"] != "completed":
                raise ServerFailed(f"a task failed: {task['error']}")

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A whole HTTP request with our key, for the load generator."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.key}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"{head}\r\n".encode() + body

    def wait_until_idle(self) -> None:
        """Return when no process of the server has worked for a while: the parsing children have started by then."""
        wait_until_idle(self.process)

    def processor_time(self) -> float:
        """Seconds of processor time that all processes of the server have used."""
        return processor_time(self.process)

    def processes(self) -> list[psutil.Process]:
        """The server's main process and all below it."""
        return family(self.process)

    def _json(self, method: str, path: str, body: str | None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise ServerFailed(f"{method} {path} was answered with {response.status}: {answer[:300]!r}")
        found: dict[str, Any] = msgspec.json.decode(answer)
        return found


def family(process: psutil.Process) -> list[psutil.Process]:
    """The process and all below it."""
    return [process, *process.children(recursive=True)]


def processor_time(process: psutil.Process) -> float:
    """Seconds of processor time that the process and all below it have used."""
    return sum(sum(one.cpu_times()[:2]) for one in family(process))


def wait_until_idle(process: psutil.Process) -> None:
    """Return when neither the process nor any below it has worked for a while."""
    while True:
        before = processor_time(process)
        time.sleep(_QUIET)
        if processor_time(process) - before <= 0.01:
            return


def creation(url: str, group_id: str, asset_type: str) -> dict[str, str]:
    """The body of a `spark_asset_create`."""
    return {"model": "spark_asset_create", "Name": "bench", "URL": url, "AssetType": asset_type, "GroupId": group_id}


@contextmanager
def serving(
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    answer: bytes | None = None,
    prepare: Callable[[Path], None] | None = None,
    folder: Path | None = None,
) -> Iterator[Server]:
    """A server on an empty home, idle and with a key; both go in the end, unless there is a `folder` to keep the home in.

    `settings` without their prefix. `prepare` is given the home, with its migrated database, before the server starts.
    With an `answer` the baseline handlers are in the server too, and give those bytes.
    """
    with _kept(folder) as place:
        port = free_port()
        environment = {f"SPARK_ASSETS_{name}": value for name, value in _settings(place, settings).items()}
        if prepare is not None:
            subprocess.run([COMMAND, "migrate"], env={**os.environ, **environment}, check=True, capture_output=True)
            prepare(place / "home")
        command = [COMMAND]
        if answer is not None:
            answer_file = place / "answer"
            answer_file.write_bytes(answer)
            environment[ANSWER_VARIABLE] = str(answer_file)
            command = module_command("bench.baseline_server")
        command += ["serve", "--port", str(port), *arguments]
        with (place / "log").open("wb") as log, running(command, environment=environment, stderr=log) as process:
            wait_until_ready(process, port, place / "log")
            server = Server(psutil.Process(process.pid), port, _make_key(environment))
            server.wait_until_idle()
            yield server


@contextmanager
def _kept(folder: Path | None) -> Iterator[Path]:
    """The folder, or a new one that goes in the end."""
    place = folder or Path(tempfile.mkdtemp(prefix="spark-assets-bench-"))
    try:
        yield place
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _settings(folder: Path, settings: Mapping[str, str] | None) -> dict[str, str]:
    return {"HOME": str(folder / "home"), "SOURCE_ALLOW": "127.0.0.0/8", "LOG_FORMAT": "json", **(settings or {})}


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Return when the server says that it can serve. Raises ServerFailed if it ends instead, or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerFailed(log.read_text(errors="replace")[-2000:])
        time.sleep(0.005)


def _make_key(environment: Mapping[str, str]) -> str:
    command = [COMMAND, "keys", "create", "--name", "bench", "--json"]
    made = subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)
    return str(json.loads(made.stdout)["key"])
