"""`/v1/assets/bulk`: a result for each asset, and one that fails stops none of the others."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import Json, SparkClient
from tests.factories.origin import Visit, head
from tests.factories.spark_processes import Service

PATH = "/v1/assets/bulk"
UNKNOWN = "asset-20200101000000-bcdfg"
MANY = 60
"""More than one transaction holds."""


class Scene(NamedTuple):
    """Someone of one project with a group, someone of another, and an address that is never found."""

    client: SparkClient
    stranger: SparkClient
    reader: SparkClient
    group: str
    url: str


@pytest.fixture(scope="module")
def scene(service: Service, shelf: Shelf) -> Scene:
    """Assets fail here, which makes no difference to what is done to them."""

    async def refuse(visit: Visit) -> None:
        await visit.send(head(404))

    for name in ("bulk-ours", "bulk-theirs"):
        service.quick_command("projects", "create", name)
    client, stranger = service.client("--project", "bulk-ours"), service.client("--project", "bulk-theirs")
    reader = service.client("--project", "bulk-ours", "--scope", "assets:read")
    return Scene(client, stranger, reader, client.create_group(), shelf.behave("/bulk.jpg", refuse))


def _make(scene: Scene, number: int, **body: Any) -> list[str]:
    made = []
    for _ in range(number):
        answer = scene.client.call("POST", "/v1/assets", {"url": scene.url, "type": "Image", "group_id": scene.group, **body})
        assert answer.status == 202, answer.body
        made.append(answer.json()["asset_id"])
    return made


def _change(caller: SparkClient, action: str, ids: Sequence[str], **body: Any) -> list[Json]:
    answer = caller.call("POST", PATH, {"action": action, "ids": list(ids), **body})
    assert answer.status == 200, answer.body
    assert answer.json()["dry_run"] is body.get("dry_run", False)
    results: list[Json] = answer.json()["results"]
    assert [result["id"] for result in results] == list(ids)
    assert all((result["status"] == "done") == (result["error"] is None) for result in results)
    return results


def _codes(results: list[Json]) -> list[str | None]:
    return [None if result["error"] is None else result["error"]["code"] for result in results]


def _tags(scene: Scene, asset_id: str) -> list[str]:
    tags: list[str] = scene.client.get_v1_asset(asset_id)["tags"]
    return tags


def test_many_assets_are_tagged_moved_deleted_and_restored(scene: Scene) -> None:
    ids = _make(scene, MANY)
    assert _codes(_change(scene.client, "tag", ids, tags=["new"])) == [None] * MANY
    found = scene.client.call("GET", "/v1/assets?tag=new&limit=100").json()["items"]
    assert {asset["id"] for asset in found} == set(ids)
    other = scene.client.create_group()
    assert _codes(_change(scene.client, "move", ids, group_id=other)) == [None] * MANY
    assert {asset["id"] for asset in scene.client.call("GET", f"/v1/assets?group_id={other}&limit=100").json()["items"]} == set(ids)
    assert _codes(_change(scene.client, "delete", ids)) == [None] * MANY
    assert scene.client.call("GET", "/v1/assets?tag=new").json()["items"] == []
    assert _codes(_change(scene.client, "delete", ids)) == ["NotFound.asset_id"] * MANY
    assert _codes(_change(scene.client, "restore", ids)) == [None] * MANY
    assert len(scene.client.call("GET", "/v1/assets?tag=new&limit=100").json()["items"]) == MANY


def test_one_failure_stops_none_of_the_others_and_results_keep_their_order(scene: Scene) -> None:
    first, second = _make(scene, 2)
    results = _change(scene.client, "tag", [second, UNKNOWN, first, "nonsense"], tags=["kept"])
    assert _codes(results) == [None, "NotFound.asset_id", None, "NotFound.asset_id"]
    assert _tags(scene, first) == _tags(scene, second) == ["kept"]


def test_tags_are_added_and_taken_off_and_the_others_stay(scene: Scene) -> None:
    (asset,) = _make(scene, 1, tags=["a", "b"])
    _change(scene.client, "tag", [asset], tags=["b", "c"])
    assert _tags(scene, asset) == ["a", "b", "c"]
    _change(scene.client, "untag", [asset], tags=["a", "none"])
    assert _tags(scene, asset) == ["b", "c"]
    before = scene.client.get_v1_asset(asset) | {"url": ""}  # which is signed anew at each look
    _change(scene.client, "untag", [asset], tags=["a"])
    assert scene.client.get_v1_asset(asset) | {"url": ""} == before


def test_an_asset_with_too_many_tags_is_told_apart(scene: Scene) -> None:
    full, room = *_make(scene, 1, tags=[f"t{number}" for number in range(32)]), *_make(scene, 1)
    results = _change(scene.client, "tag", [full, room], tags=["one more"])
    assert _codes(results) == ["InvalidParameter.tags", None]
    assert "33" in results[0]["error"]["message"]
    assert len(_tags(scene, full)) == 32


def test_a_dry_run_tells_all_and_changes_nothing(scene: Scene) -> None:
    ids = _make(scene, 2, tags=["before"])
    before = [scene.client.get_v1_asset(asset) | {"status": "", "error": None, "updated_at": ""} for asset in ids]
    for action, body in (("tag", {"tags": ["x"]}), ("move", {"group_id": scene.client.create_group()}), ("delete", {})):
        results = _change(scene.client, action, [ids[0], UNKNOWN, ids[1]], dry_run=True, **body)
        assert _codes(results) == [None, "NotFound.asset_id", None]
    assert [scene.client.get_v1_asset(asset) | {"status": "", "error": None, "updated_at": ""} for asset in ids] == before
    _change(scene.client, "delete", ids)
    assert _codes(_change(scene.client, "restore", ids, dry_run=True)) == [None, None]
    assert scene.client.call("GET", f"/v1/assets/{ids[0]}").status == 404


def test_only_the_asset_whose_external_id_was_taken_stays_in_the_trash(scene: Scene) -> None:
    first, second = _make(scene, 2)
    (taken,) = _make(scene, 1, external_id="bulk-1")
    _change(scene.client, "delete", [first, taken, second])
    _make(scene, 1, external_id="bulk-1")
    for dry_run in (True, False):
        results = _change(scene.client, "restore", [first, taken, second], dry_run=dry_run)
        assert _codes(results) == [None, "Conflict.ExternalId", None]
    assert scene.client.get_v1_asset(first)["deleted_at"] is scene.client.get_v1_asset(second)["deleted_at"] is None
    assert scene.client.call("GET", f"/v1/assets/{taken}").status == 404


def test_of_two_deleted_assets_with_one_external_id_one_comes_back(scene: Scene) -> None:
    (first,) = _make(scene, 1, external_id="bulk-2")
    _change(scene.client, "delete", [first])
    (second,) = _make(scene, 1, external_id="bulk-2")
    _change(scene.client, "delete", [second])
    assert sorted(_codes(_change(scene.client, "restore", [second, first])), key=str) == ["Conflict.ExternalId", None]


def test_another_projects_assets_and_groups_are_unknown_ones(scene: Scene) -> None:
    (asset,) = _make(scene, 1)
    for action, body in (("tag", {"tags": ["x"]}), ("delete", {}), ("move", {"group_id": scene.stranger.create_group()})):
        foreign, unknown = _change(scene.stranger, action, [asset, UNKNOWN], **body)
        assert {**foreign, "id": ""} == {**unknown, "id": ""}
        assert foreign["error"]["code"] == "NotFound.asset_id"
    for group in (scene.stranger.create_group(), "group-20200101000000-bcdfg"):
        assert _codes(_change(scene.client, "move", [asset], group_id=group)) == ["NotFound.group_id"]
    _change(scene.client, "delete", [asset])
    assert _codes(_change(scene.stranger, "restore", [asset])) == ["NotFound.asset_id"]
    refused = scene.reader.call("POST", PATH, {"action": "delete", "ids": [asset]})
    assert (refused.status, refused.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"ids": ["a"]}, "MissingParameter.action"),
        ({"action": "tag"}, "MissingParameter.ids"),
        ({"action": "delete", "ids": []}, "MissingParameter.ids"),
        ({"action": "erase", "ids": ["a"]}, "InvalidParameter.action"),
        ({"action": "delete", "ids": "a"}, "InvalidParameter.ids"),
        ({"action": "delete", "ids": [1]}, "InvalidParameter.ids"),
        ({"action": "delete", "ids": ["a", "a"]}, "InvalidParameter.ids"),
        ({"action": "delete", "ids": ["a\u0000"]}, "InvalidParameter.ids"),
        ({"action": "delete", "ids": [str(number) for number in range(501)]}, "InvalidParameter.ids"),
        ({"action": "move", "ids": ["a"]}, "MissingParameter.group_id"),
        ({"action": "tag", "ids": ["a"]}, "MissingParameter.tags"),
        ({"action": "untag", "ids": ["a"], "tags": []}, "MissingParameter.tags"),
        ({"action": "delete", "ids": ["a"], "tags": ["x"]}, "InvalidParameter.tags"),
        ({"action": "tag", "ids": ["a"], "tags": ["x"], "group_id": "g"}, "InvalidParameter.group_id"),
        ({"action": "delete", "ids": ["a"], "dry_run": 1}, "InvalidParameter.dry_run"),
    ],
)
def test_a_change_that_is_none_is_refused_whole(scene: Scene, body: Json, code: str) -> None:
    refused = scene.client.call("POST", PATH, body)
    assert (refused.status, refused.code) == (400, code)


def test_500_assets_fit_into_one_request(scene: Scene) -> None:
    results = _change(scene.client, "delete", [f"asset-20200101000000-{number:05d}" for number in range(500)])
    assert set(_codes(results)) == {"NotFound.asset_id"}


def test_changes_of_the_same_assets_at_once_lose_nothing(scene: Scene) -> None:
    ids = _make(scene, 30)
    orders = [ids, ids[::-1], ids[15:] + ids[:15], ids[::2] + ids[1::2]]

    def tag(number: int) -> list[Json]:
        return _change(scene.client, "tag", orders[number], tags=[f"t{number}"])

    with ThreadPoolExecutor(4) as threads:
        for results in threads.map(tag, range(4)):
            assert set(_codes(results)) == {None}
    assert all(set(_tags(scene, asset)) == {"t0", "t1", "t2", "t3"} for asset in ids)
