"""What cancelling and trying again promise, proved over both databases."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Asset, AssetStatus, Failure
from spark_assets.domain.audit import AuditFilter
from spark_assets.domain.errors import AccessDenied, Conflict, NotFound, SparkError
from spark_assets.domain.media import AssetType
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.operations import control, tasks, trash
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.records import NOW, SECOND, URL

FAILURE = Failure("DownloadFailed", "the source answered with HTTP status 403", "http_status")
NEW_URL = "https://example.com/hero.jpg?token=fresh"


async def _failed(uow: UnitOfWork, **changes: Any) -> tuple[Asset, Task]:
    asset, task = await records.add_asset(uow, **changes)
    assert await uow.tasks.end_for_assets([asset.id], FAILURE, NOW) == [(task.id, asset.id)]
    await uow.assets.fail(asset.id, FAILURE, NOW)
    return asset, task


async def _refusal(uow: UnitOfWork, work: Any) -> str:
    with pytest.raises(SparkError) as refused:
        await work
    return refused.value.code


async def _actions(uow: UnitOfWork) -> list[tuple[str, str | None]]:
    await uow.settle()
    return [(entry.action, entry.subject) for entry in await uow.audit.after(AuditFilter(), 0, 100)]


async def test_a_creation_in_progress_is_cancelled_with_its_asset(uow: UnitOfWork) -> None:
    asset, task = await records.add_asset(uow)
    claim = await uow.tasks.claim(task.id)
    assert claim is not None
    ended, _ = await control.cancel(uow, records.call(now=NOW + SECOND), task.id)
    assert (ended.status, ended.completed_at, ended.failure) == (TaskStatus.FAILED, NOW + SECOND, control.CANCELLED)
    found = await records.find_asset(uow, asset.id)
    assert (found.status, found.failure) == (AssetStatus.FAILED, control.CANCELLED)
    assert not await uow.tasks.advance(claim, ended.stage, 0.5, 1)
    assert await tasks.claim(uow, task.id) is None
    assert await _actions(uow) == [("task.cancelled", task.id)]
    assert set((await uow.verification.broken()).values()) == {0}


async def test_what_has_ended_cannot_be_cancelled(uow: UnitOfWork) -> None:
    _, failed = await _failed(uow)
    reading = records.task(model="spark_asset_get", status=TaskStatus.COMPLETED, completed_at=NOW, result="{}")
    await uow.tasks.add(reading)
    for task_id in (failed.id, reading.id):
        assert await _refusal(uow, control.cancel(uow, records.call(), task_id)) == "Conflict.Status"
    assert await _actions(uow) == []


async def test_a_retry_takes_over_all_that_was_said_of_the_failed_asset(uow: UnitOfWork) -> None:
    said = {"name": "wolf", "type": AssetType.VIDEO, "tags": ("b", "a"), "external_id": "shot-1", "metadata": {"take": 2}}
    asset, task = await _failed(uow, **said)
    fresh, _ = await control.retry(uow, records.call(request_id="request-2", now=NOW + SECOND), task.id)
    assert fresh.asset_id is not None
    assert fresh.asset_id != asset.id
    assert (fresh.retry_of, fresh.status, fresh.request_id) == (task.id, TaskStatus.IN_PROGRESS, "request-2")
    assert (await records.find_task(uow, fresh.id)).retry_of == task.id
    found = await records.find_asset(uow, fresh.asset_id)
    assert {name: getattr(found, name) for name in said} == said
    assert (found.group_id, found.moderation, found.task_id) == (asset.group_id, asset.moderation, fresh.id)
    old = await records.find_asset(uow, asset.id)
    assert (old.status, old.failure, old.tags, old.external_id) == (AssetStatus.FAILED, FAILURE, ("b", "a"), None)
    claim = await uow.tasks.claim(fresh.id)
    assert claim is not None
    assert claim.url == URL
    assert await _actions(uow) == [("task.retried", task.id)]


async def test_the_source_moves_on_to_the_retry_and_another_retry_needs_an_address(uow: UnitOfWork) -> None:
    _, task = await _failed(uow)
    await control.retry(uow, records.call(), task.id)
    assert await _refusal(uow, control.retry(uow, records.call(), task.id)) == "Conflict.Source"
    again, _ = await control.retry(uow, records.call(), task.id, NEW_URL)
    claim = await uow.tasks.claim(again.id)
    assert claim is not None
    assert claim.url == NEW_URL


async def test_a_source_that_is_no_longer_kept_must_be_sent_again(uow: UnitOfWork) -> None:
    _, task = await _failed(uow)
    assert await uow.tasks.drop_sources(NOW + SECOND, 9) == 1
    with pytest.raises(Conflict) as refused:
        await control.retry(uow, records.call(), task.id)
    assert (refused.value.code, refused.value.message) == (
        "Conflict.Source",
        "the source address is no longer kept; send it again as url",
    )
    assert (await control.retry(uow, records.call(), task.id, NEW_URL))[0].retry_of == task.id


async def test_only_a_failed_creation_whose_asset_and_group_are_there_is_tried_again(uow: UnitOfWork) -> None:
    _, running = await records.add_asset(uow)
    deleted, of_deleted = await _failed(uow)
    await trash.delete_assets(uow, [deleted.id], NOW)
    orphan, of_orphan = await _failed(uow)
    await uow.groups.delete(orphan.group_id, NOW)
    call = records.call()
    assert await _refusal(uow, control.retry(uow, call, running.id)) == "Conflict.Status"
    assert await _refusal(uow, control.retry(uow, call, of_deleted.id)) == "NotFound.asset_id"
    assert await _refusal(uow, control.retry(uow, call, of_orphan.id)) == "NotFound.group_id"


async def test_a_cancelled_creation_is_tried_again(uow: UnitOfWork) -> None:
    _, task = await records.add_asset(uow)
    await control.cancel(uow, records.call(), task.id)
    assert (await control.retry(uow, records.call(), task.id))[0].retry_of == task.id


async def test_a_task_beyond_the_keys_reach_is_unknown_and_reading_is_not_enough(uow: UnitOfWork) -> None:
    _, task = await records.add_asset(uow)
    stranger = records.call(caller=records.caller(project_ids=frozenset({"project-x"})))
    reader = records.call(caller=records.caller(scopes=frozenset({Scope.ASSETS_READ})))
    for work in (control.cancel, control.retry):
        for task_id in (task.id, "d5k1e9g6n88s73f0a1bg"):
            with pytest.raises(NotFound) as refused:
                await work(uow, stranger, task_id)
            assert refused.value.code == "NotFound.task_id"
        with pytest.raises(AccessDenied):
            await work(uow, reader, task.id)


async def test_of_cancelling_and_ending_at_once_one_wins_and_the_other_is_told(database: Database) -> None:
    async with database.begin() as uow:
        made = [await records.add_asset(uow) for _ in range(10)]
        await uow.commit()

    async def cancel(task_id: str) -> bool:
        async with database.begin() as uow:
            try:
                await control.cancel(uow, records.call(), task_id)
            except Conflict:
                return False
            await uow.commit()
            return True

    won = await asyncio.gather(*(cancel(task.id) for _, task in made for _ in range(3)))
    assert sum(won) == len(made)
    async with database.read() as repositories:
        assert set((await repositories.verification.broken()).values()) == {0}


async def test_of_two_retries_at_once_one_takes_the_source(database: Database) -> None:
    async with database.begin() as uow:
        _, task = await _failed(uow, external_id="shot-1")
        await uow.commit()

    async def retry() -> str:
        async with database.begin() as uow:
            try:
                fresh, _ = await control.retry(uow, records.call(), task.id)
            except Conflict as error:
                return error.code
            await uow.commit()
            return fresh.id

    results = await asyncio.gather(*(retry() for _ in range(4)))
    assert results.count("Conflict.Source") == 3


async def test_ended_tasks_of_every_kind_are_dropped_when_they_are_old_and_their_assets_stay(uow: UnitOfWork) -> None:
    asset, failed = await _failed(uow)
    others = [records.task(model="spark_asset_update", status=TaskStatus.COMPLETED, completed_at=NOW, result="{}") for _ in range(3)]
    spared = [
        records.task(model="spark_asset_update", status=TaskStatus.COMPLETED, created_at=NOW + SECOND, completed_at=NOW + SECOND),
        (await records.add_asset(uow))[1],
    ]
    for task in (*others, spared[0]):
        await uow.tasks.add(task)
    expected = sorted([failed.id, *(task.id for task in others)])
    first = await uow.tasks.drop_ended("", NOW + SECOND, 3)
    assert first == expected[:3]
    assert await uow.tasks.drop_ended(first[-1], NOW + SECOND, 3) == expected[3:]
    assert await uow.tasks.drop_ended("", NOW + SECOND, 3) == []
    assert [await uow.tasks.get(task.id) for task in spared] == spared
    assert (await records.find_asset(uow, asset.id)).task_id == failed.id
    await trash.delete_assets(uow, [asset.id], NOW)
    assert (await trash.restore_asset(uow, records.call(), asset.id))[0].task_id == failed.id
    broken = await uow.verification.broken()
    assert {promise: count for promise, count in broken.items() if count} == {
        "a completed task without a line in the ledger": 1  # of the one that this test made without
    }


async def test_the_callback_moves_on_to_the_retry(uow: UnitOfWork) -> None:
    holder = records.group()
    await uow.groups.add(holder)
    task = records.task()
    asset = records.asset(holder.id, task_id=task.id)
    await uow.assets.add(asset)
    await uow.tasks.add(replace(task, asset_id=asset.id), URL, "https://example.com/told?token=secret")
    await uow.tasks.end_for_assets([asset.id], FAILURE, NOW)
    await uow.assets.fail(asset.id, FAILURE, NOW)
    kept = await uow.deliveries.callbacks_of([task.id])
    fresh, _ = await control.retry(uow, records.call(), task.id)
    assert list(kept) == [task.id]
    assert await uow.deliveries.callbacks_of([fresh.id]) == {fresh.id: kept[task.id]}
    assert await uow.deliveries.callbacks_of([task.id]) == {}, "an address that may be a credential is kept where it is needed alone"
