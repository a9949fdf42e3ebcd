import re

import pytest
from msgspec import json

from spark_assets.domain.errors import (
    AccessDenied,
    AuthenticationError,
    Conflict,
    ErrorKind,
    FlowLimited,
    IngestFailure,
    InternalError,
    InvalidParameter,
    MissingParameter,
    NotFound,
    RequestRefused,
    SignatureError,
    SparkError,
    StorageFull,
    Unavailable,
)
from spark_assets.web.error_responses import answer
from spark_assets.web.exchange import BODY_LIMIT, Exchange
from spark_assets.web.json_body import read_object
from spark_assets.wire.ark import ActionError
from tests.unit.web.conftest import MakeExchange

ERRORS = [
    (MissingParameter("Name"), 400, "MissingParameter.Name", "Name"),
    (InvalidParameter("URL", "no"), 400, "InvalidParameter.URL", "URL"),
    (AuthenticationError.missing(), 401, "MissingAuthenticationToken", None),
    (AuthenticationError.invalid(), 401, "InvalidApiKey", None),
    (AccessDenied("assets:write"), 403, "AccessDenied", None),
    (NotFound("group_id", "no"), 404, "NotFound.group_id", None),
    (RequestRefused(ErrorKind.NOT_ACCEPTABLE, "NotAcceptable", "no"), 406, "NotAcceptable", None),
    (RequestRefused(ErrorKind.TIMEOUT, "RequestTimeout", "no"), 408, "RequestTimeout", None),
    (Conflict("ExternalId", "no"), 409, "Conflict.ExternalId", None),
    (RequestRefused(ErrorKind.PRECONDITION, "UnsupportedVersion", "no"), 412, "UnsupportedVersion", None),
    (RequestRefused(ErrorKind.CHECKSUM, "ChecksumMismatch", "no"), 460, "ChecksumMismatch", None),
    (RequestRefused(ErrorKind.TOO_LARGE, "RequestTooLarge", "no"), 413, "RequestTooLarge", None),
    (RequestRefused(ErrorKind.UNSUPPORTED_TYPE, "UnsupportedMediaType", "no"), 415, "UnsupportedMediaType", None),
    (FlowLimited("no", 30), 429, "AccountFlowLimitExceeded", None),
    (InternalError(), 500, "InternalError", None),
    (IngestFailure("MediaCorrupt", "no"), 500, "MediaCorrupt", None),
    (Unavailable(), 503, "ServiceUnavailable", None),
    (StorageFull(), 507, "StorageFull", None),
    (SignatureError("InvalidTimestamp", "no"), 400, "InvalidTimestamp", None),
    (SignatureError("InvalidAccessKey", "no", ErrorKind.UNAUTHENTICATED), 401, "InvalidAccessKey", None),
]


@pytest.mark.parametrize(("error", "status", "code", "param"), ERRORS, ids=[case[2] for case in ERRORS])
async def test_an_error_becomes_its_status_and_the_body_of_the_contract(
    make_exchange: MakeExchange, error: SparkError, status: int, code: str, param: str | None
) -> None:
    async def fail(exchange: Exchange) -> None:
        raise error

    answered = make_exchange()
    await answer(answered.exchange, fail)
    assert answered.status == status
    assert answered.headers["content-type"] == "application/json"
    assert int(answered.headers["content-length"]) == len(answered.body)
    expected = {"code": code, "message": error.message, "error_message": f"{code}: {error.message}"}
    if param is not None:
        expected["param"] = param
    assert answered.error == {"error": expected, "message": error.message, "request_id": answered.exchange.request_id}
    assert answered.headers["x-request-id"] == answered.exchange.request_id
    assert re.fullmatch(r"\d{14}[0-9A-F]{20}", answered.exchange.request_id)


def test_every_kind_of_error_has_a_status() -> None:
    assert {error.kind for error, _, _, _ in ERRORS} | {ErrorKind.METHOD_NOT_ALLOWED} == set(ErrorKind)


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (AuthenticationError.missing(), "www-authenticate", "Bearer"),
        (Unavailable(retry_after=7), "retry-after", "7"),
    ],
    ids=["authentication", "unavailable"],
)
async def test_some_errors_bring_a_header(make_exchange: MakeExchange, error: SparkError, header: str, value: str) -> None:
    async def fail(exchange: Exchange) -> None:
        raise error

    answered = make_exchange()
    await answer(answered.exchange, fail)
    assert answered.headers[header] == value


async def test_a_method_that_is_not_taken_is_answered_with_those_that_are(make_exchange: MakeExchange) -> None:
    async def handle(exchange: Exchange) -> None:
        exchange.allow("GET", "HEAD")

    answered = make_exchange("PATCH")
    await answer(answered.exchange, handle)
    assert (answered.status, answered.headers["allow"], answered.error["error"]["code"]) == (405, "GET, HEAD", "MethodNotAllowed")


