"""A client of server-sent events, as slow and as simple as a test needs it."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.factories.http import SparkClient


@dataclass
class Told:
    """One event."""

    name: str
    data: Any
    """Read as JSON."""
    id: str | None = None


@dataclass
class Stream:
    """An answer that goes on; open as a context manager. A read that takes longer than `timeout` seconds is an error."""

    client: SparkClient
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30.0
    comments: int = 0
    """Lines that only keep the connection alive, so far."""

    def __enter__(self) -> Self:
        parts = urlsplit(self.client.base_url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)
        given = {"Authorization": f"Bearer {self.client.key}", "Accept": "text/event-stream", **self.headers}
        self._connection.request("GET", self.path, headers=given)
        self.answer = self._connection.getresponse()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def __iter__(self) -> Iterator[Told]:
        """The events until the stream ends."""
        fields: dict[str, str] = {}
        for line in self._lines():
            name, _, value = line.partition(": ")
            if not line:
                if fields:
                    yield Told(fields["event"], json.loads(fields["data"]), fields.get("id"))
                fields = {}
            elif name:
                fields[name] = value
            else:
                self.comments += 1

    def next(self) -> Told:
        """The next event."""
        return next(iter(self))

    def until(self, name: str) -> list[Told]:
        """The events up to the first of that name, and that one."""
        found = []
        for told in self:
            found.append(told)
            if told.name == name:
                return found
        raise AssertionError(f"the stream ended before {name}: {found}")

    def _lines(self) -> Iterator[str]:
        while line := self.answer.readline():
            yield line.decode().rstrip("\n")
