"""What the repositories promise of changed and deleted assets and groups, and of access keys, proved over both databases."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain.asset import AssetStatus, Failure
from spark_assets.domain.group import GroupType
from spark_assets.domain.media import AssetType
from spark_assets.domain.task import TaskStatus
from spark_assets.operations import assets, groups
from spark_assets.operations.assets import CreateAsset, UpdateAsset
from spark_assets.operations.groups import CreateGroup, GetGroup
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND

DELETED = Failure("Conflict.Deleted", "it was deleted")


async def test_an_asset_is_changed_in_all_that_a_client_may_change_and_nothing_else(uow: UnitOfWork) -> None:
    added, _ = await records.add_asset(uow, name="hero", tags=("a", "b"), external_id="shot-1", metadata={"take": 1})
    other, _ = await records.add_asset(uow)
    changed = replace(
        added,
        name="Größe",
        tags=("c", "b", "new"),
        external_id="shot-2",
        metadata={"take": 2},
        group_id=other.group_id,
        updated_at=NOW + SECOND,
    )
    untouched = {"status": AssetStatus.FAILED, "type": AssetType.VIDEO, "project_id": "project-x", "created_at": 1, "size": 9}
    assert await uow.assets.update(replace(changed, **untouched))
    assert await records.find_asset(uow, added.id) == changed
    assert await records.find_asset(uow, other.id) == other
    assert await uow.assets.update(replace(changed, tags=(), external_id=None, metadata=None))
    assert await records.find_asset(uow, added.id) == replace(changed, tags=(), external_id=None, metadata=None)


async def test_an_external_id_of_another_asset_is_taken_and_its_own_is_not(uow: UnitOfWork) -> None:
    first, _ = await records.add_asset(uow, external_id="shot-1")
    second, _ = await records.add_asset(uow, external_id="shot-2")
    assert await uow.assets.update(replace(first, name="again"))
    with pytest.raises(Taken) as taken:
        await uow.assets.update(replace(second, external_id="shot-1"))
    assert taken.value.what == "external_id"
    await uow.assets.delete([first.id], NOW)
    assert await uow.assets.update(replace(second, external_id="shot-1"))
    await records.add_asset(uow, external_id="shot-2")


async def test_the_external_id_of_a_deleted_asset_is_free(uow: UnitOfWork) -> None:
    first, _ = await records.add_asset(uow, external_id="shot-1")
    await uow.assets.delete([first.id], NOW)
    await records.add_asset(uow, external_id="shot-1")


async def test_a_deleted_asset_is_neither_found_nor_changed_nor_deleted_again(uow: UnitOfWork) -> None:
    asset, _ = await records.add_asset(uow)
    other, _ = await records.add_asset(uow)
    await uow.assets.delete([asset.id, "asset-none"], NOW + SECOND)
    await uow.assets.delete([asset.id], NOW + 2 * SECOND)
    await uow.assets.delete([], NOW)
    assert await uow.assets.get(asset.id, None) is None
    assert await uow.assets.get(asset.id, [DEFAULT_PROJECT_ID]) is None
    assert await uow.assets.lock(asset.id, DEFAULT_PROJECT_ID) is None
    assert not await uow.assets.update(asset)
    assert not await uow.assets.update(records.asset(other.group_id))
    assert await records.find_asset(uow, other.id) == other


async def test_a_deleted_asset_waits_for_no_rendition(uow: UnitOfWork) -> None:
    asset, _ = await records.add_asset(uow)
    sha256 = records.sha256_of(b"x")
    assert await uow.blobs.reference(sha256, size=1, stored_at=NOW)
    assert await uow.assets.activate(asset.id, sha256=sha256, size=1, facts=records.PICTURE, at=NOW)
    assert await uow.assets.pending_renditions("", 9) == [asset.id]
    await uow.assets.delete([asset.id], NOW)
    assert await uow.assets.pending_renditions("", 9) == []
    assert await uow.blobs.referenced([sha256]) == {sha256}


async def test_an_asset_and_a_group_are_locked_in_their_own_project_alone(uow: UnitOfWork) -> None:
    asset, _ = await records.add_asset(uow, tags=("night",))
    assert await uow.assets.lock(asset.id, DEFAULT_PROJECT_ID) == asset
    assert await uow.assets.lock(asset.id, "project-none") is None
    found = await uow.groups.lock(asset.group_id, DEFAULT_PROJECT_ID)
    assert found == await uow.groups.get(asset.group_id, DEFAULT_PROJECT_ID)
    assert await uow.groups.hold(asset.group_id, DEFAULT_PROJECT_ID)
    assert await uow.groups.lock(asset.group_id, "project-none") is None
    assert not await uow.groups.hold(asset.group_id, "project-none")


async def test_the_living_assets_of_a_group_are_its_own(uow: UnitOfWork) -> None:
    first, _ = await records.add_asset(uow)
    await records.add_asset(uow)
    more = [records.asset(first.group_id) for _ in range(3)]
    for asset in more:
        await uow.assets.add(asset)
    await uow.assets.delete([more[0].id], NOW)
    expected = sorted([first.id, more[1].id, more[2].id])
    assert sorted(await uow.assets.living_in_group(first.group_id, DEFAULT_PROJECT_ID)) == expected
    assert await uow.assets.living_in_group(first.group_id, "project-none") == []
    assert await uow.assets.living_in_group("group-none", DEFAULT_PROJECT_ID) == []


async def test_a_group_is_changed_and_deleted_once(uow: UnitOfWork) -> None:
    group = records.group()
    await uow.groups.add(group)
    changed = replace(group, name="Größe", description="new", updated_at=NOW + SECOND)
    assert await uow.groups.update(replace(changed, project_id="project-x", created_at=1))
    assert await uow.groups.get(group.id, DEFAULT_PROJECT_ID) == changed
    assert await uow.groups.delete(group.id, NOW + SECOND)
    assert not await uow.groups.delete(group.id, NOW + 2 * SECOND)
    assert not await uow.groups.update(changed)
    assert await uow.groups.get(group.id, DEFAULT_PROJECT_ID) is None
    assert not await uow.groups.hold(group.id, DEFAULT_PROJECT_ID)
    assert await uow.groups.lock(group.id, DEFAULT_PROJECT_ID) is None
    assert not await uow.groups.delete("group-none", NOW)


async def test_the_tasks_of_deleted_assets_end_whoever_holds_them(uow: UnitOfWork) -> None:
    waiting, first = await records.add_asset(uow)
    claimed, second = await records.add_asset(uow)
    over, third = await records.add_asset(uow)
    _, fourth = await records.add_asset(uow)
    claim, ended = await uow.tasks.claim(second.id), await uow.tasks.claim(third.id)
    assert claim is not None
    assert ended is not None
    assert await uow.tasks.fail(ended, Failure("x", "y"), NOW)
    found = await uow.tasks.end_for_assets([waiting.id, claimed.id, over.id, "asset-none"], DELETED, NOW + SECOND)
    assert sorted(found) == sorted([(first.id, waiting.id), (second.id, claimed.id)])
    for task_id in (first.id, second.id):
        task = await records.find_task(uow, task_id)
        assert (task.status, task.failure, task.completed_at) == (TaskStatus.FAILED, DELETED, NOW + SECOND)
    assert (await records.find_task(uow, third.id)).failure == Failure("x", "y")
    assert (await records.find_task(uow, fourth.id)).status is TaskStatus.IN_PROGRESS
    assert not await uow.tasks.complete(claim, charge=first.charge, received=1, uploaded_at=NOW, at=NOW)
    assert not await uow.tasks.fail(claim, Failure("late", "late"), NOW)
    assert await uow.tasks.end_for_assets([waiting.id], DELETED, NOW) == []
    assert await uow.tasks.end_for_assets([], DELETED, NOW) == []


async def _make_groups(database: Database, count: int) -> list[str]:
    async with database.begin() as uow:
        made = [(await groups.create(uow, records.call(), CreateGroup(name="cast", type=GroupType.AIGC)))[0] for _ in range(count)]
        await uow.commit()
    return [group.id for group in made]


async def _submit(database: Database, group_id: str) -> str | None:
    """A new asset's ID; None if it was refused."""
    async with database.begin() as uow:
        command = CreateAsset(name="hero", url=records.URL, type=AssetType.IMAGE, group_id=group_id)
        task = await assets.submit(uow, records.call(), command)
        await uow.commit()
    return task.asset_id


