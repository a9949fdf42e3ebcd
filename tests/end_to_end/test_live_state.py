"""Streams of events: a task as it goes on, and what happens in a project, wherever one was."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.http import TASKS, SparkClient
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service
from tests.factories.streams import Stream, Told

STAGES = ["queued", "fetching", "inspecting", "storing"]


@pytest.fixture(scope="module")
def picture(media: Path) -> bytes:
    """A picture."""
    return make_jpeg(media / "live.jpg", 640, 480).read_bytes()


@pytest.fixture
def project(service: Service) -> SparkClient:
    """A caller in a project of its own, so that nobody else makes events there."""
    name = f"live-{time.monotonic_ns()}"
    service.quick_command("projects", "create", name)
    return service.client("--project", name)


def names(told: list[Told]) -> list[str]:
    """What was told."""
    return [one.name for one in told]


def ingested(client: SparkClient, shelf: Shelf, content: bytes, group: str | None = None) -> str:
    """An active asset's ID."""
    return client.create_asset(group or client.create_group(), shelf.put(f"/{time.monotonic_ns()}.jpg", content))


@pytest.mark.parametrize("path", [TASKS, "/v1/tasks"])
def test_a_task_is_told_step_by_step_and_in_the_end_whole(client: SparkClient, group: str, shelf: Shelf, picture: bytes, path: str) -> None:
    task_id = client.submit_asset(group, shelf.behave(f"/live{path}.jpg", slowly(picture, 2.5, parts=50)))
    with Stream(client, f"{path}/{task_id}/events") as stream:
        assert stream.answer.status == 200
        assert stream.answer.headers["content-type"] == "text/event-stream"
        assert stream.answer.headers["cache-control"] == "no-store"
        assert stream.answer.headers["x-accel-buffering"] == "no"
        *steps, last = list(stream)
    assert last.name == "completed"
    assert last.data == client.call("GET", f"{path}/{task_id}").json()
    assert set(names(steps)) == {"progress"}
    assert all(earlier.data != later.data for earlier, later in pairwise(steps)), "told only when it changed"
    stages = [STAGES.index(step.data["stage"]) for step in steps]
    assert stages == sorted(stages)
    received = [step.data["bytes"] for step in steps]
    assert received == sorted(received)
    assert len({count for count in received if 0 < count < len(picture)}) >= 3
    assert all(0 <= step.data["progress"] < 1 for step in steps)


def test_an_ended_task_is_told_at_once_and_a_failed_one_with_its_error(client: SparkClient, group: str, shelf: Shelf, media: Path) -> None:
    small = make_jpeg(media / "small-live.jpg", 100, 100).read_bytes()
    task_id = client.submit_asset(group, shelf.put("/small-live.jpg", small))
    ended = client.ended(task_id)
    with Stream(client, f"{TASKS}/{task_id}/events") as stream:
        (only,) = list(stream)
    assert (only.name, only.data) == ("failed", ended)
    assert only.data["error"]["code"] == "InvalidParameter.WidthTooSmall"


def test_the_stream_of_an_unknown_task_or_with_another_method_is_refused(client: SparkClient) -> None:
    for path in (TASKS, "/v1/tasks"):
        answer = client.request("GET", f"{path}/d5k1e9g6n88s73f0a1bg/events")
        assert (answer.status, answer.code) == (404, "NotFound.task_id")
        assert client.request("POST", f"{path}/d5k1e9g6n88s73f0a1bg/events").status == 405
    assert client.request("GET", "/v1/events", headers={"Authorization": ""}).status == 401
    assert client.request("GET", "/v1/events?project=nowhere").code == "NotFound.ProjectName"
    assert client.request("GET", "/v1/events?after=yesterday").code == "InvalidParameter.after"
    head = client.request("HEAD", "/v1/events")
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")


