"""What the removal of rows for good promises, proved over both databases."""

import asyncio

import pytest
from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Asset, Failure, Variant
from spark_assets.domain.errors import Conflict, NotFound
from spark_assets.domain.listing import AssetFilter, GroupFilter, Slice
from spark_assets.domain.parameters import CREATE_GROUP, GET_ASSET, LIST_ASSETS
from spark_assets.domain.share import Share
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.operations import trash
from spark_assets.ports.erasure import Target, Traces
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND

ALL = Target(project_ids=(DEFAULT_PROJECT_ID,))


async def _share(uow: UnitOfWork, asset: Asset, number: int) -> Share:
    share = Share(
        id=f"share-{number}", project_id=asset.project_id, asset_id=asset.id, variant=Variant.ORIGINAL, token=f"t{number}", created_at=NOW
    )
    await uow.shares.add(share)
    return share


async def _activate(uow: UnitOfWork, asset: Asset, content: bytes) -> str:
    sha256 = records.sha256_of(content)
    assert await uow.blobs.reference(sha256, size=len(content), stored_at=NOW)
    assert await uow.assets.activate(asset.id, sha256=sha256, size=len(content), facts=records.PICTURE, at=NOW)
    return sha256


async def test_a_purged_asset_takes_all_that_hangs_on_it_along_and_its_task_keeps_its_outcome(uow: UnitOfWork) -> None:
    asset, task = await records.add_asset(uow, tags=("night", "rain"))
    other, other_task = await records.add_asset(uow, tags=("night",))
    sha256 = await _activate(uow, asset, b"x")
    share, kept_share = await _share(uow, asset, 1), await _share(uow, other, 2)
    claim = await uow.tasks.claim(task.id)
    assert claim is not None
    assert await uow.tasks.fail(claim, Failure("x", "y"), NOW)
    doomed = await uow.erasure.look_at([asset.id, "asset-none"])
    assert [(found.id, found.project_id, found.task_id, found.sha256, found.size) for found in doomed] == [
        (asset.id, DEFAULT_PROJECT_ID, task.id, sha256, 1)
    ]
    assert await uow.erasure.traces(doomed) == Traces(shares=1, sources=1)
    await uow.erasure.purge(doomed, NOW + SECOND)
    assert await uow.assets.get(asset.id, None) is None
    assert await uow.erasure.look_at([asset.id]) == []
    assert await uow.shares.find(share.id, None) is None
    assert await uow.shares.find(kept_share.id, None) == kept_share
    ended = await records.find_task(uow, task.id)
    assert (ended.status, ended.failure, ended.asset_id, ended.source_host) == (TaskStatus.FAILED, Failure("x", "y"), asset.id, None)
    assert await uow.erasure.traces(doomed) == Traces()
    assert (await records.find_task(uow, other_task.id)) == other_task
    assert await records.find_asset(uow, other.id) == other
    assert await uow.erasure.references([sha256]) == {}
    assert await uow.assets.pending_renditions("", 9) == []


async def test_a_purged_asset_leaves_no_promise_broken(uow: UnitOfWork) -> None:
    asset, task = await records.add_asset(uow)
    claim = await uow.tasks.claim(task.id)
    assert claim is not None
    assert await uow.tasks.fail(claim, Failure("InternalError", "y"), NOW)
    await uow.erasure.purge(await uow.erasure.look_at([asset.id]), NOW)
    assert not any((await uow.verification.broken()).values())


async def test_what_a_target_means(uow: UnitOfWork) -> None:
    first, _ = await records.add_asset(uow, tags=("night",))
    second, _ = await records.add_asset(uow)
    film = records.project()
    await uow.projects.add(film)
    foreign, _ = await records.add_asset(uow, project_id=film.id, tags=("night",))
    await uow.assets.delete([second.id], NOW)
    find = uow.erasure.find
    assert sorted(await find(ALL, 9)) == sorted([first.id, second.id])
    assert await find(ALL, 1) == [first.id]
    assert await find(Target(project_ids=(DEFAULT_PROJECT_ID,), tag="night"), 9) == [first.id]
    assert await find(Target(project_ids=(DEFAULT_PROJECT_ID,), group_id=second.group_id), 9) == [second.id]
    assert await find(Target(project_ids=(film.id,), group_id=second.group_id), 9) == []
    every = (first.id, second.id, foreign.id, "asset-none")
    assert sorted(await find(Target(project_ids=None, asset_ids=every), 9)) == sorted([first.id, second.id, foreign.id])
    assert await find(Target(project_ids=(film.id,), asset_ids=every), 9) == [foreign.id]
    both = Target(project_ids=(film.id, DEFAULT_PROJECT_ID), asset_ids=(first.id, foreign.id))
    assert sorted(await find(both, 9)) == sorted([first.id, foreign.id])


