from typing import Any

import pytest

from spark_assets.db.sqlite import SqliteUnitOfWork
from spark_assets.domain.api_key import DEFAULT_SCOPES, ApiKey, is_well_formed
from spark_assets.domain.asset import AssetStatus, Variant
from spark_assets.domain.errors import AuthenticationError, Conflict, IngestFailure, InvalidParameter, NotFound, Unavailable
from spark_assets.domain.parameters import CREATE_GROUP
from spark_assets.domain.task import TaskStatus
from spark_assets.operations import api_keys, delivery, keys, projects, tasks
from spark_assets.operations.api_keys import API_KEYS
from spark_assets.operations.identity import add_with_fresh_id
from spark_assets.ports.repositories import Rendition, Taken
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND


async def _key(uow: SqliteUnitOfWork, **changes: Any) -> tuple[ApiKey, str]:
    usual: dict[str, Any] = {"name": "laptop", "scopes": DEFAULT_SCOPES, "projects": [], "expires_at": None, "now": NOW}
    return await keys.create(API_KEYS, uow, **{**usual, **changes})


async def test_a_new_key_is_recognised_by_its_secret_which_is_not_stored(uow: SqliteUnitOfWork) -> None:
    key, secret = await _key(uow)
    assert is_well_formed(secret)
    assert await api_keys.authenticate(uow, secret, NOW) == key
    assert key.project_ids is None
    assert secret not in repr(await uow.keys.all())