def test_a_project_is_told_what_happens_from_now_on(project: SparkClient, shelf: Shelf, picture: bytes) -> None:
    before = ingested(project, shelf, picture)
    with Stream(project, "/v1/events") as stream:
        assert stream.next().name == "ready"
        group = project.create_group()
        asset = ingested(project, shelf, picture, group)
        completed, active = stream.until("asset.active")
        shown = project.get_v1_asset(asset)
        assert completed.data["data"] == {
            "project_id": active.data["data"]["project_id"],
            "asset_id": asset,
            "task_id": shown["task_id"],
            "status": "completed",
        }
        assert active.data["data"] == {
            **{name: completed.data["data"][name] for name in ("project_id", "asset_id", "task_id")},
            "type": "Image",
            "sha256": shown["sha256"],
            "size": len(picture),
        }
        assert (active.data["type"], active.data["id"]) == ("asset.active", active.id)
        assert active.data["timestamp"] == shown["updated_at"]
        assert project.call("DELETE", f"/v1/groups/{group}").status == 204
        deleted, last = stream.until("group.deleted")
        assert deleted.data["data"] == {"project_id": completed.data["data"]["project_id"], "asset_id": asset, "group_id": group}
        assert last.data["data"] == {"project_id": completed.data["data"]["project_id"], "group_id": group}
        assert before not in json.dumps([one.data for one in (completed, active, deleted, last)])


def test_who_comes_back_goes_on_where_they_were(project: SparkClient, shelf: Shelf, picture: bytes) -> None:
    with Stream(project, "/v1/events") as stream:
        ready = stream.next()
    asset = ingested(project, shelf, picture)
    assert project.call("DELETE", f"/v1/assets/{asset}").status == 204
    with Stream(project, "/v1/events", {"Last-Event-ID": str(ready.id)}) as stream:
        first, *rest = stream.until("asset.deleted")
        assert (first.name, names(rest)) == ("ready", ["task.completed", "asset.active", "asset.deleted"])
    with Stream(project, f"/v1/events?after={rest[0].id}") as stream:
        assert stream.until("asset.deleted")[1:] == rest[1:]
    with Stream(project, "/v1/events?after=0-0") as stream:
        assert stream.until("asset.deleted")[1:] == rest


def test_a_position_that_is_not_on_record_is_told_by_a_reset(project: SparkClient, shelf: Shelf, picture: bytes) -> None:
    asset = ingested(project, shelf, picture)
    with Stream(project, "/v1/events?after=999999999999999999-1") as stream:
        assert stream.next().name == "reset"
        project.call("DELETE", f"/v1/assets/{asset}")
        assert stream.next().name == "asset.deleted"


def test_a_stream_ends_for_a_key_that_was_revoked_before_anything_more_is_told(service: Service, shelf: Shelf, picture: bytes) -> None:
    name = f"revoked-{time.monotonic_ns()}"
    service.quick_command("projects", "create", name)
    key = service.make_key("--project", name)
    listener, writer = SparkClient(service.base_url, key["key"]), service.client("--project", name, "--scope", "assets:write")
    with Stream(listener, "/v1/events") as stream:
        assert stream.next().name == "ready"
        assert service.in_process("keys", "revoke", key["id"]).exit_code == 0
        while listener.request("GET", "/v1/tasks").status != 401:
            time.sleep(0.05)
        task_id = writer.submit_asset(writer.create_group(), shelf.put("/revoked.jpg", picture))
        writer.completed(task_id)
        assert list(stream) == []


def test_streams_end_in_good_order_when_the_server_drains(make_service: MakeService) -> None:
    with make_service() as service:
        client = service.client()
        with Stream(client, "/v1/events") as stream:
            ready = stream.next()
            service.server.stop()
            assert list(stream) == []
        assert service.server.exit_code == 0
        service.server.start()
        with Stream(client, "/v1/events", {"Last-Event-ID": str(ready.id)}) as stream:
            assert stream.next().name == "ready"


def test_what_is_erased_leaves_nothing_but_its_deletion(project: SparkClient, service: Service, shelf: Shelf, picture: bytes) -> None:
    asset = ingested(project, shelf, picture)
    shown = project.get_v1_asset(asset)
    name = shown["project"]
    admin = service.client("--scope", "admin")
    assert admin.call("POST", "/v1/erasures", {"asset_ids": [asset]}).status == 200
    with Stream(admin, f"/v1/events?after=0-0&project={name}") as stream:
        found = stream.until("asset.deleted")
    assert names(found) == ["ready", "asset.deleted"]
    assert shown["sha256"] not in json.dumps([one.data for one in found])
