"""Deleted, restored, erased, as callers and operators see it, with a real server: what went is gone from the store as well."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import Json, SparkClient, follow, send
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, head
from tests.factories.spark_processes import Service

Stored = Callable[[], set[str]]


class Scene(NamedTuple):
    """A project of our own with someone who administers it, someone who writes in it, and what the store holds."""

    admin: SparkClient
    writer: SparkClient
    stored: Stored
    project: str


@pytest.fixture
def stored(service: Service, request: pytest.FixtureRequest) -> Stored:
    """The names of the files in the folder or in the bucket."""
    url = service.variables.get("SPARK_ASSETS_STORAGE_URL", "")
    root = Path(request.getfixturevalue("s3_server").buckets) / url.removeprefix("s3://") if url else service.home / "blobs"
    return lambda: {path.name for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def scene(service: Service, stored: Stored) -> Scene:
    """A project for this test alone."""
    name = f"erasing-{uuid.uuid4().hex[:12]}"
    service.quick_command("projects", "create", name)
    return Scene(service.client("--project", name, "--scope", "project:admin"), service.client("--project", name), stored, name)


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[str], bytes]:
    """Makes a picture that no other test has, for each word."""
    plain = make_jpeg(tmp_path / "plain.jpg", 400, 400).read_bytes()
    return lambda word: plain + word.encode() + os.urandom(8)


def _erase(scene: Scene, **what: object) -> Json:
    answer = scene.admin.call("POST", "/v1/erasures", dict(what))
    assert answer.status == 200, answer.body
    receipt: Json = answer.json()
    return receipt


def _ids(client: SparkClient, path: str) -> set[str]:
    answer = client.call("GET", path)
    assert answer.status == 200, answer.body
    return {item["id"] for item in answer.json()["items"]}


def _made(scene: Scene, shelf: Shelf, path: str, content: bytes, group: str, **parameters: Any) -> Json:
    """A new asset as our own surface shows it, once its thumbnail is stored as well."""
    asset_id = scene.writer.create_asset(group, shelf.put(path, content), **parameters)
    return scene.writer.get_v1_asset(asset_id)


def test_an_erased_asset_is_gone_from_the_store_and_its_receipt_says_so(
    scene: Scene, service: Service, shelf: Shelf, picture: Callable[[str], bytes]
) -> None:
    group = scene.writer.create_group()
    shared_content = picture("shared")
    lone = _made(scene, shelf, "/lone.jpg", picture("lone"), group)
    first, second = (_made(scene, shelf, "/shared.jpg", shared_content, group) for _ in range(2))
    service.wait_for_empty_spool()
    share = scene.writer.call("POST", f"/v1/assets/{lone['id']}/shares", {}).json()
    reading = scene.writer.submit("spark_asset_get", Id=lone["id"])
    assert scene.writer.completed(reading)
    before = scene.stored()
    assert {lone["sha256"], f"{lone['sha256']}-thumbnail.jpg", first["sha256"]} <= before

    foreseen = _erase(scene, asset_ids=[lone["id"], first["id"]], dry_run=True)
    assert scene.stored() == before
    receipt = _erase(scene, asset_ids=[lone["id"], first["id"]])

    assert {name: foreseen[name] for name in foreseen.keys() - {"id", "erased_at", "dry_run"}} == {
        name: receipt[name] for name in receipt.keys() - {"id", "erased_at", "dry_run"}
    }
    assert set(receipt["asset_ids"]) == {lone["id"], first["id"]}
    assert set(receipt["task_ids"]) == {lone["task_id"], first["task_id"]}
    assert receipt["blobs_removed"] == [{"sha256": lone["sha256"], "size": lone["size"]}]
    assert (receipt["blobs_kept"], receipt["renditions_removed"], receipt["shares_removed"]) == ([first["sha256"]], 1, 1)
    assert (receipt["sources_forgotten"], receipt["complete"]) == (2, True)
    assert before - scene.stored() == {lone["sha256"], f"{lone['sha256']}-thumbnail.jpg"}
    for url in (lone["url"], first["url"], share["url"]):
        assert send("GET", url).status == 404
    assert follow("GET", second["url"]).body == shared_content
    assert scene.writer.request("GET", f"/model/v1/generation/task/{reading}").status == 404
    assert scene.writer.poll(lone["task_id"])["status"] == "completed"
    assert scene.writer.call("POST", f"/v1/assets/{lone['id']}/restore").code == "NotFound.asset_id"
    assert scene.admin.call("POST", "/v1/erasures", {"asset_ids": [lone["id"]]}).code == "NotFound.asset_id"


def test_the_operator_erases_a_project_and_the_trail_says_what_went(
    scene: Scene, service: Service, shelf: Shelf, picture: Callable[[str], bytes]
) -> None:
    group, other = scene.writer.create_group(), scene.writer.create_group()
    asset = _made(scene, shelf, "/project.jpg", picture("project"), group, Tags=["night"])
    tagged = _made(scene, shelf, "/tagged.jpg", picture("tagged"), other, Tags=["day"])
    service.wait_for_empty_spool()
    by_tag = service.quick_command("erase", "--tag", "day", "--project", scene.project, "--yes")
    assert by_tag["asset_ids"] == [tagged["id"]]
    foreseen = service.quick_command("erase", "--project", scene.project, "--dry-run")
    assert set(foreseen["group_ids"]) == {group, other}
    receipt = service.quick_command("erase", "--project", scene.project, "--yes")
    assert (receipt["asset_ids"], set(receipt["group_ids"]), receipt["complete"]) == ([asset["id"]], {group, other}, True)
    assert {asset["sha256"], tagged["sha256"]}.isdisjoint(scene.stored())
    assert _ids(scene.writer, "/v1/groups") | _ids(scene.writer, "/v1/groups?deleted=true") == set()
    entries = scene.admin.call("GET", "/v1/audit?order=asc&limit=100").json()["items"]
    erased = [(entry["actor"], entry["action"]) for entry in entries if entry["action"].endswith("erased")]
    assert erased == [("operator", "assets.erased")] * 2 + [("operator", "groups.erased")] * 2
    assert entries[-1]["subject"] == receipt["id"]
    refused = service.in_process("erase", "--project", scene.project, "--group", group, "--yes")
    assert refused.exit_code == 2
    missing = service.in_process("erase", "--group", group)
    assert missing.exit_code == 3


def test_an_erasure_during_ingest_ends_its_task_as_deleted(scene: Scene, shelf: Shelf, picture: Callable[[str], bytes]) -> None:
    content = picture("held")
    opened, let_through = shelf.gate()

    async def hold_back(visit: Visit) -> None:
        await visit.send(head(headers={"Content-Length": str(len(content))}), content[:100])
        await opened.wait()
        await visit.send(content[100:])

    group = scene.writer.create_group()
    task_id = scene.writer.submit_asset(group, shelf.behave("/erased-while-fetched.jpg", hold_back))
    try:
        receipt = _erase(scene, group_id=group)
        assert (receipt["task_ids"], receipt["group_ids"]) == ([task_id], [group])
        task = scene.writer.poll(task_id)
        assert (task["status"], task["error"]["code"]) == ("failed", "Conflict.Deleted")
    finally:
        let_through()


def test_what_was_deleted_comes_back_and_its_links_work_again(
    scene: Scene, service: Service, shelf: Shelf, picture: Callable[[str], bytes]
) -> None:
    group, content = scene.writer.create_group(), picture("back")
    early = _made(scene, shelf, "/early.jpg", content, group, ExternalId="shot-1")
    late = _made(scene, shelf, "/late.jpg", content, group)
    assert scene.writer.call("DELETE", f"/v1/assets/{early['id']}").status == 204
    assert send("GET", early["url"]).status == 404
    assert _ids(scene.writer, "/v1/assets?deleted=true") == {early["id"]}
    restored = scene.writer.call("POST", f"/v1/assets/{early['id']}/restore").json()
    assert (restored["id"], restored["external_id"], restored["deleted_at"]) == (early["id"], "shot-1", None)
    assert follow("GET", early["url"]).body == content

    assert scene.writer.call("DELETE", f"/v1/assets/{early['id']}").status == 204
    assert scene.writer.call("DELETE", f"/v1/groups/{group}").status == 204
    assert _ids(scene.writer, "/v1/groups?deleted=true") == {group}
    assert scene.writer.call("POST", f"/v1/assets/{late['id']}/restore").code == "Conflict.Group"
    assert scene.writer.call("POST", f"/v1/groups/{group}/restore").json()["id"] == group
    assert _ids(scene.writer, "/v1/assets") == {late["id"]}
    assert _ids(scene.writer, "/v1/assets?deleted=true") == {early["id"]}
    assert follow("GET", late["url"]).body == content

    assert _made(scene, shelf, "/taker.jpg", content, group, ExternalId="shot-1")
    assert scene.writer.call("POST", f"/v1/assets/{early['id']}/restore").code == "Conflict.ExternalId"


def test_only_who_administers_a_project_erases_in_it_and_reads_its_trail(scene: Scene, service: Service) -> None:
    group = scene.writer.create_group()
    for path, method in (("/v1/erasures", "POST"), ("/v1/audit", "GET")):
        body = {"group_id": group} if method == "POST" else None
        assert scene.writer.call(method, path, body).code == "AccessDenied"
    service.quick_command("projects", "create", f"{scene.project}-other")
    stranger = service.client("--project", f"{scene.project}-other", "--scope", "project:admin")
    for body in ({"group_id": group}, {"project": scene.project}, {"tag": "a", "project": scene.project}):
        assert stranger.call("POST", "/v1/erasures", body).status == 404
    own = stranger.call("GET", "/v1/audit").json()["items"]
    assert len({entry["project_id"] for entry in own}) == 1
    assert stranger.call("GET", f"/v1/audit?project={scene.project}").code == "NotFound.ProjectName"
    everything = service.client("--scope", "admin").call("GET", "/v1/audit?action=key.created&limit=100").json()["items"]
    assert {entry["action"] for entry in everything} == {"key.created"}
    assert None in {entry["project_id"] for entry in everything}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "asset_ids"),
        ({"asset_ids": []}, "asset_ids"),
        ({"asset_ids": "asset-1"}, "asset_ids"),
        ({"asset_ids": ["asset-1"], "tag": "night"}, "asset_ids"),
        ({"tag": "x" * 65}, "tag"),
        ({"tag": "night", "dry_run": "perhaps"}, "dry_run"),
        ({"everything": True}, "everything"),
    ],
)
def test_an_erasure_that_is_not_clear_is_refused(service: Service, body: Json, param: str) -> None:
    answer = service.client("--scope", "admin").call("POST", "/v1/erasures", body)
    assert (answer.status, answer.json()["error"]["param"]) == (400, param)


def test_a_library_with_erasures_keeps_its_promises(service: Service) -> None:
    service.wait_for_empty_spool()
    code, findings = service.doctor("--verify")
    assert code == 0, findings
