"""Requests that are refused for their form: bodies, methods, media types, sizes, keys."""

import json
import re
import socket
from typing import Any, Final

import pytest

from tests.factories.http import GENERATION, TASKS, Answer, SparkClient, send
from tests.factories.spark_processes import Service

BODY: Final = {"model": "spark_asset_create_group", "Name": "x", "GroupType": "AIGC"}
TEXT: Final = json.dumps(BODY).encode()
REQUEST_ID: Final = re.compile(r"\d{14}[0-9A-F]{20}")
SMALL: Final = "/v1/groups"
"""Where no `data:` source belongs, so that a body has at most 1 MiB."""
UNKNOWN_TASK: Final = f"{TASKS}/00000000000000000000"


def _with(fragment: bytes) -> bytes:
    """The body with something more in it."""
    return TEXT[:-1] + b", " + fragment + b"}"


def _nested(levels: int) -> bytes:
    """A body of so many levels, itself being the first."""
    return _with(b'"deep": ' + b"[" * (levels - 1) + b"]" * (levels - 1))


def _is_an_error(answer: Answer, status: int, code: str) -> None:
    """The answer has exactly the documented shape."""
    assert (answer.status, answer.code) == (status, code), answer.body
    body = answer.json()
    assert body.keys() == {"error", "message", "request_id"}
    assert body["error"].keys() - {"param"} == {"code", "message", "error_message"}
    assert body["error"]["error_message"] == f"{code}: {body['message']}"
    assert body["error"]["message"] == body["message"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert REQUEST_ID.fullmatch(body["request_id"])
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        TEXT[:-1],
        TEXT + b"x",
        TEXT + TEXT,
        b"[]",
        b"[" + TEXT + b"]",
        b'"text"',
        b"null",
        b"1",
        b"\xef\xbb\xbf" + TEXT,
        TEXT.decode().encode("utf-16"),
        _with(b'"Name": "y"'),
        _with(b'"a": {"b": 1, "b": 1}'),
        _with(b'"a": 1, "\\u0061": 2'),
        _with(b'"a": NaN'),
        _with(b'"a": Infinity'),
        _with(b'"a": -Infinity'),
        _with(b'"a": 1e999'),
        _with(b'"a": -1e999'),
        _with(b'"a": [1e400]'),
        _with(b'"a": ' + b"9" * 5000),
        _with(b'"a": 01'),
        _with(b'"a": .5'),
        _with(b'"a": "\xff"'),
        _with(b'"a": "\xc0\xaf"'),
        _with(b'"a": "\xed\xa0\x80"'),
        _with(b'"a": "\\ud800"'),
        _with(b'"a": "\\udc00\\ud800"'),
        _with(b'"\\ud800": 1'),
        _with(b'"a": "\n"'),
        _with(b'"a": "\\x"'),
        _with(b"'a': 1"),
        _with(b""),
        _nested(65),
        b"[" * 500_000,
        b'{"a":' * 100_000,
        _with(b'"a": "[[[", "b": ' + b"[" * 65 + b"]" * 65),
        b"model=spark_asset_create_group&Name=x",
        b"--x\r\nContent-Disposition: form-data\r\n\r\n",
        b"\x00" * 100,
    ],
    ids=lambda body: body[-28:].decode("ascii", "replace").replace("\x00", "0") or "empty",
)
def test_a_body_that_is_not_one_plain_json_object_is_refused(client: SparkClient, body: bytes) -> None:
    _is_an_error(client.post(body), 400, "InvalidParameter.JSON")


@pytest.mark.parametrize(
    "body",
    [_nested(64), _with(b'"a": "\\ud83d\\ude00"'), _with(b'"a": 1e308'), _with(b'"a": "{{{[[["'), b" \n\t" + TEXT + b"\r\n "],
    ids=["64 levels", "a whole pair", "a large number", "brackets in a string", "white space"],
)
def test_an_unusual_but_valid_body_is_accepted(client: SparkClient, body: bytes) -> None:
    assert client.post(body).status == 200


