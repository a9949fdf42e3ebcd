"""Requests as bytes at the port: what two programs could read differently never carries a second request past the first."""

import re
import socket
from typing import Final, NamedTuple

import pytest

from tests.factories.http import SparkClient
from tests.factories.spark_processes import Service

HOST: Final = b"Host: x\r\n"
INNER: Final = b'{"name":"raw-outer"}'
SMUGGLED: Final = b'POST /v1/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 23\r\n\r\n{"name":"raw-smuggled"}\n'
CHUNKS: Final = b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)
LENGTH: Final = b"Content-Length: %d\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
EXACT: Final = LENGTH % len(INNER)
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")

REFUSED: Final = {
    "a coding that is none": (b"Transfer-Encoding: xchunked\r\n" + EXACT, INNER),
    "a coding that is none, without a length": (b"Transfer-Encoding: xchunked\r\n", INNER),
    "a space before the colon of the coding": (b"Transfer-Encoding : chunked\r\n" + EXACT, INNER),
    "a vertical tab before the coding": (b"Transfer-Encoding: \x0bchunked\r\n", CHUNKS),
    "identity after chunked": (CHUNKED + b"Transfer-Encoding: identity\r\n", CHUNKS),
    "identity before chunked": (b"Transfer-Encoding: identity\r\n" + CHUNKED, CHUNKS),
    "chunked, identity": (b"Transfer-Encoding: chunked, identity\r\n", CHUNKS),
    "gzip, chunked": (b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
    "chunked twice": (b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS),
    "chunked in two headers": (CHUNKED + CHUNKED, CHUNKS),
    "chunked in quotes": (b'Transfer-Encoding: "chunked"\r\n', CHUNKS),
    "chunked on the next line": (b"Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
    "an empty coding": (b"Transfer-Encoding:\r\n" + EXACT, INNER),
    "two lengths": (EXACT + LENGTH % 3, INNER),
    "a list of lengths": (b"Content-Length: %d, %d\r\n" % (len(INNER), len(INNER)), INNER),
    "a length with a plus": (b"Content-Length: +%d\r\n" % len(INNER), INNER),
    "a negative length": (b"Content-Length: -1\r\n", INNER),
    "a length in hex": (b"Content-Length: 0x14\r\n", INNER),
    "a space before the colon of the length": (b"Content-Length : %d\r\n" % len(INNER), INNER),
    "a space in the length": (b"Content-Length: 2 0\r\n", INNER),
    "a length beyond all numbers": (b"Content-Length: 99999999999999999999999\r\n", INNER),
    "an empty length": (b"Content-Length:\r\n", INNER),
    "a bare carriage return": (b"X-A: b\rTransfer-Encoding: chunked\r\n" + EXACT, INNER),
    "a NUL": (b"X-A: b\0c\r\n" + EXACT, INNER),
    "a folded header": (b"X-A: b\r\n c\r\n" + EXACT, INNER),
    "a header without a name": (b": x\r\n" + EXACT, INNER),
    "a second host": (b"Host: y\r\n" + EXACT, INNER),
}
"""Heads that are answered 400, and the connection is closed."""

ENDED: Final = {
    "a length and chunks": (LENGTH % (len(CHUNKS) + 200) + CHUNKED, CHUNKS),
    "a short length and chunks": (LENGTH % 0 + CHUNKED, CHUNKS),
    "chunks and a length": (CHUNKED + LENGTH % 4, CHUNKS),
    "chunks behind a bare line feed": (b"X-A: b\nTransfer-Encoding: chunked\r\n" + EXACT, INNER),
    "chunks that end in line feeds": (CHUNKED, b"14\n" + INNER + b"\n0\n\n"),
    "a chunk's length with 0x": (CHUNKED, b"0x14\r\n" + INNER + b"\r\n0\r\n\r\n"),
    "a negative chunk": (CHUNKED, b"-1\r\n" + INNER + b"\r\n0\r\n\r\n"),
    "a chunk beyond all numbers": (CHUNKED, b"10000000000000014\r\n" + INNER + b"\r\n0\r\n\r\n"),
    "a line feed in a chunk's extension": (CHUNKED, b"14;a\nb\r\n" + INNER + b"\r\n0\r\n\r\n"),
    "a chunk without its end": (CHUNKED, b"14\r\n" + INNER + b"0\r\n\r\n"),
}
"""Requests after which the connection is closed, however they are answered."""


class Told(NamedTuple):
    """What came back until the server closed the connection, or was silent for a while."""

    statuses: list[int]
    is_closed: bool
    body: bytes


def _tell(service: Service, request: bytes, patience: float = 10.0) -> Told:
    with socket.create_connection(("127.0.0.1", service.server.port), timeout=patience) as connection:
        told, is_closed = b"", True
        try:
            connection.sendall(request)
            while part := connection.recv(65536):
                told += part
        except TimeoutError:
            is_closed = False
        except ConnectionError:
            pass  # closed while there was more to read
    return Told([int(status) for status in _STATUS.findall(told)], is_closed, told)


def _request(client: SparkClient, head: bytes, body: bytes) -> bytes:
    key = client.key.encode()
    return b"POST /v1/groups HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + key + b"\r\n" + head + b"\r\n" + body + SMUGGLED % key


def _smuggled(client: SparkClient) -> list[str]:
    return [group["id"] for group in client.call("GET", "/v1/groups?name=raw-smuggled").json()["items"]]


@pytest.mark.parametrize(("head", "body"), REFUSED.values(), ids=REFUSED)
def test_a_head_that_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    service: Service, client: SparkClient, head: bytes, body: bytes
) -> None:
    told = _tell(service, _request(client, head, body))
    assert told.is_closed
    assert told.statuses == [400], told.body
    assert _smuggled(client) == []


@pytest.mark.parametrize(("head", "body"), ENDED.values(), ids=ENDED)
def test_whatever_an_odd_body_is_taken_for_nothing_behind_it_is_read(
    service: Service, client: SparkClient, head: bytes, body: bytes
) -> None:
    told = _tell(service, _request(client, head, body))
    assert told.is_closed
    assert len(told.statuses) <= 1, told.body
    assert _smuggled(client) == []


@pytest.mark.parametrize(
    "line",
    [
        b"GET /healthz\r\n",
        b"GET /healthz HTTP/0.9\r\n",
        b"GET /healthz HTTP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"GET /healthz x HTTP/1.1\r\n",
        b"GET\t/healthz\tHTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1\r\n X: y\r\n",
        b"GET /heal\x00thz HTTP/1.1\r\n",
        b"GET  /healthz HTTP/1.1\r\n",
    ],
    ids=lambda line: line[:-2].decode("ascii").replace("\x00", "0"),
)
def test_a_request_line_that_is_none_of_http_1_is_refused_and_the_connection_closed(
    service: Service, client: SparkClient, line: bytes
) -> None:
    told = _tell(service, line + HOST + b"\r\n" + SMUGGLED % client.key.encode())
    assert told.is_closed
    assert told.statuses in ([400], []), told.body
    assert _smuggled(client) == []


@pytest.mark.parametrize("host", [b"", b"Host:\r\n"], ids=["none", "empty"])
def test_a_request_without_a_host_is_refused_but_in_http_1_0(service: Service, host: bytes) -> None:
    told = _tell(service, b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n" + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (told.statuses, told.is_closed) == ([400], True)
    assert _tell(service, b"GET /healthz HTTP/1.0\r\n" + host + b"\r\n").statuses == [200]


def test_the_body_of_a_request_that_has_no_use_for_one_is_not_the_next_request(service: Service, client: SparkClient) -> None:
    inner = SMUGGLED % client.key.encode()
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS"):
        told = _tell(service, method + b" /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n" + LENGTH % len(inner) + b"\r\n" + inner)
        assert (len(told.statuses), told.is_closed) == (1, True)
    assert _smuggled(client) == []


def test_requests_that_are_sent_ahead_are_answered_one_by_one_each_with_its_own_key(service: Service, client: SparkClient) -> None:
    key = client.key.encode()
    asked = [(b"/v1/groups", b"Bearer " + key), (b"/v1/groups", b"Bearer wrong"), (b"/healthz", b""), (b"/v1/groups", b"")]
    heads = [b"GET " + path + b" HTTP/1.1\r\n" + HOST + (b"Authorization: " + given + b"\r\n" if given else b"") for path, given in asked]
    told = _tell(service, b"\r\n".join(heads) + b"Connection: close\r\n\r\n")
    assert (told.statuses, told.is_closed) == ([200, 401, 200, 401], True)


def test_the_request_that_is_hidden_here_would_have_an_effect(service: Service, client: SparkClient) -> None:
    assert _tell(service, (SMUGGLED % client.key.encode()).replace(b"Host", b"Connection: close\r\nHost")).statuses == [201]
    [made] = _smuggled(client)
    assert client.call("DELETE", f"/v1/groups/{made}").status == 204


def test_an_absolute_address_is_read_by_its_path_alone(service: Service, client: SparkClient) -> None:
    for target in (b"http://elsewhere.example/healthz", b"https://user:word@[::1]:1/healthz"):
        told = _tell(service, b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        assert told.statuses == [200]
        assert b"elsewhere" not in told.body
    assert _tell(service, b"CONNECT elsewhere.example:80 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n").statuses[0] >= 400


def test_the_protocol_is_never_changed(service: Service) -> None:
    for asked in (
        b"websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"h2c\r\nHTTP2-Settings: AAMAAABk",
    ):
        told = _tell(service, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close, Upgrade\r\nUpgrade: " + asked + b"\r\n\r\n")
        assert told.statuses == [200]
