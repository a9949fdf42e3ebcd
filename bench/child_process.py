"""Child processes that never outlive the benchmark that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

_STOP_TIMEOUT: Final = 25.0
"""Seconds that a child may take to end before it is killed; a server drains for up to 15."""
_END_WITH_PARENT: Final = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def running(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[Any] | None = subprocess.DEVNULL,
    stdout: int | IO[Any] | None = subprocess.DEVNULL,
    stderr: int | IO[Any] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command for as long as this lasts, then end it by SIGTERM. Killing us ends it as well."""
    process = subprocess.Popen(
        command,
        env=None if environment is None else {**os.environ, **environment},
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        preexec_fn=_end_with_parent,
    )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGTERM)