def test_a_body_of_one_mebibyte_is_accepted_and_one_byte_more_is_not(client: SparkClient) -> None:
    filled = TEXT[:-1] + b" " * (2**20 - len(TEXT)) + b"}"
    assert len(filled) == 2**20
    assert client.post(filled).status == 200
    _is_an_error(client.post(filled + b" "), 413, "RequestTooLarge")


def test_a_client_that_sends_far_too_much_sees_the_answer_and_not_a_broken_connection(client: SparkClient) -> None:
    _is_an_error(client.request("POST", SMALL, body=b" " * (4 * 2**20)), 413, "RequestTooLarge")
    _is_an_error(SparkClient(client.base_url, "sk_wrong").post(b" " * (4 * 2**20)), 401, "InvalidApiKey")
    _is_an_error(client.post(b" " * (4 * 2**20), {"Content-Type": "image/png"}), 415, "UnsupportedMediaType")


def test_a_body_without_an_announced_length_is_bounded_too(service: Service, client: SparkClient) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = f"POST {SMALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", service.server.port), timeout=10) as connection:
        connection.sendall(head)
        for _ in range(40):
            connection.sendall(chunk)
        connection.sendall(b"0\r\n\r\n")
        answer = b""
        while b"RequestTooLarge" not in answer and (part := connection.recv(65536)):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "kind", ["image/png", "multipart/form-data; boundary=x", "application/xml", "text/html", "application/octet-stream"]
)
def test_a_body_of_another_media_type_is_refused(client: SparkClient, kind: str) -> None:
    _is_an_error(client.post(TEXT, {"Content-Type": kind}), 415, "UnsupportedMediaType")


def test_a_packed_body_is_refused(client: SparkClient) -> None:
    _is_an_error(client.post(TEXT, {"Content-Encoding": "gzip"}), 415, "UnsupportedMediaType")
    assert client.post(TEXT, {"Content-Encoding": "identity"}).status == 200


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html", 406), ("application/xml, image/*", 406), ("application/json;q=0", 406), ("*/*;q=0", 406),
        ("application/json;q=0.0, */*", 406), ("application/json", 200), ("*/*", 200), ("application/*", 200), ("text/html,*/*;q=0.1", 200),
        ("Application/JSON; charset=utf-8", 200), ("application/json, */*;q=0", 200), ("text/html,application/json;q=0.001", 200),
    ],
)  # fmt: skip
def test_an_answer_is_json_or_not_acceptable(client: SparkClient, accept: str, status: int) -> None:
    answer = client.post(TEXT, {"Accept": accept})
    if status == 406:
        _is_an_error(answer, 406, "NotAcceptable")
    else:
        assert answer.status == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", GENERATION, {"POST"}),
        ("PUT", GENERATION, {"POST"}),
        ("DELETE", GENERATION, {"POST"}),
        ("PATCH", GENERATION, {"POST"}),
        ("POST", UNKNOWN_TASK, {"GET", "HEAD"}),
        ("DELETE", UNKNOWN_TASK, {"GET", "HEAD"}),
        ("POST", "/v1/assets/x", {"GET", "HEAD"}),
        ("POST", "/v1/assets/x/content", {"GET", "HEAD"}),
        ("POST", "/media/x/original.jpg", {"GET", "HEAD"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("POST", "/readyz", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_an_address_does_not_take_is_answered_with_those_it_takes(
    client: SparkClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path, body=b"")
    _is_an_error(answer, 405, "MethodNotAllowed")
    assert {name.strip() for name in answer.headers["allow"].split(",")} >= allowed


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/model/v1/nothing",
        "/v1/assets/x/y/z",
        "/media/x",
        "/model/v2/generation",
        "/healthz/x",
        "/%2e%2e/etc/passwd",
        "//",
    ],
)
def test_an_address_with_nothing_behind_it_is_not_found(client: SparkClient, path: str) -> None:
    _is_an_error(client.request("GET", path), 404, "NotFound.path")


@pytest.mark.parametrize(
    "task_id",
    ["00000000000000000000", "x", "x" * 5000, "%00", "%27%20OR%201=1", "a/b", "%F0%9F%98%80", "%ff", "..", "task-2020"],
)
def test_an_unknown_task_is_not_found_whatever_its_id_looks_like(client: SparkClient, task_id: str) -> None:
    answer = client.request("GET", f"{TASKS}/{task_id}")
    assert (answer.status, answer.code) in {(404, "NotFound.task_id"), (404, "NotFound.path")}


@pytest.mark.parametrize("asset_id", ["asset-20200101000000-bcdfg", "x", "\x00", "x" * 4000, "' OR 1=1", "\U0001f600"])
def test_an_unknown_asset_is_not_found_whatever_its_id_looks_like(client: SparkClient, asset_id: str) -> None:
    _is_an_error(client.post({"model": "spark_asset_get", "Id": asset_id}), 404, "NotFound.asset_id")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "MissingAuthenticationToken"),
        ("Bearer", "MissingAuthenticationToken"),
        ("Bearer ", "MissingAuthenticationToken"),
        ("Basic dXNlcjpwYXNz", "MissingAuthenticationToken"),
        ("Bearer nonsense", "InvalidApiKey"),
        ("Bearer sk_" + "a" * 49, "InvalidApiKey"),
        ("Bearer sk_" + "\xe9" * 49, "InvalidApiKey"),
        ("Bearer " + "x" * 8000, "InvalidApiKey"),
    ],
    ids=["none", "scheme alone", "empty", "Basic", "no key", "a wrong checksum", "not ASCII", "long"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", GENERATION), ("GET", UNKNOWN_TASK), ("GET", "/v1/assets/x"), ("GET", "/v1/assets/x/content")],
    ids=["create", "poll", "asset", "content"],
)  # fmt: skip
def test_without_a_valid_key_nothing_is_told(client: SparkClient, method: str, path: str, authorization: str | None, code: str) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = send(method, client.base_url + path, body=TEXT if method == "POST" else None, headers=headers)
    _is_an_error(answer, 401, code)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_changed_character_of_a_key_is_refused(client: SparkClient) -> None:
    for place in (3, 10, 30, len(client.key) - 1):
        other = "A" if client.key[place] != "A" else "B"
        key = client.key[:place] + other + client.key[place + 1 :]
        _is_an_error(SparkClient(client.base_url, key).post(TEXT), 401, "InvalidApiKey")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_compared_without_case(client: SparkClient, scheme: str) -> None:
    assert client.post(TEXT, {"Authorization": f"{scheme} {client.key}"}).status == 200


