"""What the SDK does when answers fail to come, against an origin that behaves badly; for the client that blocks and the one that awaits."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_assets.client import (
    AsyncClient,
    Client,
    Conflict,
    ConnectionFailed,
    NotAtGateway,
    NotFound,
    RateLimited,
    ServerFailed,
    TransferBroken,
)
from tests.end_to_end.shelf import Shelf
from tests.factories.origin import Behaviour, Visit, head

GROUP = {
    "id": "group-1", "name": "g", "description": "", "type": "AIGC", "project": "default",
    "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "deleted_at": None,
}  # fmt: skip
ASSET: dict[str, Any] = {
    "id": "asset-1", "name": "a", "type": "Image", "status": "Active", "group_id": "g", "project": "default", "url": None, "sha256": None,
    "size": None, "format": None, "width": None, "height": None, "duration": None, "frame_rate": None, "codec": None, "tags": [],
    "external_id": None, "metadata": None, "moderation": "Default", "task_id": None, "created_at": "", "updated_at": "",
    "deleted_at": None, "error": None,
}  # fmt: skip
Call = Callable[..., Any]


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as running:
        yield running


@pytest.fixture(params=["blocks", "awaits"])
def create_group(request: pytest.FixtureRequest, shelf: Shelf) -> Call:
    """Makes a group with either client: what both of them do."""

    def block(**options: Any) -> Any:
        with Client(shelf.origin.url(""), "sk-test", **options) as client:
            return client.groups.create("g")

    def await_it(**options: Any) -> Any:
        async def create() -> Any:
            async with AsyncClient(shelf.origin.url(""), "sk-test", **options) as client:
                return await client.groups.create("g")

        return asyncio.run(create())

    return block if request.param == "blocks" else await_it


@pytest.fixture(params=["blocks", "awaits"])
def delete_group(request: pytest.FixtureRequest, shelf: Shelf) -> Call:
    """Deletes a group with either client."""

    def block() -> None:
        with Client(shelf.origin.url(""), "sk-test") as client:
            client.groups.delete("group-1")

    def await_it() -> None:
        async def delete() -> None:
            async with AsyncClient(shelf.origin.url(""), "sk-test") as client:
                await client.groups.delete("group-1")

        asyncio.run(delete())

    return block if request.param == "blocks" else await_it


def told(status: int, body: Any, **headers: str) -> Behaviour:
    content = json.dumps(body).encode()

    async def behave(visit: Visit) -> None:
        given = {"Content-Length": str(len(content)), **{name.replace("_", "-"): value for name, value in headers.items()}}
        await visit.send(head(status, headers=given), content)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    async def behave(visit: Visit) -> None:
        await behaviours[min(visit.number, len(behaviours)) - 1](visit)

    return behave


async def broken(visit: Visit) -> None:
    await visit.reset()


def refused(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "no", "error_message": f"{code}: no"}, "message": "no", "request_id": "r-1"}


def test_a_creation_whose_answer_was_lost_is_sent_again_under_the_same_idempotency_key(shelf: Shelf, create_group: Call) -> None:
    shelf.behave("/v1/groups", in_turn(broken, told(503, refused("Unavailable")), told(201, GROUP)))
    assert create_group().id == "group-1"
    keys = {visit.headers["idempotency-key"] for visit in shelf.origin.visits}
    assert (len(shelf.origin.visits), len(keys)) == (3, 1)


@pytest.mark.parametrize("first", [broken, told(502, "a proxy's own page")], ids=["no-answer", "a-proxys"])
def test_what_is_gone_after_a_deletion_whose_answer_was_lost_was_deleted(shelf: Shelf, delete_group: Call, first: Behaviour) -> None:
    shelf.behave("/v1/groups/group-1", in_turn(first, told(404, refused("NotFound.group_id"))))
    delete_group()
    assert len(shelf.origin.visits) == 2


@pytest.mark.parametrize("earlier", [(), (told(429, refused("RateLimit"), Retry_After="0"),)], ids=["at-once", "after-a-refusal"])
def test_what_was_never_there_cannot_be_deleted(shelf: Shelf, delete_group: Call, earlier: tuple[Behaviour, ...]) -> None:
    shelf.behave("/v1/groups/group-1", in_turn(*earlier, told(404, refused("NotFound.group_id"))))
    with pytest.raises(NotFound):
        delete_group()


def test_a_refusal_that_will_not_change_is_not_sent_again(shelf: Shelf, create_group: Call) -> None:
    shelf.behave("/v1/groups", told(409, refused("Conflict.IdempotencyKey")))
    with pytest.raises(Conflict) as found:
        create_group()
    assert (found.value.code, found.value.request_id, found.value.status, found.value.retryable) == (
        "Conflict.IdempotencyKey",
        "r-1",
        409,
        False,
    )
    assert len(shelf.origin.visits) == 1


def test_it_gives_up_after_so_many_attempts(shelf: Shelf, create_group: Call) -> None:
    shelf.behave("/v1/groups", told(502, "a proxy's own page"))
    with pytest.raises(ServerFailed) as found:
        create_group(attempts=3)
    assert (found.value.code, len(shelf.origin.visits)) == ("HTTP502", 3)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are counted here, not waited for."""
    monkeypatch.setattr("spark_assets.client.retrying._LONGEST_PAUSE", 0.01)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("away", [broken, told(503, refused("ServiceUnavailable"))], ids=["no-answer", "not-now"])
