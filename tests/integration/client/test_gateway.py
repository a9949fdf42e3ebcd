"""The SDK at the hosted gateway, as its pages describe it: three models, a task polled until it ends, and nothing that is ours alone."""

import json
from typing import Any

import httpx2
import pytest

from spark_assets.client import BadRequest, NotAtGateway, TaskFailed, WaitTimedOut
from tests.integration.client.conftest import Answer, Door

HEAD = {"RequestId": "20260419120000", "Action": "GetAsset", "Version": "2024-01-01", "Service": "ark", "Region": "cn-beijing"}
TIMES = {"in_queue_at": 1776571200.1, "upload_at": 0.0, "completed_at": 1776571203.5}
ASSET = {
    "Id": "asset-1", "Name": "moon", "URL": "https://cdn.example.com/moon.jpg", "AssetType": "Image", "GroupId": "group-1",
    "Status": "Active", "Moderation": {"Strategy": "Default"}, "CreateTime": "2026-04-19T04:00:00Z",
    "UpdateTime": "2026-04-19T04:00:03Z", "ProjectName": "film",
}  # fmt: skip


class Gateway:
    """Creations that complete at the second poll, and readings that answer what is next; the last answer stays."""

    def __init__(self, *readings: dict[str, Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._readings = list(readings)
        self._polls: dict[str, int] = {}

    def __call__(self, request: httpx2.Request) -> Answer:
        if request.method == "POST":
            self.asked.append(json.loads(request.content))
            return 200, {
                "id": f"task-{len(self.asked)}",
                "status": "in_progress",
                "created_at": 1776571200,
                "model": self.asked[-1]["model"],
            }
        task_id = request.url.path.rpartition("/")[2]
        model = self.asked[int(task_id.removeprefix("task-")) - 1]["model"]
        self._polls[task_id] = self._polls.get(task_id, 0) + 1
        task = {"id": task_id, "model": model, "created_at": 1776571200}
        if model != "spark_asset_get" and self._polls[task_id] == 1:
            return 200, {**task, "status": "in_queue", "progress": 0.1, "metadata": {"in_queue_at": 1776571200.1}}
        return 200, {**task, **self._end(model)}

    def _end(self, model: str) -> dict[str, Any]:
        result: dict[str, Any] = {"Id": "group-1" if model == "spark_asset_create_group" else "asset-1"}
        if model == "spark_asset_get":
            result = self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]
        if "code" in result:
            return {"status": "failed", "error": result, "metadata": {}}
        text = json.dumps({"ResponseMetadata": HEAD, "Result": result})
        output = [{"content": [{"type": "text", "url": "", "text": text}]}]
        return {"status": "completed", "output": output, "usage": {"cost": "0.000000", "discount": 1}, "metadata": TIMES}


def test_what_the_gateway_documents_is_enough_to_make_a_group_and_an_asset(door: Door) -> None:
    gateway = door.behaviour = Gateway({**ASSET, "Status": "Processing", "URL": ""}, ASSET)
    group = door.call(lambda client: client.groups.create("moons"), gateway=True, project="film")
    assert (group.id, group.name, group.project, group.created_at) == ("group-1", "moons", "film", "2026-04-19T04:00:00Z")
    asset = door.call(
        lambda client: client.assets.create(group_id=group.id, url="https://example.com/moon.jpg", name="moon", wait=True),
        gateway=True,
        project="film",
    )
    assert (asset.id, asset.status, asset.url, asset.project) == ("asset-1", "Active", "https://cdn.example.com/moon.jpg", "film")
    assert (asset.sha256, asset.width, asset.tags) == (None, None, ())
    assert gateway.asked == [
        {"model": "spark_asset_create_group", "Name": "moons", "GroupType": "AIGC", "ProjectName": "film"},
        {
            "model": "spark_asset_create", "Name": "moon", "URL": "https://example.com/moon.jpg", "AssetType": "Image",
            "GroupId": "group-1", "ProjectName": "film",
        },
        *[{"model": "spark_asset_get", "Id": "asset-1", "ProjectName": "film"}] * 2,
    ]  # fmt: skip
    assert all("idempotency-key" not in request.headers and "x-project" not in request.headers for request in door.requests)


def test_a_task_without_a_wait_is_in_progress_whatever_the_gateway_calls_that(door: Door) -> None:
    door.behaviour = Gateway(ASSET)
    task = door.call(lambda client: client.assets.create(group_id="g", url="https://example.com/m.jpg", name="m"), gateway=True)
    assert (task.status, task.is_over, task.stage) == ("in_progress", False, "in_queue")
    ended = door.call(lambda client: client.tasks.get(task.id), gateway=True)
    assert (ended.status, ended.asset_id, ended.body.cost, ended.body.discount) == ("completed", "asset-1", "0.000000", "1")
    assert ended.body.completed_at == "2026-04-19T04:00:03.500000Z"


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        ({"code": "NotFound.asset_id", "message": "no such asset"}, "NotFound.asset_id"),
        ({"code": 404, "message": "no such asset"}, "404"),
        ({**ASSET, "Status": "Failed", "Error": {"Code": "DownloadFailed", "Message": "no"}}, None),
    ],
    ids=["a-word", "a-number", "an-asset-that-failed"],
)
def test_what_failed_says_why(door: Door, reading: dict[str, Any], code: str | None) -> None:
    door.behaviour = Gateway(reading)
    if code is None:
        assert door.call(lambda client: client.assets.get("asset-1"), gateway=True).error.code == "DownloadFailed"
        code, asked = "DownloadFailed", {"group_id": "g", "url": "https://example.com/m.jpg", "name": "m", "wait": True}
        with pytest.raises(TaskFailed) as found:
            door.call(lambda client: client.assets.create(**asked), gateway=True)
    else:
        with pytest.raises(TaskFailed) as found:
            door.call(lambda client: client.assets.get("asset-1"), gateway=True)
    assert found.value.code == code