def test_every_answer_carries_a_request_id_of_its_own(client: SparkClient) -> None:
    paths = ["/healthz", "/readyz", "/nothing", UNKNOWN_TASK, "/v1/assets/x", "/media/x/original.jpg?expires=1&key=1&signature=x"]
    seen = {client.request("GET", path).headers["x-request-id"] for path in paths for _ in range(2)}
    assert len(seen) == 2 * len(paths)
    assert all(REQUEST_ID.fullmatch(request_id) for request_id in seen)


def test_a_refused_request_is_in_the_log_under_its_id_and_no_secret_is(service: Service, client: SparkClient) -> None:
    refused = client.post({**BODY, "Name": 3})
    assert refused.headers["x-request-id"] in service.server.log
    assert client.key not in service.server.log


def test_too_many_bytes_of_headers_are_refused_and_the_server_lives_on(service: Service, client: SparkClient) -> None:
    with socket.create_connection(("127.0.0.1", service.server.port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        answer = b""
        try:
            for number in range(400):
                connection.sendall(f"X-{number}: {'y' * 1000}\r\n".encode())
            answer = connection.recv(4096)
        except ConnectionError:
            pass  # refused before it was read to its end
    assert not answer or answer.startswith(b"HTTP/1.1 431")
    assert client.request("GET", "/healthz").status == 200


def _raw(service: Service, request: bytes) -> Any:
    with socket.create_connection(("127.0.0.1", service.server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize(
    "request_text",
    [b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET /healthz HTTP/1.1\r\nHost x\r\n\r\n"],
    ids=["nonsense", "method alone", "another version", "TLS", "no colon"],
)
def test_what_is_not_http_never_harms_the_server(service: Service, client: SparkClient, request_text: bytes) -> None:
    assert not _raw(service, request_text).startswith(b"HTTP/1.1 2")
    assert client.request("GET", "/healthz").status == 200
