"""What deleting means to those who watch: tasks end, links end, groups take their assets along."""

from pathlib import Path
from typing import NamedTuple

import pytest

from spark_assets.domain.parameters import CREATE_ASSET, CREATE_GROUP, DELETE_ASSET, DELETE_GROUP, LIST_ASSETS, UPDATE_ASSET
from tests.end_to_end.shelf import Shelf
from tests.factories.http import Json, SparkClient, follow, send
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, head
from tests.factories.spark_processes import Service
from tests.factories.surfaces import Member, by_action, by_task


class Scene(NamedTuple):
    """A caller, and the content of a picture."""

    me: Member
    client: SparkClient
    content: bytes


@pytest.fixture
def scene(client: SparkClient, media: Path) -> Scene:
    """An ordinary key, and a picture that is accepted."""
    path = media / "deleted.jpg"
    return Scene(Member(client), client, path.read_bytes() if path.exists() else make_jpeg(path, 400, 400).read_bytes())


def _delete(scene: Scene, asset_id: str) -> None:
    reply = by_task(scene.me, DELETE_ASSET, {"Id": asset_id})
    assert reply.result == {}


def test_a_delete_during_ingest_ends_the_task_as_deleted_at_once(scene: Scene, shelf: Shelf) -> None:
    opened, let_through = shelf.gate()

    async def hold_back(visit: Visit) -> None:
        await visit.send(head(headers={"Content-Length": str(len(scene.content))}), scene.content[:100])
        await opened.wait()
        await visit.send(scene.content[100:])

    task_id = scene.client.submit_asset(scene.client.create_group(), shelf.behave("/held-back.jpg", hold_back))
    asset_id = scene.client.poll(task_id)["metadata"]["asset_id"]
    try:
        _delete(scene, asset_id)
        task = scene.client.poll(task_id)
        assert (task["status"], task["error"]["code"]) == ("failed", "Conflict.Deleted")
    finally:
        let_through()
    later = scene.client.poll(task_id)
    assert later == task
    assert by_task(scene.me, DELETE_ASSET, {"Id": asset_id}).code == "NotFound.asset_id"


def test_a_waiting_poll_is_woken_by_a_delete(scene: Scene, shelf: Shelf) -> None:
    opened, let_through = shelf.gate()

    async def hold_back(visit: Visit) -> None:
        await opened.wait()
        await visit.send(head(404))

    task_id = scene.client.submit_asset(scene.client.create_group(), shelf.behave("/never.jpg", hold_back))
    try:
        _delete(scene, scene.client.poll(task_id)["metadata"]["asset_id"])
        answer = scene.client.request("GET", f"/model/v1/generation/task/{task_id}?wait=20")
        assert answer.json()["error"]["code"] == "Conflict.Deleted"
    finally:
        let_through()


def test_a_deletion_ends_delivery_at_once(scene: Scene, shelf: Shelf) -> None:
    asset_id = scene.client.create_asset(scene.client.create_group(), shelf.put("/gone.jpg", scene.content))
    url = scene.client.get_asset(asset_id)["URL"]
    assert follow("GET", url).body == scene.content
    _delete(scene, asset_id)
    for method in ("GET", "HEAD"):
        assert send(method, url).status == 404
    assert scene.client.request("GET", f"/v1/assets/{asset_id}").status == 404
    assert scene.client.request("GET", f"/v1/assets/{asset_id}/content").status == 404


def test_the_same_bytes_stay_for_the_other_asset(scene: Scene, shelf: Shelf) -> None:
    group, url = scene.client.create_group(), shelf.put("/twice.jpg", scene.content)
    first, second = (scene.client.create_asset(group, url) for _ in range(2))
    _delete(scene, first)
    assert follow("GET", scene.client.get_asset(second)["URL"]).body == scene.content


def test_a_deleted_group_takes_its_assets_along(scene: Scene, shelf: Shelf) -> None:
    group, other = scene.client.create_group(), scene.client.create_group()
    inside = scene.client.create_asset(group, shelf.put("/inside.jpg", scene.content))
    outside = scene.client.create_asset(other, shelf.put("/outside.jpg", scene.content))
    url = scene.client.get_asset(inside)["URL"]
    assert by_task(scene.me, DELETE_GROUP, {"Id": group}).result == {}
    assert send("GET", url).status == 404
    assert by_action(scene.me, LIST_ASSETS, {"Filter": {"GroupIds": [group]}}).result == {"Items": []}
    for operation, parameters in (
        (DELETE_GROUP, {"Id": group}),
        (CREATE_ASSET, {"Name": "x", "URL": url, "AssetType": "Image", "GroupId": group}),
        (UPDATE_ASSET, {"Id": outside, "GroupId": group}),
    ):
        assert by_task(scene.me, operation, parameters).code == "NotFound.group_id"
    assert by_task(scene.me, UPDATE_ASSET, {"Id": inside, "GroupId": other}).code == "NotFound.asset_id"
    assert scene.client.get_asset(outside)["GroupId"] == other


def test_a_moved_asset_survives_the_group_it_left(scene: Scene, shelf: Shelf) -> None:
    group, other = scene.client.create_group(), scene.client.create_group()
    asset_id = scene.client.create_asset(group, shelf.put("/moved.jpg", scene.content))
    assert by_task(scene.me, UPDATE_ASSET, {"Id": asset_id, "GroupId": other}).result == {"Id": asset_id}
    assert by_task(scene.me, DELETE_GROUP, {"Id": group}).result == {}
    assert scene.client.get_asset(asset_id)["GroupId"] == other


def test_an_asset_cannot_be_moved_into_another_projects_group(scene: Scene, service: Service, shelf: Shelf) -> None:
    service.quick_command("projects", "create", "elsewhere")
    foreign = scene.client.create_group(ProjectName="elsewhere")
    asset_id = scene.client.create_asset(scene.client.create_group(), shelf.put("/stays.jpg", scene.content))
    refused = by_action(scene.me, UPDATE_ASSET, {"Id": asset_id, "GroupId": foreign})
    unknown = by_action(scene.me, UPDATE_ASSET, {"Id": asset_id, "GroupId": "group-20200101000000-bcdfg"})
    assert refused.code == "NotFound.group_id"
    assert refused.plain == unknown.plain


def test_the_external_id_of_a_deleted_asset_can_be_used_again(scene: Scene, shelf: Shelf) -> None:
    group, url = scene.client.create_group(), shelf.put("/again.jpg", scene.content)
    first = scene.client.create_asset(group, url, ExternalId="again-1")
    assert by_task(scene.me, CREATE_ASSET, _creation(group, url)).code == "Conflict.ExternalId"
    _delete(scene, first)
    second = by_task(scene.me, CREATE_ASSET, _creation(group, url)).result
    assert second is not None
    found = by_action(scene.me, LIST_ASSETS, {"Filter": {"ExternalId": "again-1"}}).result
    assert found is not None
    assert [item["Id"] for item in found["Items"]] == [second["Id"]]


def _creation(group: str, url: str) -> Json:
    return {"Name": "x", "URL": url, "AssetType": "Image", "GroupId": group, "ExternalId": "again-1"}


def test_a_library_with_deletions_keeps_its_promises(scene: Scene, service: Service) -> None:
    assert by_action(scene.me, CREATE_GROUP, {"Name": "last", "GroupType": "AIGC"}).answer.status == 200
    service.wait_for_empty_spool()
    code, findings = service.doctor("--verify")
    assert code == 0, findings
