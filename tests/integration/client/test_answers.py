"""What the SDK makes of what it is given and answered, over a transport of the program's own; alike for both clients."""

import json
from typing import Any

import httpx2
import pytest

from spark_assets.client import ApiError, Client, ConnectionFailed, NotFound, NotUnderstood, TaskFailed
from spark_assets.client.retrying import retry_after
from tests.integration.client.conftest import BASE_URL, Door
from tests.integration.client.test_repetition import ASSET, GROUP

TASK: dict[str, Any] = {
    "id": "t", "model": "spark_asset_create", "status": "failed", "project": "default", "asset_id": "asset-1", "group_id": None,
    "stage": "failed", "progress": 0, "bytes_received": 0, "attempts": 1, "cost": "0", "discount": "0", "request_id": "r-1",
    "retry_of": None, "created_at": "", "completed_at": "",
    "error": {"code": "InvalidParameter.DownloadFailed", "message": "no", "reason": "dns_failed"},
}  # fmt: skip


@pytest.mark.parametrize(
    "odd", ["../groups", "a/b", "a?b=c", "a#b", "雨 夜", "%2e%2e"], ids=["up", "two-steps", "query", "fragment", "letters", "escaped"]
)
def test_an_id_is_one_step_of_a_path_whatever_is_in_it(door: Door, odd: str) -> None:
    with pytest.raises(NotFound):
        door.call(lambda client: client.assets.get(odd))
    asked = door.requests[0].url
    assert (asked.path, asked.query) == (f"/assets/v1/assets/{odd}", b"")
    assert asked.raw_path.count(b"/") == 4


@pytest.mark.parametrize("none", ["", ".", ".."])
def test_what_is_no_id_is_not_sent(door: Door, none: str) -> None:
    with pytest.raises(ValueError, match="is no ID"):
        door.call(lambda client: client.assets.delete(none))
    assert door.requests == []


@pytest.mark.parametrize("body", [b"<html></html>", b"\xff", b"", {"items": 3}], ids=["a-page", "bytes", "nothing", "another-shape"])
@pytest.mark.parametrize(
    "work",
    [lambda client: client.groups.get("g"), lambda client: client.groups.list(), lambda client: client.assets.get("a")],
    ids=["one", "several", "an-asset"],
)
def test_an_answer_of_something_else_is_not_understood(door: Door, body: Any, work: Any) -> None:
    door.behaviour = lambda request: (200, body)
    with pytest.raises(
        NotUnderstood, match=r"http://library\.test answered with what is no answer of Spark Assets: is the address right\?"
    ):
        door.call(work)


def test_a_refusal_by_something_else_raises_the_same_question(door: Door) -> None:
    door.behaviour = lambda request: (404, b"<html></html>")
    with pytest.raises(NotFound, match="is the address right") as found:
        door.call(lambda client: client.groups.get("g"))
    assert (found.value.code, found.value.request_id) == ("HTTP404", "r-2")


def test_an_error_has_code_reason_and_request(door: Door) -> None:
    refused = {"error": {"code": "Conflict.Status", "message": "no", "reason": "busy", "param": "id"}, "request_id": "r-3"}
    door.behaviour = lambda request: (409, refused)
    with pytest.raises(ApiError) as found:
        door.call(lambda client: client.groups.restore("g"))
    error = found.value
    assert (error.status, error.code, error.reason, error.param, error.request_id) == (409, "Conflict.Status", "busy", "id", "r-3")
    door.behaviour = lambda request: (200, TASK)
    with pytest.raises(TaskFailed) as failed:
        door.call(lambda client: client.assets.create(group_id="g", url="http://x/y.jpg", wait=True))
    assert (failed.value.code, failed.value.reason, failed.value.request_id) == ("InvalidParameter.DownloadFailed", "dns_failed", "r-1")


def test_a_single_text_is_not_taken_for_its_letters(door: Door) -> None:
    door.behaviour = lambda request: (200, {"items": [ASSET], "next_cursor": None} if request.method == "GET" else TASK)
    door.call(lambda client: client.assets.list(group_id="group-1", status="Active", type=("Image", "Video"), tag="night"))
    asked = door.requests[-1].url.params
    assert [asked.get_list(name) for name in ("group_id", "status", "type", "tag")] == [
        ["group-1"],
        ["Active"],
        ["Image", "Video"],
        ["night"],
    ]
    door.call(lambda client: client.assets.create(group_id="g", url="http://x/y.jpg", tags="night"))
    assert door.body["tags"] == ["night"]


def test_a_program_may_have_idempotency_keys_of_its_own(door: Door) -> None:
    door.behaviour = lambda request: (201, GROUP if request.url.path.endswith("groups") else TASK)
    door.call(lambda client: client.groups.create("g", idempotency_key="mine-1"))
    door.call(lambda client: client.assets.create(group_id="g", url="http://x/y.jpg", idempotency_key="mine-2"))
    door.call(lambda client: client.groups.create("g"))
    first, second, third = (request.headers["idempotency-key"] for request in door.requests)
    assert (first, second, len(third) > 20) == ("mine-1", "mine-2", True)
    with pytest.raises(ValueError, match="resume="):
        door.call(lambda client: client.assets.create(group_id="g", path="y.jpg", idempotency_key="mine-3"))


def test_a_request_that_cannot_be_sent_is_told_with_its_cause(door: Door) -> None:
    def behave(request: httpx2.Request) -> Any:
        raise httpx2.DecodingError("no gzip", request=request)

    door.behaviour = behave
    with pytest.raises(ConnectionFailed, match=r"no answer from http://library\.test: no gzip") as found:
        door.call(lambda client: client.groups.get("g"))
    assert isinstance(found.value.__cause__, httpx2.DecodingError)


@pytest.mark.parametrize("body", [b"event: progress\ndata: {}\n\n", b"event: done\ndata: <html>\n\n"], ids=["a-step", "the-end"])
def test_a_stream_of_something_else_is_not_understood(door: Door, body: bytes) -> None:
    running = {**TASK, "status": "in_progress", "error": None}

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/events"):
            return httpx2.Response(200, content=body, headers={"Content-Type": "text/event-stream"})
        return httpx2.Response(200, content=json.dumps(running).encode())

    with Client(BASE_URL, "sk-test", transport=httpx2.MockTransport(handle)) as client, pytest.raises(NotUnderstood):
        next(client.tasks.get("t").events())


@pytest.mark.parametrize("key", ["sk_a b", "sk_雨", "sk_a\nX-Evil: 1", "Bearer sk_a"])
def test_what_can_be_no_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match="the key holds what no key does") as found:
        Client(BASE_URL, key)
    assert key not in str(found.value)


@pytest.mark.parametrize(
    "address", ["localhost:8080", "127.0.0.1:8080", "ftp://x", "http://", "http://x y", "http://[::1", "http://x:99999"]
)
def test_what_can_be_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="begins with http:// or https://"):
        Client(address, "sk-test")


@pytest.mark.parametrize(
    ("text", "seconds"), [("3", 3.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("²", None), ("-1", None), ("soon", None), ("", None)]
)
def test_a_wish_to_wait_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}) == seconds
