"""Receivers of webhooks: real servers that answer as they are told and keep what they got, verified by `standardwebhooks`."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, NoReturn, Self

import msgspec
from standardwebhooks import Webhook

from spark_assets.ports.outbound import Reply
from spark_assets.ports.webhooks import Message

PATIENCE: Final = 60.0
"""Seconds to wait for a message."""

Act = int | threading.Event | tuple[int, dict[str, str]]
"""What a receiver does with a message: answer a status, with headers or without, or answer only once the event is set."""


class Got(msgspec.Struct, frozen=True):
    """A message that arrived, when (monotonic seconds), and on which path."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        """The ID of the message."""
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> dict[str, Any]:
        """The body, if the specification's own verifier accepts it under this secret."""
        found: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return found

    @property
    def told(self) -> dict[str, Any]:
        """The body, unverified."""
        found: dict[str, Any] = msgspec.json.decode(self.body)
        return found


class Receiver:
    """A threaded server on 127.0.0.1. Acts are done in turn; once they are used up, every message is answered 204."""

    def __init__(self, *acts: Act) -> None:
        self._acts = list(acts)
        self._changed = threading.Condition()
        self.got: list[Got] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def then(self, *acts: Act) -> None:
        """Do this with the next messages."""
        with self._changed:
            self._acts += acts

    def wait(self, count: int, patience: float = PATIENCE) -> list[Got]:
        """The messages so far, once there are so many."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.got) >= count, patience)
            assert arrived, f"{len(self.got)} of {count} messages arrived, at last {[found.told for found in self.got[-3:]]}"
            return list(self.got)

    def take(self, got: Got) -> tuple[int, dict[str, str]]:
        """Keep a message; how it is to be answered."""
        with self._changed:
            self.got.append(got)
            act = self._acts.pop(0) if self._acts else 204
            self._changed.notify_all()
        if isinstance(act, threading.Event):
            act.wait(PATIENCE)
            return 204, {}
        return (act, {}) if isinstance(act, int) else act


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Server)
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answered = self.server.receiver.take(Got(self.path, headers, body, time.monotonic()))
        try:
            self.send_response(status)
            for name, value in {"content-length": "0", **answered}.items():
                self.send_header(name, value)
            self.end_headers()
        except OSError:
            return  # the sender did not wait so long

    def log_message(self, *_words: Any) -> None:
        """Nothing on the terminal."""


class NoSender:
    """For tests in which nothing is to be sent."""

    def check(self, name: str, url: str) -> None:
        """Every address is good."""

    async def send(self, message: Message) -> Reply:
        """It is not expected."""
        _unexpected(message)


def _unexpected(message: Message) -> NoReturn:
    raise AssertionError(f"a message was sent: {message}")
