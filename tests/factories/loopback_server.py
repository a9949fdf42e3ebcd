"""A process that serves on 127.0.0.1 for the length of a test run.

A server keeps its port over `stop` and `start`, so that a client's recovery can be watched.
"""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

START_TIMEOUT: Final = 120.0
"""Seconds after which a server counts as hung in its start; on a machine that does ten other things, two start in half a minute."""
STOP_TIMEOUT: Final = 15.0
"""Seconds that a server may take to end before it is killed."""


class ServerDidNotStart(RuntimeError):
    """The server ended or stayed silent; the message holds the end of its log."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LoopbackServer:
    """A process of ours that serves on 127.0.0.1, with a temporary folder that goes when it is closed."""

    def __init__(self) -> None:
        self.folder: Final = Path(tempfile.mkdtemp(prefix="sa-"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._log: Final = self.folder / "server.log"

    def __enter__(self) -> Self:
        try:
            self.prepare()
            for attempt in range(1, 4):
                self.port = free_port()
                try:
                    self.start()
                    break
                except ServerDidNotStart:
                    # Another process may have taken the port since it was found free.
                    if attempt == 3:
                        raise
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The ID of the running process."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = self.launch(log.fileno())
        self._watcher = _watch(self._process.pid)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerDidNotStart(f"{type(self).__name__}: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server as an operator would, and wait until it is gone; its data stay."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server as a crash would; its data stay."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze the server: connections are accepted by the kernel and never answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self) -> None:
        """Lay out what the server needs before its first start."""
        raise NotImplementedError

    def launch(self, log: int) -> "subprocess.Popen[bytes]":
        """Start the process, writing to the log's descriptor."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether the server answers."""
        raise NotImplementedError

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.kill()
            watcher.communicate()
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _watch(pid: int) -> "subprocess.Popen[bytes]":
    """A shell that ends the process when ours is killed: then its standard input, a pipe from us, comes to its end."""
    return subprocess.Popen(["/bin/sh", "-c", 'read _; kill -INT "$0"', str(pid)], stdin=subprocess.PIPE, start_new_session=True)