def test_a_server_that_was_there_is_waited_for_as_long_as_a_restart_may_take(shelf: Shelf, away: Behaviour) -> None:
    shelf.behave("/v1/groups", in_turn(told(201, GROUP), *[away] * 9, told(201, GROUP), *[away] * 12))
    with Client(shelf.origin.url(""), "sk-test") as client:
        client.groups.create("g")
        client.groups.create("g")
        before = len(shelf.origin.visits)
        assert before == 11
        with pytest.raises((ConnectionFailed, ServerFailed)):
            client.groups.create("g")
    assert 10 <= len(shelf.origin.visits) - before <= 12, "an attempt may meet a connection that is just being closed, unseen"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("first", [broken, told(500, refused("InternalError"))], ids=["nobody-there", "it-fails"])
def test_where_nobody_was_or_something_fails_for_good_it_gives_up_soon(shelf: Shelf, create_group: Call, first: Behaviour) -> None:
    shelf.behave("/v1/groups", first)
    with pytest.raises((ConnectionFailed, ServerFailed)):
        create_group()
    assert len(shelf.origin.visits) == 5


def test_the_environment_says_how_often_unless_the_program_does(shelf: Shelf, create_group: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.behave("/v1/groups", broken)
    monkeypatch.setenv("SPARK_ASSETS_ATTEMPTS", "1")
    for options, visits in (({}, 1), ({"attempts": 2}, 3)):
        with pytest.raises(ConnectionFailed):
            create_group(**options)
        assert len(shelf.origin.visits) == visits


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("first", [broken, told(500, refused("InternalError"))], ids=["nobody-there", "it-fails"])
def test_who_asks_for_more_attempts_gets_them_where_nobody_was_too(
    shelf: Shelf, create_group: Call, first: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.behave("/v1/groups", first)
    monkeypatch.setenv("SPARK_ASSETS_ATTEMPTS", "7")
    for options, visits in (({}, 7), ({"attempts": 8}, 15)):
        with pytest.raises((ConnectionFailed, ServerFailed)):
            create_group(**options)
        assert len(shelf.origin.visits) == visits


def test_a_wish_to_wait_is_honoured_and_one_beyond_all_patience_ends_it(shelf: Shelf, create_group: Call) -> None:
    shelf.behave("/v1/groups", in_turn(told(429, refused("RateLimit"), Retry_After="1"), told(201, GROUP)))
    started = time.monotonic()
    create_group()
    assert time.monotonic() - started >= 1
    shelf.behave("/v1/groups", told(429, refused("RateLimit"), Retry_After="86400"))
    with pytest.raises(RateLimited) as found:
        create_group()
    assert found.value.retry_after == 86400


def test_a_server_that_is_not_there_is_told_by_its_name(shelf: Shelf, create_group: Call) -> None:
    shelf.behave("/v1/groups", broken)
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
        create_group(attempts=2)


def test_what_the_gateway_could_do_twice_is_sent_once(shelf: Shelf, create_group: Call) -> None:
    shelf.behave("/model/v1/generation", broken)
    with pytest.raises(ConnectionFailed):
        create_group(gateway=True)
    assert len(shelf.origin.visits) == 1
    assert "idempotency-key" not in shelf.origin.visits[0].headers


def test_what_the_gateway_does_not_know_is_not_asked_for(shelf: Shelf) -> None:
    with Client(shelf.origin.url(""), "sk-test", gateway=True) as client, pytest.raises(NotAtGateway):
        next(client.assets.list())
    assert shelf.origin.visits == []


def test_the_key_is_not_sent_to_where_a_signed_address_leads(shelf: Shelf, tmp_path: Path) -> None:
    content = b"bytes"
    asset = {**ASSET, "url": shelf.put("/signed", content), "size": len(content)}
    shelf.behave("/v1/assets/asset-1", told(200, asset))
    with Client(shelf.origin.url(""), "sk-test") as client:
        client.assets.download("asset-1", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content
    assert [("authorization" in visit.headers) for visit in shelf.origin.visits] == [True, False]
    assert shelf.origin.visits[1].headers["accept-encoding"] == "identity"  # it is the stored bytes that are hashed


def test_a_broken_download_goes_on_where_it_was_and_a_wrong_one_leaves_nothing(shelf: Shelf, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096

    async def in_two_parts(visit: Visit) -> None:
        wanted = visit.headers.get("range")
        if wanted is None:
            await visit.send(head(200, headers={"Content-Length": str(len(content))}), content[:300_000])
            await visit.reset()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        await visit.send(head(206, headers={"Content-Length": str(len(content) - start)}), content[start:])

    asset = {**ASSET, "url": shelf.behave("/signed", in_two_parts), "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    shelf.behave("/v1/assets/asset-1", told(200, asset))
    with Client(shelf.origin.url(""), "sk-test") as client:
        client.assets.download("asset-1", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == content
        assert shelf.origin.count("/signed") == 2
        shelf.put("/signed", b"x" * len(content))
        with pytest.raises(TransferBroken):
            client.assets.download("asset-1", tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_without_a_key_there_is_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARK_ASSETS_KEY", raising=False)
    with pytest.raises(ValueError, match="keys create"):
        Client("http://127.0.0.1:1")