def test_an_asset_that_stays_under_way_is_not_waited_for_without_end(door: Door) -> None:
    door.behaviour = Gateway({**ASSET, "Status": "Processing"})
    asked = {"group_id": "g", "url": "https://example.com/m.jpg", "name": "m", "wait": True, "timeout": 1.5}
    with pytest.raises(WaitTimedOut):
        door.call(lambda client: client.assets.create(**asked), gateway=True)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda client: client.groups.create("g", description="d"), "description of a group"),
        (
            lambda client: client.assets.create(group_id="g", url="http://x/m.jpg", tags="t", metadata={"a": 1}),
            "metadata, tags of an asset",
        ),
        (lambda client: client.assets.create(group_id="g", path=__file__, type="Image"), "/v1/uploads/tus"),
        (lambda client: client.assets.list(), "/v1/assets"),
        (lambda client: client.tasks.list(), "/v1/tasks"),
        (lambda client: client.groups.get("g"), "/v1/groups/g"),
        (lambda client: client.request("GET", "/v1/usage"), "/v1/usage"),
    ],
    ids=["description", "fields", "file", "assets", "tasks", "group", "request"],
)
def test_what_is_ours_alone_is_refused_and_not_sent(door: Door, work: Any, words: str) -> None:
    with pytest.raises(NotAtGateway, match=words):
        door.call(work, gateway=True)
    assert door.requests == []


def test_a_refusal_at_once_is_told_as_it_is(door: Door) -> None:
    door.behaviour = lambda request: (400, {"error": {"code": "MissingParameter.GroupId", "message": "GroupId is required"}})
    with pytest.raises(BadRequest) as found:
        door.call(lambda client: client.assets.create(group_id="", url="http://x/m.jpg"), gateway=True)
    assert (found.value.code, found.value.request_id) == ("MissingParameter.GroupId", "r-2")
