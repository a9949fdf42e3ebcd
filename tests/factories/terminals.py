"""The installed command as people and programs run it: in a pipe, or on a terminal."""

import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from typing import Final, NamedTuple

from tests.factories.spark_processes import PROGRAM, environment

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[0-9;]+)(?:;\d+)*m")
"""What switches a terminal to a colour."""
_PATIENCE: Final = 60.0
"""Seconds after which a command is ended by force."""


CTRL_C: Final = "\x03"


class Answer(NamedTuple):
    """What is typed once a prompt is seen; what is hidden, once the terminal shows nothing more of what is typed."""

    prompt: str
    text: str
    is_hidden: bool = False


class Ended(NamedTuple):
    """How a command ended, and what was seen of it."""

    code: int
    shown: str
    """On the terminal."""
    printed: str
    """On stdout, where that was a pipe."""


def user_environment(folder: Path, **settings: object) -> dict[str, str]:
    """The environment of a user whose own folders are in this one; settings as in `environment`."""
    folders = {"HOME": folder, "XDG_CONFIG_HOME": folder / "config", "XDG_CACHE_HOME": folder / "cache", "XDG_DATA_HOME": folder / "data"}
    kept = {name: value for name, value in environment(**settings).items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}}
    return kept | {name: str(path) for name, path in folders.items()} | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


def on_terminal(
    arguments: list[str],
    variables: Mapping[str, str],
    *,
    columns: int = 100,
    is_stdout_piped: bool = False,
    answers: Sequence[Answer] = (),
) -> Ended:
    """Run the command on a terminal with so many columns and 40 lines; `answers` are typed, each once its prompt is seen."""
    controller, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    stdout = subprocess.PIPE if is_stdout_piped else terminal
    process = subprocess.Popen(
        [str(PROGRAM), *arguments],
        env=dict(variables), stdin=terminal, stdout=stdout, stderr=terminal, start_new_session=True, preexec_fn=_take_the_terminal,
    )  # fmt: skip
    os.close(terminal)
    with process:
        deadline = threading.Timer(_PATIENCE, process.kill)
        deadline.start()
        try:
            shown = _watch(controller, answers)
            printed = process.stdout.read() if process.stdout else b""
            return Ended(process.wait(), shown.decode(), printed.decode())
        finally:
            deadline.cancel()
            os.close(controller)


def _take_the_terminal() -> None:
    """In the child: what is typed as Ctrl+C is a signal to the session whose terminal this is."""
    ioctl(0, termios.TIOCSCTTY, 0)


def _watch(controller: int, answers: Sequence[Answer]) -> bytes:
    """All that is shown until the last program has left the terminal."""
    seen, left = b"", list(answers)
    while piece := _read(controller):
        seen += piece
        if left and left[0].prompt.encode() in seen:
            answer = left.pop(0)
            while answer.is_hidden and termios.tcgetattr(controller)[3] & termios.ECHO:
                time.sleep(0.01)
            os.write(controller, f"{answer.text}\n".encode())
    return seen


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 1 << 16)
    except OSError:  # how a terminal says that nobody is left on it
        return b""