async def test_a_fault_of_ours_says_nothing_of_itself(make_exchange: MakeExchange) -> None:
    async def crash(exchange: Exchange) -> None:
        raise ValueError("the password is swordfish")

    answered = make_exchange()
    await answer(answered.exchange, crash)
    assert answered.status == 500
    assert answered.error["error"]["code"] == "InternalError"
    assert b"swordfish" not in answered.body


@pytest.mark.parametrize("error", [ValueError("ours"), Unavailable()], ids=["fault", "unavailable"])
async def test_an_error_after_the_answer_began_breaks_it_off(make_exchange: MakeExchange, error: Exception) -> None:
    async def handle(exchange: Exchange) -> None:
        await exchange.begin(200, ())
        raise error

    answered = make_exchange()
    with pytest.raises(type(error)):
        await answer(answered.exchange, handle)
    assert [message["type"] for message in answered.sent] == ["http.response.start"]


async def test_an_answer_to_head_has_the_length_and_no_body(make_exchange: MakeExchange) -> None:
    answered = make_exchange("HEAD")
    await answered.exchange.respond(200, b"12345")
    assert (answered.headers["content-length"], answered.body) == ("5", b"")


async def test_a_body_is_put_together_from_its_parts(make_exchange: MakeExchange) -> None:
    answered = make_exchange("POST", parts=[b'{"a"', b"", b": 1}"])
    assert await read_object(answered.exchange) == {"a": 1}


@pytest.mark.parametrize(
    ("headers", "parts"),
    [
        ({"Content-Length": str(BODY_LIMIT + 1)}, [b"{}"]),
        ({}, [b"x" * (BODY_LIMIT + 1)]),
        ({}, [b"x" * BODY_LIMIT, b"x"]),
        ({"Content-Length": "2"}, [b"x" * BODY_LIMIT, b"x"]),
    ],
    ids=["declared", "whole", "in parts", "declared falsely"],
)
async def test_a_body_that_is_too_large_is_refused(make_exchange: MakeExchange, headers: dict[str, str], parts: list[bytes]) -> None:
    with pytest.raises(RequestRefused) as refused:
        await make_exchange("POST", headers=headers, parts=parts).exchange.body()
    assert refused.value.code == "RequestTooLarge"


async def test_a_body_of_exactly_the_limit_is_taken(make_exchange: MakeExchange) -> None:
    body = json.encode({"a": "x" * (BODY_LIMIT - 8)})
    assert len(body) == BODY_LIMIT
    assert await make_exchange("POST", parts=[body]).exchange.body() == body


async def test_a_client_that_goes_away_in_the_middle_of_its_body_is_noticed(make_exchange: MakeExchange) -> None:
    with pytest.raises(Unavailable):
        await make_exchange("POST", parts=[b"{", None]).exchange.body()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "image/jpeg"}, "UnsupportedMediaType"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "UnsupportedMediaType"),
        ({"Content-Encoding": "gzip"}, "UnsupportedMediaType"),
        ({"Accept": "text/html"}, "NotAcceptable"),
        ({"Accept": "image/*, text/html;q=0.5"}, "NotAcceptable"),
    ],
)
async def test_a_body_of_another_kind_is_refused(make_exchange: MakeExchange, headers: dict[str, str], code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        await read_object(make_exchange("POST", headers=headers, parts=[b"{}"]).exchange)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "Application/JSON"},
        {"Content-Type": "application/vnd.api+json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "identity"},
        {"Accept": "*/*"},
        {"Accept": "text/html, application/json;q=0.9"},
        {"Accept": "application/*"},
    ],
    ids=str,
)
async def test_what_the_usual_clients_send_is_taken(make_exchange: MakeExchange, headers: dict[str, str]) -> None:
    assert await read_object(make_exchange("POST", headers=headers, parts=[b"{}"]).exchange) == {}


@pytest.mark.parametrize("error", [NotFound("asset_id", "no"), ValueError("a fault of ours")], ids=["refused", "crashed"])
async def test_a_door_may_give_its_errors_another_body(make_exchange: MakeExchange, error: Exception) -> None:
    async def fail(exchange: Exchange) -> None:
        raise error

    answered = make_exchange()
    await answer(answered.exchange, fail, lambda refused: ActionError(refused.code, refused.message))
    code = error.code if isinstance(error, SparkError) else "InternalError"
    assert answered.status == (404 if isinstance(error, SparkError) else 500)
    assert answered.error["Code"] == code
    assert set(answered.error) == {"Code", "Message"}
