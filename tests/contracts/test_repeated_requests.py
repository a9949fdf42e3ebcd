"""One request sent several times at once under one key, proved over both databases: whoever is second gets the first one's answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from spark_assets.domain.errors import Conflict, SparkError
from spark_assets.domain.media import AssetType
from spark_assets.operations import assets, projects
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.web.idempotency import RepeatKey, once
from tests.factories import records
from tests.factories.records import NOW

Work = Callable[[UnitOfWork], Awaitable[bytes]]


def _key(body: str = "0") -> RepeatKey:
    return RepeatKey("key-tests", "again", body * 64)


async def _six_at_once(database: Database, work: Work) -> set[bytes]:
    return set(await asyncio.gather(*(once(database, _key(), NOW, work) for _ in range(6))))


async def _submit(uow: UnitOfWork, group_id: str, most: int | None = None) -> bytes:
    command = assets.CreateAsset(name="hero", url=records.URL, type=AssetType.IMAGE, group_id=group_id, external_id="shot-1")
    return (await assets.submit(uow, records.call(terms=records.terms(creations_in_progress=most)), command)).id.encode()


@pytest.mark.parametrize("most", [None, 1])
async def test_a_request_does_not_run_into_its_own_effect(database: Database, most: int | None) -> None:
    group = records.group()
    async with database.begin() as uow:
        await uow.groups.add(group)
        await uow.commit()
    assert len(await _six_at_once(database, lambda uow: _submit(uow, group.id, most))) == 1


async def _make_project(uow: UnitOfWork) -> bytes:
    return (await projects.create(uow, "film", NOW)).id.encode()


async def test_a_name_that_the_same_request_has_taken_is_no_conflict(database: Database) -> None:
    assert len(await _six_at_once(database, _make_project)) == 1


async def test_a_refusal_that_is_not_the_requests_own_doing_stays_one(database: Database) -> None:
    first = await once(database, _key(), NOW, _make_project)
    refused: list[SparkError] = []
    for repeat in (None, RepeatKey("key-tests", "another", "0" * 64), _key("1")):
        with pytest.raises(Conflict) as conflict:
            await once(database, repeat, NOW, _make_project)
        refused.append(conflict.value)
    assert [error.code for error in refused] == ["Conflict.ProjectName", "Conflict.ProjectName", "Conflict.IdempotencyKey"]
    assert await once(database, _key(), NOW, _make_project) == first