async def _delete(database: Database, group_id: str) -> None:
    async with database.begin() as uow:
        await groups.delete(uow, records.call(), GetGroup(id=group_id))
        await uow.commit()


async def _update(database: Database, asset_id: str, **changes: Any) -> None:
    async with database.begin() as uow:
        await assets.update(uow, records.call(), UpdateAsset(id=asset_id, **changes))
        await uow.commit()


async def test_a_group_deleted_while_assets_are_added_keeps_none_of_them(database: Database) -> None:
    for group_id in await _make_groups(database, 5):
        adding = [_submit(database, group_id) for _ in range(6)]
        outcomes = await asyncio.gather(*adding[:3], _delete(database, group_id), *adding[3:], return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert all(getattr(error, "code", "") == "NotFound.group_id" for error in refused), outcomes
        async with database.read() as repositories:
            assert await repositories.assets.living_in_group(group_id, DEFAULT_PROJECT_ID) == []
            for asset_id in outcomes:
                assert not isinstance(asset_id, str) or await repositories.assets.get(asset_id, None) is None


async def test_an_asset_moved_while_a_group_is_deleted_is_wholly_in_one_or_gone(database: Database) -> None:
    target, *sources = await _make_groups(database, 6)
    for source in sources:
        moved = await _submit(database, source)
        assert moved is not None
        outcomes = await asyncio.gather(_update(database, moved, group_id=target), _delete(database, source), return_exceptions=True)
        async with database.read() as repositories:
            found = await repositories.assets.get(moved, None)
        if isinstance(outcomes[0], Exception):
            assert getattr(outcomes[0], "code", "") == "NotFound.asset_id"
            assert found is None
        else:
            assert found is not None
            assert (found.group_id, found.status) == (target, AssetStatus.PROCESSING)


async def test_changes_to_different_fields_at_once_are_all_kept(database: Database) -> None:
    (group_id,) = await _make_groups(database, 1)
    asset_id = await _submit(database, group_id)
    assert asset_id is not None
    changes: list[dict[str, Any]] = [{"name": "new"}, {"tags": ("a", "b")}, {"external_id": "shot-1"}, {"metadata": {"take": 2}}]
    await asyncio.gather(*(_update(database, asset_id, **change) for change in changes))
    async with database.read() as repositories:
        found = await records.find_asset(repositories, asset_id)
    assert (found.name, found.tags, found.external_id, found.metadata) == ("new", ("a", "b"), "shot-1", {"take": 2})


async def test_of_many_who_take_an_external_id_at_once_one_gets_it(database: Database) -> None:
    (group_id,) = await _make_groups(database, 1)
    made = [await _submit(database, group_id) for _ in range(6)]
    taking = [_update(database, str(asset_id), external_id="shot-1") for asset_id in made]
    outcomes = await asyncio.gather(*taking, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert {getattr(outcome, "code", None) for outcome in outcomes} == {None, "Conflict.ExternalId"}