async def test_only_what_was_deleted_before_that_time_is_old_trash(uow: UnitOfWork) -> None:
    deleted = [(await records.add_asset(uow))[0] for _ in range(3)]
    await records.add_asset(uow)
    for number, asset in enumerate(deleted):
        await uow.assets.delete([asset.id], NOW + number * SECOND)
    assert [found.id for found in await uow.erasure.old_trash(NOW + 2 * SECOND, 9)] == [deleted[0].id, deleted[1].id]
    assert [found.id for found in await uow.erasure.old_trash(NOW + 9 * SECOND, 1)] == [deleted[0].id]


async def test_a_group_goes_only_from_the_trash_and_only_when_it_holds_nothing(uow: UnitOfWork) -> None:
    asset, _ = await records.add_asset(uow)
    empty, living = records.group(), records.group()
    for group in (empty, living):
        await uow.groups.add(group)
    await uow.assets.delete([asset.id], NOW)
    for group_id in (asset.group_id, empty.id):
        await uow.groups.delete(group_id, NOW)
    every = [asset.group_id, empty.id, living.id]
    assert sorted(await uow.erasure.groups_of(DEFAULT_PROJECT_ID, 9)) == sorted(every)
    assert len(await uow.erasure.groups_of(DEFAULT_PROJECT_ID, 2)) == 2
    assert await uow.erasure.old_groups(NOW, 9) == []
    assert await uow.erasure.old_groups(NOW + 1, 9) == [empty.id]
    assert await uow.erasure.purge_groups(every) == [(empty.id, DEFAULT_PROJECT_ID)]
    await uow.erasure.purge(await uow.erasure.look_at([asset.id]), NOW)
    assert await uow.erasure.purge_groups(every) == [(asset.group_id, DEFAULT_PROJECT_ID)]
    assert await uow.erasure.groups_of(DEFAULT_PROJECT_ID, 9) == [living.id]


async def test_only_results_of_the_named_models_in_the_project_are_dropped(uow: UnitOfWork) -> None:
    film = records.project()
    await uow.projects.add(film)

    async def answered(model: str, **changes: str) -> Task:
        task = records.task(model=model, status=TaskStatus.COMPLETED, completed_at=NOW, result="{}", **changes)
        await uow.tasks.add(task)
        return task

    gone = [await answered(GET_ASSET.model), await answered(LIST_ASSETS.model)]
    stays = [await answered(CREATE_GROUP.model), await answered(GET_ASSET.model, project_id=film.id)]
    models = [GET_ASSET.model, LIST_ASSETS.model]
    assert await uow.erasure.drop_readings(DEFAULT_PROJECT_ID, models, 1) == 1
    assert await uow.erasure.drop_readings(DEFAULT_PROJECT_ID, models, 9) == 1
    assert [await uow.tasks.get(task.id) for task in gone] == [None, None]
    assert [await uow.tasks.get(task.id) for task in stays] == stays


async def _commit_asset(database: Database) -> tuple[str, str]:
    async with database.begin() as uow:
        asset, _ = await records.add_asset(uow, tags=("night",))
        await uow.assets.delete([asset.id], NOW)
        await uow.commit()
    return asset.id, asset.group_id


async def test_whichever_comes_first_of_a_restore_and_a_purge_wins_whole(database: Database) -> None:
    ids = [(await _commit_asset(database))[0] for _ in range(8)]
    call = records.call(caller=records.caller(scopes=frozenset({Scope.ADMIN})))

    async def restore(asset_id: str) -> bool:
        try:
            async with database.begin() as uow:
                await trash.restore_asset(uow, call, asset_id)
                await uow.commit()
        except NotFound:
            return False
        return True

    async def empty() -> set[str]:
        async with database.begin() as uow:
            doomed = await uow.erasure.old_trash(NOW + SECOND, 3)
            await uow.erasure.purge(doomed, NOW)
            await uow.commit()
        return {found.id for found in doomed}

    *restored, first, second = await asyncio.gather(*(restore(asset_id) for asset_id in ids), empty(), empty())
    back = {asset_id for asset_id, won in zip(ids, restored, strict=True) if won}
    assert isinstance(first, set)
    assert isinstance(second, set)
    assert first & second == set()
    assert back & (first | second) == set()
    async with database.read() as repositories:
        for asset_id in ids:
            asset = await repositories.assets.get(asset_id, None)
            assert (asset is not None) == (asset_id in back)
            assert asset is None or asset.tags == ("night",)
            if asset is None and asset_id not in first | second:
                assert await repositories.assets.trashed(asset_id, None) is not None


