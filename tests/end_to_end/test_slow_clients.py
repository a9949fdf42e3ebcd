"""Clients that are slow on purpose: each ends by its deadline, and nobody else is held up meanwhile."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient, send
from tests.factories.media import make_wav
from tests.factories.spark_processes import Service, embedded

HEAD: Final = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
HEADERS_WITHIN: Final = 10
"""Seconds that a server waits for the headers of a request."""
SLACK: Final = 15
"""Seconds more, since machines are busy."""
AT_ONCE: Final = 1.5
"""Seconds within which somebody else is answered, on a busy machine."""


@pytest.fixture(scope="module")
def patient() -> Iterator[Service]:
    """A server of its own: it holds connections that nobody else should wait beside."""
    with embedded(source_allow="127.0.0.0/8", media_policy="open") as service:
        yield service


def _connect(service: Service, *, receive_buffer: int = 0) -> socket.socket:
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(("127.0.0.1", service.server.port))
    return connection


def _seconds_until_closed(connection: socket.socket, limit: float, drip: Callable[[], bytes] = bytes) -> float:
    """How long the server keeps the connection, while something drips into it each tenth of a second."""
    began = time.monotonic()
    connection.settimeout(0.1)
    while (passed := time.monotonic() - began) < limit:
        try:
            if not connection.recv(65536):
                return passed
        except TimeoutError:
            try:
                connection.sendall(drip())
            except ConnectionError:
                return passed
        except ConnectionError:
            return passed
    raise AssertionError(f"still open after {limit} s")


def test_a_client_that_never_completes_its_headers_is_given_up_and_others_are_served_meanwhile(patient: Service) -> None:
    kinds: dict[str, tuple[bytes, Callable[[], bytes]]] = {
        "nothing at all": (b"", bytes),
        "half a head": (HEAD[:20], bytes),
        "a head without an end": (HEAD, lambda: b"X: y\r\n"),
        "one letter after the other": (HEAD + b"X-Long: ", lambda: b"x"),
        "nothing after an answer": (HEAD + b"\r\n", bytes),
        "half a head after an answer": (HEAD + b"\r\n" + HEAD, bytes),
        "the preface of another protocol": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes),
    }
    ended: dict[str, float] = {}

    def wait(kind: str, begin: bytes, drip: Callable[[], bytes]) -> None:
        with _connect(patient) as connection:
            connection.sendall(begin)
            ended[kind] = _seconds_until_closed(connection, HEADERS_WITHIN + SLACK, drip)

    slow = [threading.Thread(target=wait, args=(kind, *how)) for kind, how in kinds.items()]
    with ExitStack() as held:
        for _ in range(200):
            held.enter_context(_connect(patient)).sendall(HEAD[:30])
        for thread in slow:
            thread.start()
        slowest = 0.0
        while any(thread.is_alive() for thread in slow):
            began = time.monotonic()
            assert send("GET", f"{patient.base_url}/readyz").status == 200
            slowest = max(slowest, time.monotonic() - began)
            slow[0].join(0.2)
    assert ended.keys() == kinds.keys()
    assert slowest < AT_ONCE


def test_a_body_that_drips_is_not_waited_for_by_anybody_else(patient: Service) -> None:
    client = patient.client()
    head = f"POST /v1/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\nContent-Length: 1000\r\n\r\n".encode()
    with ExitStack() as held:
        for _ in range(100):
            held.enter_context(_connect(patient)).sendall(head + b'{"name"')
        for _ in range(20):
            began = time.monotonic()
            assert client.create_group()
            assert time.monotonic() - began < AT_ONCE


@pytest.fixture(scope="module")
def large(patient: Service, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The link of an asset of 10 MB."""
    path: Path = make_wav(tmp_path_factory.mktemp("slow") / "long.wav", seconds=60)
    client: SparkClient = patient.client()
    asset = client.create_asset(client.create_group(), shelf.put("/slow.wav", path), "Audio")
    return str(client.get_v1_asset(asset)["url"])


def test_readers_who_take_nothing_hold_nobody_up(patient: Service, large: str) -> None:
    target = large.removeprefix(patient.base_url)
    with ExitStack() as held:
        for _ in range(50):
            reader = held.enter_context(_connect(patient, receive_buffer=4096))
            reader.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert reader.recv(12) == b"HTTP/1.1 200"
        began = time.monotonic()
        assert send("GET", large).status == 200
        assert send("GET", f"{patient.base_url}/readyz").status == 200
        assert time.monotonic() - began < AT_ONCE + 5


@pytest.mark.chaos
@pytest.mark.parametrize("kind", ["a stream", "whole answers"])
def test_a_reader_who_takes_nothing_loses_its_connection(patient: Service, large: str, kind: str) -> None:
    """On Linux, by its own limit: thirty seconds, measured by the system as it sends its probes."""
    target = large.removeprefix(patient.base_url) if kind == "a stream" else "/openapi.json"
    with _connect(patient, receive_buffer=4096) as reader:
        reader.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * (1 if kind == "a stream" else 60))
        assert reader.recv(12) == b"HTTP/1.1 200"
        mine = reader.getsockname()[1]
        deadline = time.monotonic() + 120
        while _is_held(patient, mine):
            assert time.monotonic() < deadline, "the server keeps the connection for ever"
            time.sleep(0.5)


def _is_held(service: Service, port: int) -> bool:
    """Whether the server's end of the connection from this port exists: read from the kernel's table."""
    ends = f":{service.server.port:04X}", f":{port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(ends[0]) and row[2].endswith(ends[1]) for row in rows)


@pytest.mark.chaos
def test_a_body_that_drips_ends_by_its_deadline(patient: Service) -> None:
    client = patient.client()
    head = f"POST /v1/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\nContent-Length: 100000\r\n\r\n".encode()
    with _connect(patient) as connection:
        connection.sendall(head)
        assert 25 < _seconds_until_closed(connection, 60 + SLACK, lambda: b" ") < 60
