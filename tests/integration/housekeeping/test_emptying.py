"""What the trash loses when its time is over, and how long the audit trail is kept."""

import os

import pytest

from spark_assets.domain import blob_names
from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.errors import NotFound
from spark_assets.domain.retention import Retention
from spark_assets.operations import trash
from spark_assets.operations.audit import record
from spark_assets.operations.housekeeping import GRACE, GROUP_STEP, STEP, drop_old_rows, empty_trash, sweep_blobs
from tests.factories import records
from tests.factories.erasures import SHA256, audited, broken_promises, delete, group_of, make_asset, stored_size
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND
from tests.factories.workshop import Workshop

KEPT = Retention()


async def test_the_trash_is_emptied_of_what_was_deleted_before_its_time_and_of_nothing_else(workshop: Workshop) -> None:
    old, fresh, living = [(await make_asset(workshop))[1] for _ in range(3)]
    await delete(workshop, old, at=NOW)
    await delete(workshop, fresh, at=NOW + 5 * SECOND)
    assert await empty_trash(workshop.database, NOW, NOW + 9 * SECOND) == 0
    assert await empty_trash(workshop.database, NOW + SECOND, NOW + 9 * SECOND) == 1
    async with workshop.database.read() as repositories:
        assert await repositories.assets.trashed(old, None) is None
        assert await repositories.assets.trashed(fresh, None) is not None
        assert await repositories.assets.get(living, None) is not None
    assert await audited(workshop, "trash.emptied") == [{"actor": "housekeeping", "subject": None, "asset_ids": [old], "count": 1}]
    async with workshop.database.begin() as uow:
        with pytest.raises(NotFound):
            await trash.restore_asset(uow, records.call(), old)
    assert await broken_promises(workshop) == []


async def test_an_emptied_group_goes_with_its_last_asset(workshop: Workshop) -> None:
    _, asset_id = await make_asset(workshop)
    group_id = await group_of(workshop, asset_id)
    async with workshop.database.begin() as uow:
        await trash.delete_group(uow, records.call(), group_id, DEFAULT_PROJECT_ID)
        await uow.commit()
    await empty_trash(workshop.database, NOW + SECOND, NOW + SECOND)
    async with workshop.database.read() as repositories:
        assert await repositories.groups.find(group_id, None, in_trash=True) is None
    assert {"actor": "housekeeping", "subject": None, "group_ids": [group_id], "count": 1} in await audited(workshop, "trash.emptied")


async def test_the_trail_names_every_asset_that_goes_into_the_trash_with_its_group_and_comes_back_with_it(workshop: Workshop) -> None:
    async with workshop.database.begin() as uow:
        first, _ = await records.add_asset(uow)
        asset_ids = [first.id]
        for _ in range(STEP):
            asset = records.asset(first.group_id, status=AssetStatus.FAILED)
            await uow.assets.add(asset)
            asset_ids.append(asset.id)
        await trash.delete_group(uow, records.call(), first.group_id, DEFAULT_PROJECT_ID)
        await trash.restore_group(uow, records.call(), first.group_id)
        await uow.commit()
    for action in ("group.deleted", "group.restored"):
        assert await audited(workshop, action) == [{"actor": "key-tests", "subject": first.group_id}]
    for action in ("assets.deleted", "assets.restored"):
        entries = await audited(workshop, action)
        assert sorted(entry["count"] for entry in entries) == [1, STEP]
        assert {(entry["actor"], entry["subject"]) for entry in entries} == {("key-tests", first.group_id)}
        assert sorted(asset_id for entry in entries for asset_id in entry["asset_ids"]) == sorted(asset_ids)


async def test_a_trash_of_more_than_a_step_is_emptied_in_several(workshop: Workshop) -> None:
    async with workshop.database.begin() as uow:
        added = [(await records.add_asset(uow))[0] for _ in range(STEP + 3)]
        await trash.delete_assets(uow, [asset.id for asset in added], NOW)
        for asset in added[: 3 * GROUP_STEP]:
            await uow.groups.delete(asset.group_id, NOW)
        await uow.commit()
    assert await empty_trash(workshop.database, NOW + SECOND, NOW + SECOND) == STEP + 3
    counts = [entry["count"] for entry in await audited(workshop, "trash.emptied")]
    assert sorted(counts, key=str) == [*[GROUP_STEP] * 3, 3, STEP]
    assert await broken_promises(workshop) == []


async def test_the_bytes_of_an_emptied_trash_go_with_the_sweep(workshop: Workshop) -> None:
    _, asset_id = await make_asset(workshop)
    await delete(workshop, asset_id)
    path = workshop.blobs.local_path(blob_names.original(SHA256))
    assert path is not None
    os.utime(path, (0, 0))
    workshop.clock.time = NOW + GRACE + SECOND
    assert await sweep_blobs(workshop.database, workshop.blobs, workshop.clock) == 0
    await empty_trash(workshop.database, NOW + SECOND, workshop.clock.time)
    assert await sweep_blobs(workshop.database, workshop.blobs, workshop.clock) == 1
    assert await stored_size(workshop, blob_names.original(SHA256)) is None
    assert await broken_promises(workshop) == []


async def test_the_audit_trail_is_kept_for_a_year(workshop: Workshop) -> None:
    async with workshop.database.begin() as uow:
        for number in range(2):
            await record(uow, actor="operator", action="key.created", now=NOW + number * SECOND, subject="key-a")
        await record(uow, actor="operator", action="key.revoked", now=NOW + 2 * SECOND, subject="key-a")
        await uow.commit()
    await drop_old_rows(workshop.database, NOW + KEPT.audit + SECOND, KEPT)
    assert len(await audited(workshop, "key.created")) == 1
    await drop_old_rows(workshop.database, NOW + KEPT.audit + 2 * SECOND, KEPT)
    assert await audited(workshop, "key.created") == []
    await drop_old_rows(workshop.database, NOW + 2 * KEPT.audit, KEPT)
    assert len(await audited(workshop, "key.revoked")) == 1  # the newest stays: the chain goes on from it
    assert await broken_promises(workshop) == []
