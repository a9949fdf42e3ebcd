"""How many creations of a key may be in progress, proved over both databases."""

import asyncio
from collections import Counter

from spark_assets.domain.errors import FlowLimited
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.task import TaskStatus
from spark_assets.operations import assets
from spark_assets.operations.call import Call
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.records import NOW

MODEL = CREATE_ASSET.model


async def _has_room(uow: UnitOfWork, most: int, key_id: str = "key-tests") -> bool:
    return await uow.tasks.room_for(key_id, MODEL, most)


async def test_only_the_keys_own_creations_that_are_in_progress_are_counted(uow: UnitOfWork) -> None:
    for changes in ({}, {}, {"key_id": "key-other"}, {"model": "spark_asset_list"}, {"status": TaskStatus.FAILED, "completed_at": NOW}):
        await uow.tasks.add(records.task(**changes))
    assert [await _has_room(uow, most) for most in (1, 2, 3, 100)] == [False, False, True, True]
    assert [await _has_room(uow, most, "key-other") for most in (1, 2)] == [False, True]
    assert await _has_room(uow, 1, "key-new")


async def _submit(database: Database, call: Call, group_id: str) -> str:
    """Empty if the creation was accepted, else why not."""
    command = assets.CreateAsset(name="hero", url=records.URL, type=AssetType.IMAGE, group_id=group_id)
    try:
        async with database.begin() as uow:
            await assets.submit(uow, call, command)
            await uow.commit()
    except FlowLimited as refused:
        return f"{refused.code} {refused.limit} {refused.reset}"
    return ""


async def test_of_many_creations_at_once_exactly_as_many_as_may_be_in_progress_are_accepted(database: Database) -> None:
    group = records.group()
    async with database.begin() as uow:
        await uow.groups.add(group)
        await uow.commit()
    call = records.call(terms=records.terms(creations_in_progress=5))
    ends = await asyncio.gather(*(_submit(database, call, group.id) for _ in range(40)))
    assert Counter(ends) == {"": 5, "AccountFlowLimitExceeded 5 1": 35}
    other = records.call(caller=records.caller(key_id="key-other"), terms=call.terms)
    assert await _submit(database, other, group.id) == ""


async def test_a_creation_that_has_ended_makes_room_for_another(database: Database) -> None:
    async with database.begin() as uow:
        asset, _ = await records.add_asset(uow)
        assert not await _has_room(uow, 1)
        await assets.delete(uow, records.call(), assets.GetAsset(id=asset.id))
        assert await _has_room(uow, 1)
        await uow.commit()
    assert await _submit(database, records.call(terms=records.terms(creations_in_progress=1)), asset.group_id) == ""
