"""The SDK against a running service, as a program uses it."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_assets.client import AsyncClient, Client, Conflict, NotFound, TaskFailed, WaitTimedOut
from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.media import make_jpeg, make_video
from tests.factories.spark_processes import Service


@pytest.fixture
def sdk(service: Service) -> Iterator[Client]:
    with Client(service.base_url, service.make_key()["key"]) as client:
        yield client


def test_an_asset_comes_by_url_by_path_and_by_file(sdk: Client, shelf: Shelf, media: Path) -> None:
    picture = make_jpeg(media / "sdk.jpg", 500, 400)
    group = sdk.groups.create("hero", description="the one")
    told: list[tuple[int, int]] = []
    by_url = sdk.assets.create(group_id=group.id, url=shelf.put("/sdk.jpg", picture), wait=True)
    by_path = sdk.assets.create(group_id=group.id, path=picture, wait=True, on_progress=lambda sent, of: told.append((sent, of)))
    with picture.open("rb") as file:
        by_file = sdk.assets.create(group_id=group.id, file=file, name="third", tags=["a", "b"], metadata={"take": 1}, wait=True)
    assert {asset.sha256 for asset in (by_url, by_path, by_file)} == {hashlib.sha256(picture.read_bytes()).hexdigest()}
    assert (by_path.name, by_file.name, by_file.tags, by_file.metadata) == ("sdk.jpg", "third", ("a", "b"), {"take": 1})
    assert told[-1] == (picture.stat().st_size, picture.stat().st_size)
    assert {asset.id for asset in sdk.assets.list(group_id=[group.id])} == {by_url.id, by_path.id, by_file.id}
    assert {asset.id for asset in sdk.assets.list(ids=[by_url.id, by_file.id, "asset-none"])} == {by_url.id, by_file.id}


def test_an_asset_is_changed_moved_trashed_restored_and_downloaded(sdk: Client, media: Path, tmp_path: Path) -> None:
    picture = make_jpeg(media / "changed.jpg", 520, 400)
    first, second = sdk.groups.create("first"), sdk.groups.create("second")
    asset = sdk.assets.create(group_id=first.id, path=picture, tags=["x"], wait=True)
    changed = sdk.assets.update(asset.id, name="new", tags=None)
    assert (changed.name, changed.tags) == ("new", ())
    assert sdk.assets.move(asset.id, second.id).group_id == second.id
    sdk.assets.delete(asset.id)
    assert [found.id for found in sdk.assets.list(group_id=[second.id], deleted=True)] == [asset.id]
    sdk.assets.restore(asset.id)
    sdk.assets.download(asset.id, tmp_path / "back.jpg")
    assert (tmp_path / "back.jpg").read_bytes() == picture.read_bytes()
    assert [result.status for result in sdk.assets.bulk("tag", [asset.id, "asset-unknown"], tags=["y"])] == ["done", "failed"]


def test_a_task_is_watched_cancelled_and_tried_again(sdk: Client, shelf: Shelf, media: Path) -> None:
    picture = make_jpeg(media / "watched.jpg", 530, 400)
    group = sdk.groups.create("watched")
    task = sdk.assets.create(group_id=group.id, url=shelf.origin.url("/not-there.jpg"))
    with pytest.raises(TaskFailed) as failed:
        task.wait()
    assert task.error is not None
    assert failed.value.code == task.error.code
    again = task.retry(shelf.put("/there-now.jpg", picture))
    assert {progress.stage for progress in again.events()} <= {"queued", "fetching", "inspecting", "storing"}
    assert (again.status, again.asset().status, again.body.retry_of) == ("completed", "Active", task.id)
    with pytest.raises(Conflict):
        again.cancel()
    assert task.id in {found.id for found in sdk.tasks.list(status=["failed"])}


def test_waiting_ends_when_the_time_is_up_and_the_task_goes_on(sdk: Client, shelf: Shelf, media: Path) -> None:

    content = make_jpeg(media / "slow.jpg", 540, 400).read_bytes()
    group = sdk.groups.create("slow")
    task = sdk.assets.create(group_id=group.id, url=shelf.behave("/slow.jpg", slowly(content, 3.0)))
    with pytest.raises(WaitTimedOut) as late:
        task.wait(1)
    assert (late.value.task.id, task.wait(60).status) == (task.id, "completed")


def test_many_come_at_once_and_one_that_fails_stops_none(sdk: Client, media: Path) -> None:
    pictures = [make_jpeg(media / f"many-{number}.jpg", 400 + number, 400) for number in range(5)]
    group = sdk.groups.create("many")
    sources = [{"group_id": group.id, "path": path, "wait": True} for path in [*pictures, media / "no-such-file.jpg"]]
    outcomes = {str(source["path"]): outcome for source, outcome in sdk.assets.create_many(sources, at_once=3)}
    assert isinstance(outcomes.pop(str(media / "no-such-file.jpg")), FileNotFoundError)
    assert {outcome.status for outcome in outcomes.values()} == {"Active"}


def test_events_tell_what_happened_and_go_on_behind_the_last(sdk: Client, media: Path) -> None:
    group = sdk.groups.create("told")
    sdk.assets.create(group_id=group.id, path=make_jpeg(media / "told.jpg", 550, 400), wait=True)
    first = next(sdk.events.listen(after="0-0"))
    second = next(sdk.events.listen(after=first.id))
    assert first.id != second.id


def test_keys_webhooks_and_usage_are_in_reach(service: Service) -> None:
    with Client(service.base_url, service.make_key("--scope", "admin")["key"]) as admin:
        made = admin.keys.create("robot", scopes=["assets:read"])
        rotated = admin.keys.rotate(made.id, grace_seconds=60)
        assert rotated.key != made.key
        admin.keys.revoke(rotated.id)
        assert rotated.id in {key.id for key in admin.keys.list()}
        webhook = admin.webhooks.create("http://127.0.0.1:9/hook", events=["asset.active"])
        assert admin.webhooks.update(webhook.id, enabled=False).enabled is False
        admin.webhooks.update(webhook.id, enabled=True)
        assert admin.webhooks.replay(webhook.id, "2099-01-01T00:00:00Z") == 0
        admin.webhooks.delete(webhook.id)
        assert admin.usage.get(by=["project"]).currency == "USD"
        pair = admin.access_keys.create("pair", expires_at="2099-12-31T23:59:59Z")
        renewed = admin.access_keys.rotate(pair.id, grace_seconds=60)
        assert (renewed.name, renewed.expires_at, renewed.id == pair.id) == ("pair", pair.expires_at, False)
        admin.access_keys.revoke(renewed.id)
        assert admin.access_keys.get(renewed.id).revoked_at is not None
        found = {key.id: key for key in admin.access_keys.list()}[pair.id]
        assert (found.revoked_at, found.hint, found.expires_at == pair.expires_at) == (None, f"{pair.secret[:4]}…", False)


def test_the_gateway_mode_speaks_the_three_documented_models(service: Service, shelf: Shelf, media: Path) -> None:
    picture = make_jpeg(media / "gateway.jpg", 560, 400)
    with Client(service.base_url, service.make_key()["key"], gateway=True) as client:
        group = client.groups.create("hosted")
        asset = client.assets.create(group_id=group.id, url=shelf.put("/gateway.jpg", picture), name="hosted", wait=True)
        assert (client.assets.get(asset.id).status, asset.type, asset.width) == ("Active", "Image", 560)


def test_the_client_that_awaits_does_the_same(service: Service, media: Path) -> None:
    video = make_video(media / "awaited.mp4")

    async def use() -> str:
        async with AsyncClient(service.base_url, service.make_key()["key"]) as client:
            group = await client.groups.create("awaited")
            asset = await client.assets.create(group_id=group.id, path=video, wait=True)
            found = [one.id async for one in client.assets.list(group_id=[group.id])]
            with pytest.raises(NotFound):
                await client.assets.get("asset-unknown")
            assert found == [asset.id]
            return asset.type

    assert asyncio.run(use()) == "Video"


def test_an_upload_goes_on_after_the_server_was_killed(make_service: MakeService, media: Path) -> None:
    video = make_video(media / "killed.mp4", seconds=4)
    with make_service() as service, Client(service.base_url, service.make_key()["key"], attempts=12) as client:
        group = client.groups.create("killed")
        kills: list[int] = []

        def kill_once(sent: int, _of: int) -> None:
            if sent and not kills:
                kills.append(sent)
                service.server.kill()
                service.server.start()

        asset = client.assets.create(group_id=group.id, path=video, wait=True, on_progress=kill_once)
    assert (len(kills), asset.sha256) == (1, hashlib.sha256(video.read_bytes()).hexdigest())
