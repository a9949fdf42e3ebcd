"""The processes of the demo: a real server on a throw-away home, and a small origin that it may fetch from."""

import json
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import IO, Any, Final

from spark_assets.settings import PREFIX

ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HOST: Final = "127.0.0.1"
_START_TIMEOUT: Final = 60.0
"""Seconds that the server may take until it is ready."""
_STOP_TIMEOUT: Final = 20.0
"""Seconds that it may take to drain before it is killed."""
_COMMAND_TIMEOUT: Final = 60.0
_ANSWER_TIMEOUT: Final = 30.0
_LOG_LINES: Final = 12


class DemoFailed(Exception):
    """A step of the demo did not work; the message says which, and how."""


class DemoServer:
    """`spark-assets serve` as a process of its own, on a free port of loopback and a home below `folder`.

    It may fetch from `source` (`address:port`) and from nowhere else on this machine. Nothing of the caller's own
    configuration reaches it, and nothing of it lies outside `folder`. `start` and `stop` belong together.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self.home: Final = folder / "home"
        self.port: Final = _free_port()
        self.url: Final = f"http://{_HOST}:{self.port}"
        self._log = folder / "server.log"
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        temporary = folder / "temporary"
        temporary.mkdir()
        self._environment |= {f"{PREFIX}SOURCE_ALLOW": source, f"{PREFIX}DISK_RESERVE": str(2**24), "TMPDIR": str(temporary)}
        self._processes: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        """Start the server, without waiting for it."""
        with self._log.open("w") as log:
            self._launch("serve", "--host", _HOST, "--port", str(self.port), stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        """Return when `/readyz` answers 200. Raises DemoFailed."""
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._is_ready():
            if self._server.poll() is not None:
                raise DemoFailed(f"the server ended with exit code {self._server.returncode} instead of starting")
            if time.monotonic() > deadline:
                raise DemoFailed(f"the server was not ready within {_START_TIMEOUT:.0f} s")
            time.sleep(0.05)

    def wait_until_ended(self) -> None:
        """Return never, unless interrupted; raises DemoFailed when the server ends by itself."""
        while self._server.poll() is None:
            time.sleep(0.2)  # a wait without end would not notice a signal that another thread of ours was given
        raise DemoFailed(f"the server ended by itself, with exit code {self._server.returncode}")

    def run(self, *arguments: str) -> Any:
        """What another `spark-assets` command on the same home prints as JSON. Raises DemoFailed."""
        shown = f"'spark-assets {' '.join(arguments)}'"
        with self._launch(*arguments, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                said, complaint = process.communicate(timeout=_COMMAND_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise DemoFailed(f"{shown} did not end within {_COMMAND_TIMEOUT:.0f} s") from None
        if process.returncode:
            raise DemoFailed(f"{shown} failed: {complaint.strip()}")
        return json.loads(said)

    def last_log_lines(self) -> Sequence[str]:
        """The end of what the server wrote."""
        return self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:]

    def stop(self) -> None:
        """End the server and every process it started; by force if it does not go, or if the user is impatient."""
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            for process in self._processes:
                process.terminate()
            for process in self._processes:
                process.wait(_STOP_TIMEOUT)
        for process in self._processes:
            with suppress(ProcessLookupError):  # the usual case: nothing is left of its session
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def _server(self) -> "subprocess.Popen[str]":
        return self._processes[0]

    def _launch(self, *arguments: str, stdout: IO[str] | int, stderr: IO[str] | int) -> "subprocess.Popen[str]":
        """Start a command on the home, in a session of its own: Ctrl+C reaches only us, and we end it in good order."""
        command = [program(), *arguments, "--home", str(self.home)]
        with _uninterrupted():
            process = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, text=True, start_new_session=True
            )
            self._processes.append(process)
        return process

    def _is_ready(self) -> bool:
        try:
            return get(self.port, "/readyz")[0] == 200
        except DemoFailed:
            return False


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off Ctrl+C and its like until this is over: a process that was started and not yet noted would outlive us."""
    caught: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: caught.append(number)) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            raise KeyboardInterrupt


@contextmanager
def origin(folder: Path) -> Iterator[int]:
    """Serve the files of a folder on loopback for as long as this lasts; the port."""
    with ThreadingHTTPServer((_HOST, 0), partial(_QuietHandler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the parent gave it
        """Say nothing of each request."""


def get(port: int, path: str, key: str | None = None) -> tuple[int, bytes]:
    """Status and body of a GET on loopback. Raises DemoFailed if there is no answer."""
    return _request(port, "GET", path, key, None)


def post(port: int, path: str, key: str, body: object) -> tuple[int, bytes]:
    """Status and body of a POST of JSON on loopback. Raises DemoFailed if there is no answer."""
    return _request(port, "POST", path, key, json.dumps(body))


def _request(port: int, method: str, path: str, key: str | None, body: str | None) -> tuple[int, bytes]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = HTTPConnection(_HOST, port, timeout=_ANSWER_TIMEOUT)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException) as error:
        raise DemoFailed(f"{method} {path.partition('?')[0]} got no answer: {type(error).__name__} {error}") from None
    finally:
        connection.close()


def program() -> str:
    """The command `spark-assets` that belongs to the Python that runs."""
    return str(Path(sysconfig.get_path("scripts")) / "spark-assets")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