async def test_bytes_are_either_referred_to_or_swept_however_close_the_two_come(database: Database) -> None:
    """Without a lock PostgreSQL would let both win: neither sees the other before it is committed."""
    hashes = [records.sha256_of(b"%d" % number) for number in range(12)]
    async with database.begin() as uow:
        for sha256 in hashes:
            await uow.blobs.reference(sha256, size=1, stored_at=NOW)
        assets = [(await records.add_asset(uow))[0] for _ in hashes]
        await uow.commit()

    async def refer(asset: Asset, sha256: str) -> bool:
        async with database.begin() as uow:
            if not await uow.blobs.reference(sha256, size=1, stored_at=NOW):
                return False
            await uow.assets.activate(asset.id, sha256=sha256, size=1, facts=records.PICTURE, at=NOW)
            await uow.commit()
        return True

    async def sweep(sha256: str) -> bool:
        async with database.begin() as uow:
            marked = await uow.blobs.begin_sweep(sha256, NOW)
            await uow.commit()
        return marked

    pairs = [work for asset, sha256 in zip(assets, hashes, strict=True) for work in (refer(asset, sha256), sweep(sha256))]
    outcomes = await asyncio.gather(*pairs)
    for referred, swept in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert referred != swept


async def test_bytes_being_swept_cannot_be_held(uow: UnitOfWork) -> None:
    sha256 = records.sha256_of(b"x")
    assert not await uow.blobs.hold(sha256)
    await uow.blobs.reference(sha256, size=1, stored_at=NOW)
    assert await uow.blobs.hold(sha256)
    assert await uow.blobs.begin_sweep(sha256, NOW)
    assert not await uow.blobs.hold(sha256)


async def _restore(uow: UnitOfWork, asset_id: str) -> Asset:
    return (await trash.restore_asset(uow, records.call(now=NOW + 9 * SECOND), asset_id))[0]


async def test_an_asset_comes_back_as_it_was(uow: UnitOfWork) -> None:
    asset, _ = await records.add_asset(uow, tags=("night",), external_id="shot-1", metadata={"take": 1})
    await uow.assets.delete([asset.id], NOW)
    back = await _restore(uow, asset.id)
    assert back == replace(asset, updated_at=NOW + 9 * SECOND)
    assert await records.find_asset(uow, asset.id) == back
    with pytest.raises(NotFound):
        await _restore(uow, asset.id)


async def test_an_asset_of_a_deleted_group_comes_back_with_the_group_alone(uow: UnitOfWork) -> None:
    earlier, _ = await records.add_asset(uow)
    later = records.asset(earlier.group_id)
    await uow.assets.add(later)
    await trash.delete_assets(uow, [earlier.id], NOW)
    call = records.call(now=NOW + SECOND)
    assert await trash.delete_group(uow, call, earlier.group_id, DEFAULT_PROJECT_ID)
    assert not await trash.delete_group(uow, call, earlier.group_id, DEFAULT_PROJECT_ID)
    for asset_id in (earlier.id, later.id):
        with pytest.raises(Conflict) as refused:
            await _restore(uow, asset_id)
        assert refused.value.code == "Conflict.Group"
    part = Slice()
    listed = await uow.assets.page([DEFAULT_PROJECT_ID], AssetFilter(in_trash=True), part)
    assert {asset.id for asset in listed} == {earlier.id, later.id}
    assert [group.id for group in await uow.groups.page([DEFAULT_PROJECT_ID], GroupFilter(in_trash=True), part)] == [earlier.group_id]
    await trash.restore_group(uow, records.call(), earlier.group_id)
    assert [asset.id for asset in await uow.assets.page([DEFAULT_PROJECT_ID], AssetFilter(), part)] == [later.id]
    assert (await _restore(uow, earlier.id)).id == earlier.id
    with pytest.raises(NotFound):
        await trash.restore_group(uow, records.call(), earlier.group_id)


async def test_an_asset_whose_external_id_was_taken_meanwhile_stays_in_the_trash(uow: UnitOfWork) -> None:
    first, _ = await records.add_asset(uow, external_id="shot-1")
    await uow.assets.delete([first.id], NOW)
    await records.add_asset(uow, external_id="shot-1")
    with pytest.raises(Conflict) as refused:
        await _restore(uow, first.id)
    assert refused.value.code == "Conflict.ExternalId"


async def test_nothing_comes_back_to_a_key_that_may_not_use_the_project(uow: UnitOfWork) -> None:
    asset, _ = await records.add_asset(uow)
    await uow.assets.delete([asset.id], NOW)
    call = records.call(caller=records.caller(project_ids=frozenset({"project-x"})))
    with pytest.raises(NotFound):
        await trash.restore_asset(uow, call, asset.id)
