"""Webhooks of real servers: told in order, once more after a kill, signed under every secret in use, on both sizes."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.http import Json, SparkClient
from tests.factories.media import make_jpeg
from tests.factories.receivers import PATIENCE, Got, Receiver
from tests.factories.spark_processes import Service

ADMIN = ("--scope", "project:admin", "--scope", "assets:read", "--scope", "assets:write")


class Scene(NamedTuple):
    """A service that may post to loopback, someone who administers it, and the address of a picture."""

    service: Service
    client: SparkClient
    picture: str


@pytest.fixture(scope="module")
def scene(make_service: MakeService, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A service of each size."""
    path: Path = make_jpeg(tmp_path_factory.mktemp("webhooks") / "told.jpg", 400, 400)
    with make_service(webhook_allow="127.0.0.0/8", webhook_timeout=1) as service:
        yield Scene(service, service.client(*ADMIN), shelf.put("/told.jpg", path))


def _make(client: SparkClient, receiver: Receiver, **body: object) -> Json:
    answer = client.call("POST", "/v1/webhooks", {"url": f"{receiver.url}?token=secret", **body})
    assert answer.status == 201, answer.body
    found: Json = answer.json()
    return found


def _call(client: SparkClient, method: str, path: str, status: int, body: object = None) -> Json:
    answer = client.call(method, f"/v1/webhooks/{path}", body)
    assert answer.status == status, answer.body
    found: Json = answer.json() if answer.body else {}
    return found


def _types(got: list[Got]) -> list[str]:
    return [str(found.told["type"]) for found in got]


def test_the_life_of_an_asset_is_told_in_order_and_signed(scene: Scene) -> None:
    client = scene.client
    with Receiver(500) as receiver:
        webhook = _make(client, receiver)
        group = client.create_group()
        asset = client.create_asset(group, scene.picture)
        receiver.wait(1)
        assert client.call("DELETE", f"/v1/assets/{asset}").status == 204
        assert client.call("DELETE", f"/v1/groups/{group}").status == 204
        got = receiver.wait(5)
        about_asset = [found for found in got if found.told["data"].get("asset_id") == asset]
        assert _types(about_asset) == ["task.completed", "task.completed", "asset.active", "asset.deleted"]
        assert about_asset[0].id == about_asset[1].id
        assert "group.deleted" in _types(got)
        for found in got:
            assert found.verify(webhook["secret"])["data"]["project_id"] == "project-default"
        assert client.call("GET", f"/v1/webhooks/{webhook['id']}").json()["url"] == receiver.url
        assert "token=secret" not in scene.service.server.log
        _call(client, "DELETE", webhook["id"], 204)


def test_a_callback_is_told_the_end_of_its_task_alone(scene: Scene) -> None:
    client = scene.client
    secret = _call(client, "POST", "callbacks/rotate", 200, {})["secret"]
    with Receiver() as receiver:
        group = client.create_group()
        task = client.submit_asset(group, scene.picture, callback_url=f"{receiver.url}?job=7")
        body = {"url": "http://127.0.0.1:1/x.jpg", "type": "Image", "group_id": group, "callback_url": receiver.url}
        failing = client.call("POST", "/v1/assets", body).json()["id"]
        told = {found.told["data"]["task_id"]: found for found in receiver.wait(2)}
        assert told[task].path == "/hook?job=7"
        assert told[task].verify(secret)["type"] == "task.completed"
        assert told[failing].verify(secret)["type"] == "task.failed"
        assert told[failing].told["data"]["error"]["code"] == "InvalidParameter.DownloadFailed"
        assert len(receiver.got) == 2


def test_an_address_that_could_never_be_posted_to_is_refused_at_once(scene: Scene) -> None:
    client = scene.client
    for url in ("ftp://example.com/", "http://user:word@example.com/", "nonsense", ""):
        assert client.call("POST", "/v1/webhooks", {"url": url}).code in {"InvalidParameter.url", "MissingParameter.url"}
        given = {"Name": "x", "URL": scene.picture, "AssetType": "Image", "GroupId": "group-1", "callback_url": url}
        assert client.post({"model": "spark_asset_create", **given}).code == "InvalidParameter.callback_url"


def test_a_webhook_is_tested_rotated_resent_to_replayed_and_disabled(scene: Scene) -> None:
    client = scene.client
    with Receiver() as receiver:
        webhook = _make(client, receiver, events=["asset.active"], description="farm")
        path = str(webhook["id"])
        queued = _call(client, "POST", f"{path}/test", 202)
        (tested,) = receiver.wait(1)
        assert (tested.id, tested.told["type"]) == (queued["message_id"], "webhook.test")
        new = _call(client, "POST", f"{path}/rotate", 200, {"grace_seconds": 60})["secret"]
        asset = client.create_asset(client.create_group(), scene.picture)
        active = receiver.wait(2)[1]
        for secret in (webhook["secret"], new):
            assert active.verify(secret)["data"]["asset_id"] == asset
        listed = _call(client, "GET", f"{path}/deliveries", 200)["items"]
        assert [(found["type"], found["message_id"]) for found in listed] == [("asset.active", active.id), ("webhook.test", tested.id)]
        assert listed[1]["payload"] == tested.told
        _call(client, "POST", f"{path}/resend", 202, {"delivery_id": listed[0]["id"]})
        assert receiver.wait(3)[2].id == active.id
        replayed = _call(client, "POST", f"{path}/replay", 202, {"since": webhook["created_at"]})
        assert replayed == {"queued": 1, "next_event": None}
        again = receiver.wait(4)[3]
        assert (again.id, again.body) == (active.id, active.body)
        receiver.then(410)
        _call(client, "POST", f"{path}/test", 202)
        receiver.wait(5)
        deadline = time.monotonic() + PATIENCE
        while (found := _call(client, "GET", path, 200))["enabled"]:
            assert time.monotonic() < deadline
        assert found["disabled_reason"] == "it answered 410: it wants no more messages"
        assert client.call("POST", f"/v1/webhooks/{path}/test").code == "Conflict.Status"
        assert _call(client, "PATCH", path, 200, {"enabled": True, "events": None})["events"] == []


def test_webhooks_are_for_administrators_of_their_project(scene: Scene) -> None:
    with Receiver() as receiver:
        webhook = _make(scene.client, receiver)
    scene.service.quick_command("projects", "create", "webhooks-theirs")
    stranger = scene.service.client("--project", "webhooks-theirs", *ADMIN)
    for method, path in (("GET", ""), ("GET", "/deliveries"), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test")):
        one = f"/v1/webhooks/{webhook['id']}{path}"
        assert scene.service.client().call(method, one).code == "AccessDenied"
        assert stranger.call(method, one).code == "NotFound.webhook_id"
    assert stranger.call("GET", "/v1/webhooks").json()["items"] == []


def test_a_message_whose_delivery_was_not_recorded_before_a_kill_arrives_again_under_its_id(scene: Scene) -> None:
    """The one who posts is killed before the answer, so nobody knows that the message arrived."""
    service, client = scene.service, scene.client
    poster = service.worker or service.server
    stalled = threading.Event()
    with Receiver(stalled) as receiver:
        webhook = _make(client, receiver, events=["asset.active"])
        client.submit_asset(client.create_group(), scene.picture)
        receiver.wait(1)
        poster.kill()
        stalled.set()
        poster.start()
        first, second = receiver.wait(2)[:2]
        assert first.id == second.id
        assert first.body == second.body
        second.verify(webhook["secret"])
