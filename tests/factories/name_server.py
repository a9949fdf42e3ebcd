"""A name server on loopback that answers what it is told, another thing each time if so told; and a server process that asks it.

The process is given a `/etc/resolv.conf` of its own, in a mount namespace of its own, and asks by the C library as everywhere else.
"""

import os
import socket
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.factories.spark_processes import PROGRAM, ServeProcess

_A, _CNAME, _AAAA, _IN = 1, 5, 28, 1
_NO_SUCH_NAME: Final = 3
_PORT: Final = 53
_ATTEMPTS: Final = 20
_IN_A_NAMESPACE: Final = ("unshare", "--mount", "/bin/sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"')

Answers = list[list[str]]
"""What the first question of each type is answered, then the second, and so on; the last one stays. An address of either family is a
record of its type, anything else is the name that stands for what follows."""


class NameServer:
    """Speaks DNS over UDP on an address of loopback; every answer may be kept for no time at all."""

    def __init__(self) -> None:
        self.names: dict[str, Answers] = {}
        self.asked: list[tuple[str, int]] = []
        self.address = ""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        for number in range(_ATTEMPTS):
            self.address = f"127.53.{os.getpid() % 250}.{number + 1}"
            try:
                self._socket.bind((self.address, _PORT))
            except OSError:
                continue
            self._thread.start()
            return self
        self._socket.close()
        raise RuntimeError("no address of loopback lets a name server listen")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", (self.address, _PORT))
        self._thread.join(10)
        self._socket.close()

    def count(self, name: str) -> int:
        """How often the IPv4 addresses of the name were asked for: once for each look-up."""
        return Counter(self.asked)[name, _A]

    def _serve(self) -> None:
        while True:
            question, asker = self._socket.recvfrom(4096)
            if not question:
                return
            self._socket.sendto(self._answer(question), asker)

    def _answer(self, question: bytes) -> bytes:
        name, end = _read_name(question)
        (kind,) = struct.unpack_from("!H", question, end)
        self.asked.append((name, kind))
        asked, number = question[12 : end + 4], Counter(self.asked)[name, kind]
        answers = self.names.get(name)
        records = [] if answers is None else _records(name, kind, answers[min(number, len(answers)) - 1])
        flags = 0x8580 | (_NO_SUCH_NAME if answers is None else 0)
        return question[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + asked + b"".join(records)


def _read_name(question: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode("latin-1").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _write_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _records(name: str, kind: int, answer: list[str]) -> list[bytes]:
    """The records of the asked type; a name among them stands for whatever comes after it."""
    owner, found = name, []
    for text in answer:
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        is_address = ":" in text or text.replace(".", "").isdigit()
        if not is_address:
            found.append(_record(owner, _CNAME, _write_name(text)))
            owner = text
        elif kind == (_AAAA if ":" in text else _A):
            found.append(_record(owner, kind, socket.inet_pton(family, text)))
    return found


def _record(owner: str, kind: int, content: bytes) -> bytes:
    return _write_name(owner) + struct.pack("!HHIH", kind, _IN, 0, len(content)) + content


def why_not() -> str | None:
    """Why a process cannot be given a name server of its own on this machine; None if it can."""
    try:
        tried = subprocess.run([*_IN_A_NAMESPACE, os.devnull, "true"], capture_output=True, text=True, timeout=20, check=False)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((f"127.53.{os.getpid() % 250}.254", _PORT))
    except OSError as error:
        return f"no name server can be set up: {error}"
    return f"no mount namespace can be set up: {tried.stderr.strip()}" if tried.returncode else None


class NamedServeProcess(ServeProcess):
    """`spark-assets serve` that asks this name server alone."""

    def __init__(self, names: NameServer, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.variables["SPARK_ASSETS_HOME"] = str(self.home)
        self._configuration: Final[Path] = self.folder / "resolv.conf"
        self._configuration.write_text(f"nameserver {names.address}\noptions timeout:5 attempts:2\n")

    def _run_program(self, log: int, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*_IN_A_NAMESPACE, str(self._configuration), str(PROGRAM), *arguments],
            env=self.variables, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