async def test_a_key_for_some_projects_knows_them_by_id(uow: SqliteUnitOfWork) -> None:
    film = await projects.create(uow, "film", NOW)
    key, _ = await _key(uow, projects=["film", "default"])
    assert key.project_ids == frozenset({film.id, DEFAULT_PROJECT_ID})
    with pytest.raises(NotFound, match="'nowhere'"):
        await _key(uow, projects=["film", "nowhere"])


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "two\nlines", "\x1b[31mred"])
async def test_a_key_has_a_name_that_can_be_shown(uow: SqliteUnitOfWork, name: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        await _key(uow, name=name)
    assert refused.value.param == "Name"


async def test_a_key_ends_when_it_expires_or_is_revoked(uow: SqliteUnitOfWork) -> None:
    _, expiring = await _key(uow, expires_at=NOW + SECOND)
    revoked, secret = await _key(uow)
    await api_keys.authenticate(uow, expiring, NOW)
    await keys.revoke(API_KEYS, uow, revoked.id, NOW)
    for bad, now in ((expiring, NOW + SECOND), (secret, NOW), ("sk_made_up", NOW), ("", NOW)):
        with pytest.raises(AuthenticationError) as refused:
            await api_keys.authenticate(uow, bad, now)
        assert refused.value.code == "InvalidApiKey"
    for unknown in (revoked.id, "key-none"):
        with pytest.raises(NotFound):
            await keys.revoke(API_KEYS, uow, unknown, NOW)


async def test_a_project_has_a_name_of_its_own(uow: SqliteUnitOfWork) -> None:
    made = await projects.create(uow, "film", NOW)
    assert await uow.projects.by_id(made.id) == made
    for name in ("film", "default"):
        with pytest.raises(Conflict) as refused:
            await projects.create(uow, name, NOW)
        assert refused.value.code == "Conflict.ProjectName"
    with pytest.raises(InvalidParameter):
        await projects.create(uow, "no such name", NOW)


async def test_the_project_of_a_call_is_the_named_one_else_the_headers_else_the_keys_only_one_else_default(uow: SqliteUnitOfWork) -> None:
    film, clip = await projects.create(uow, "film", NOW), await projects.create(uow, "clip", NOW)
    anywhere = records.call(project="film")
    only_clip = records.call(caller=records.caller(project_ids=frozenset({clip.id})))
    assert await projects.find(uow, anywhere, "clip") == clip
    assert await projects.find(uow, anywhere, None) == film
    assert (await projects.find(uow, records.call(), None)).name == "default"
    assert (await projects.find(uow, records.call(project=""), "")).name == "default"
    assert await projects.find(uow, only_clip, None) == clip
    assert await projects.find(uow, only_clip, "clip") == clip


async def test_a_project_out_of_reach_looks_like_an_unknown_one(uow: SqliteUnitOfWork) -> None:
    film, clip = await projects.create(uow, "film", NOW), await projects.create(uow, "clip", NOW)
    limited = records.caller(project_ids=frozenset({film.id, clip.id}))
    gone = records.caller(project_ids=frozenset({"project-gone"}))
    messages = set()
    for call, name in (
        (records.call(caller=limited), "default"),
        (records.call(caller=limited), None),
        (records.call(caller=limited, project="default"), None),
        (records.call(), "nowhere"),
        (records.call(), "FILM"),
        (records.call(caller=gone), None),
    ):
        with pytest.raises(NotFound) as unknown:
            await projects.find(uow, call, name)
        messages.add((unknown.value.code, unknown.value.message))
    assert len(messages) == 1


async def test_a_task_of_another_project_looks_like_an_unknown_one(uow: SqliteUnitOfWork) -> None:
    film = await projects.create(uow, "film", NOW)
    _, task = await records.add_asset(uow, project_id=film.id)
    for reach in (None, frozenset({film.id})):
        assert await tasks.get(uow, records.caller(project_ids=reach), task.id) == task
    messages = set()
    for reach, wanted in ((frozenset({DEFAULT_PROJECT_ID}), task.id), (None, "task-none"), (frozenset(), task.id)):
        with pytest.raises(NotFound) as unknown:
            await tasks.get(uow, records.caller(project_ids=reach), wanted)
        messages.add((unknown.value.code, unknown.value.message))
    assert messages == {("NotFound.task_id", "there is no task with this ID that the API key may see")}


async def test_an_answer_is_a_completed_task_with_its_charge_in_the_ledger(uow: SqliteUnitOfWork) -> None:
    task = await tasks.answer(uow, records.call(), CREATE_GROUP.model, DEFAULT_PROJECT_ID, group_id="group-1")
    assert (task.status, task.progress, task.completed_at, task.group_id) == (TaskStatus.COMPLETED, 1.0, NOW, "group-1")
    assert await uow.tasks.get(task.id) == task
    assert set((await uow.verification.broken()).values()) == {0}


async def test_a_failure_ends_task_and_asset_together_and_only_once(uow: SqliteUnitOfWork) -> None:
    asset, task = await records.add_asset(uow)
    first, second = await tasks.claim(uow, task.id), await tasks.claim(uow, task.id)
    assert first is not None
    assert second is not None
    error = IngestFailure("WidthTooSmall", "width 240 px", "a reason")
    assert not await tasks.fail(uow, first[0], error, NOW)
    assert (await records.find_asset(uow, asset.id)).status is AssetStatus.PROCESSING
    assert await tasks.fail(uow, second[0], error, NOW)
    assert not await tasks.fail(uow, second[0], IngestFailure("Other", "later"), NOW)
    failed_task, failed_asset = await records.find_task(uow, task.id), await records.find_asset(uow, asset.id)
    assert failed_task.failure is not None
    assert failed_asset.failure is not None
    assert (failed_task.failure.code, failed_asset.failure.code) == ("InvalidParameter.WidthTooSmall", "WidthTooSmall")
    assert await tasks.claim(uow, task.id) is None


async def test_content_is_behind_a_link_only_while_the_asset_is_active(uow: SqliteUnitOfWork) -> None:
    asset, _ = await records.add_asset(uow, name="Größe")
    assert records.links().link(asset, NOW) == ""
    with pytest.raises(NotFound):
        await delivery.content(uow, asset.id, Variant.ORIGINAL)
    sha256 = records.sha256_of(b"hero")
    await uow.blobs.reference(sha256, size=4, stored_at=NOW)
    await uow.assets.activate(asset.id, sha256=sha256, size=4, facts=records.PICTURE, at=NOW)
    active = await records.find_asset(uow, asset.id)
    found = await delivery.content(uow, asset.id, Variant.ORIGINAL)
    assert (found.blob_name, found.size, found.media_type, found.file_name) == (
        f"originals/{sha256[:2]}/{sha256}", 4, "image/jpeg", "Größe.jpg"
    )  # fmt: skip
    assert records.links().link(active, NOW).startswith(f"https://media.example.com/media/{asset.id}/original.jpg?expires=")
    with pytest.raises(NotFound, match="no thumbnail, or not yet"):
        await delivery.content(uow, asset.id, Variant.THUMBNAIL)
    await uow.blobs.add_rendition(Rendition(sha256, Variant.THUMBNAIL, "renditions/x.jpg", 9, "image/jpeg"))
    assert (await delivery.content(uow, asset.id, Variant.THUMBNAIL)).file_name == "Größe (thumbnail).jpg"


async def test_an_id_that_is_taken_is_drawn_again_and_bad_luck_has_an_end() -> None:
    drawn: list[int] = []

    async def add(number: int) -> None:
        drawn.append(number)
        if number < 3:
            raise Taken("id")

    numbers = iter(range(100))
    assert await add_with_fresh_id(lambda: next(numbers), add) == 3
    assert drawn == [0, 1, 2, 3]

    async def never(number: int) -> None:
        raise Taken("id")

    with pytest.raises(Unavailable):
        await add_with_fresh_id(lambda: 1, never)


async def test_any_other_value_that_is_taken_is_not_drawn_again() -> None:
    tries = 0

    async def add(number: int) -> None:
        nonlocal tries
        tries += 1
        raise Taken("external_id")

    with pytest.raises(Taken):
        await add_with_fresh_id(lambda: 1, add)
    assert tries == 1
