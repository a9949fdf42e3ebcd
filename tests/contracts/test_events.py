"""What happened, on either engine: recorded, told in order, and nothing passed over."""

import asyncio
from typing import Final

import pytest

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.event import BEGINNING, Event, EventType, Position
from spark_assets.operations import events, tasks, trash
from spark_assets.ports.unit_of_work import Database
from tests.factories import records
from tests.factories.databases import create_postgres_database, drop_postgres_database, open_postgres
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND
from tests.factories.servers import PostgresServer

MANY: Final = 1203


def event(number: int = 0, **changes: object) -> Event:
    """One that tells its number."""
    values: dict[str, object] = {"type": EventType.ASSET_ACTIVE, "project_id": DEFAULT_PROJECT_ID, "created_at": NOW}
    return Event(**{**values, "asset_id": f"asset-{number}", "facts": {"size": number}, **changes})  # type: ignore[arg-type]


async def told(database: Database, position: Position = BEGINNING, project_id: str = DEFAULT_PROJECT_ID) -> list[Event]:
    """What a reader finds behind a position, nothing of it held back."""
    async with database.read() as repositories:
        part = await repositories.events.after(project_id, position, 5000)
    assert not part.is_held_back
    return part.events


async def recorded(database: Database, *found: Event) -> list[Event]:
    """The same with their positions, committed."""
    async with database.begin() as uow:
        added = await uow.events.add(found)
        await uow.commit()
    return added


async def test_events_are_told_as_they_were_recorded_and_in_that_order(database: Database) -> None:
    full = event(1, type=EventType.TASK_FAILED, group_id="group-1", task_id="task-1", facts={"error": {"code": "X", "message": "ü"}})
    bare = event(2, type=EventType.GROUP_DELETED, asset_id=None, facts={})
    first = await recorded(database, full, bare)
    second = await recorded(database, event(3))
    assert await told(database) == first + second
    positions = [found.position or BEGINNING for found in first + second]
    assert positions == sorted(set(positions))
    assert await told(database, first[0].position or BEGINNING) == [first[1], *second]
    assert await told(database, second[-1].position or BEGINNING) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, MANY])
async def test_however_many_are_recorded_at_once_each_has_its_own_place_in_order(database: Database, count: int) -> None:
    added = await recorded(database, *(event(number) for number in range(count)))
    assert [found.facts["size"] for found in added] == list(range(count))
    assert await told(database) == added
    async with database.read() as repositories:
        part = await repositories.events.after(DEFAULT_PROJECT_ID, BEGINNING, 2)
    assert part.events == added[:2]


async def test_what_is_not_committed_is_not_told(database: Database) -> None:
    async with database.begin() as uow:
        await uow.events.add([event(1)])
    assert await told(database) == []


async def test_a_project_is_told_of_its_own_events_alone(database: Database) -> None:
    async with database.begin() as uow:
        other = records.project()
        await uow.projects.add(other)
        await uow.commit()
    first, second = await recorded(database, event(1), event(2, project_id=other.id))
    assert await told(database) == [first]
    assert await told(database, project_id=other.id) == [second]
    assert first.position is not None
    assert second.position is not None
    async with database.read() as repositories:
        assert await repositories.events.newest(DEFAULT_PROJECT_ID) == first.position
        assert await repositories.events.newest("project-none") == BEGINNING
        assert await repositories.events.is_there(DEFAULT_PROJECT_ID, first.position)
        assert not await repositories.events.is_there(DEFAULT_PROJECT_ID, second.position)


async def test_old_events_are_forgotten_in_steps_and_their_numbers_are_not_used_again(database: Database) -> None:
    added = await recorded(database, *(event(number, created_at=NOW + number * SECOND) for number in range(5)))
    dropped = []
    for _ in range(3):
        async with database.begin() as uow:
            dropped.append(await uow.events.drop_old(NOW + 3 * SECOND, 2))
            await uow.commit()
    assert dropped == [2, 1, 0]
    assert await told(database) == added[3:]
    async with database.begin() as uow:
        await uow.events.drop_old(NOW + 99 * SECOND, 10)
        await uow.commit()
    (later,) = await recorded(database, event(9))
    assert later.position is not None
    assert added[-1].position is not None
    assert later.position > added[-1].position


async def test_whoever_follows_a_project_is_woken_by_what_is_committed_there(database: Database) -> None:
    async with database.watch(DEFAULT_PROJECT_ID) as woken, database.watch("project-other") as other:
        await asyncio.sleep(0)
        woken.clear()
        other.clear()
        async with database.begin() as uow:
            await events.record(uow, [event(1), event(2), event(3)])
        assert not woken.is_set(), "it was not committed"
        async with database.begin() as uow:
            await events.record(uow, [event(1), event(2), event(3)])
            await uow.commit()
        await asyncio.wait_for(woken.wait(), 10)
        assert not other.is_set()


async def test_what_commits_first_waits_for_what_began_first_and_nothing_is_passed_over(postgres_server: PostgresServer) -> None:
    url = await create_postgres_database(postgres_server)
    async with open_postgres(url) as database:
        async with database.begin() as slow:
            (early,) = await slow.events.add([event(1)])
            (late,) = await recorded(database, event(2))
            async with database.read() as repositories:
                part = await repositories.events.after(DEFAULT_PROJECT_ID, BEGINNING, 10)
                assert (part.events, part.is_held_back) == ([], True)
                assert await repositories.events.newest(DEFAULT_PROJECT_ID) == BEGINNING
            (more,) = await slow.events.add([event(3)])
            await slow.commit()
        assert await told(database) == [early, more, late], "by transaction, though the last number was given in the first one"
        assert await told(database, more.position or BEGINNING) == [late]
    await drop_postgres_database(postgres_server, url)


async def test_a_reader_that_goes_on_from_part_to_part_misses_nothing_of_many_writers(postgres_server: PostgresServer) -> None:
    url = await create_postgres_database(postgres_server)
    async with open_postgres(url) as database:
        done = asyncio.Event()

        async def write(writer: int) -> None:
            for number in range(25):
                async with database.begin() as uow:
                    await uow.events.add([event(writer * 1000 + number)])
                    await asyncio.sleep(0.001 * (writer % 3))
                    await uow.events.add([event(writer * 1000 + 500 + number)])
                    await uow.commit()

        async def follow() -> list[int]:
            position, seen = BEGINNING, []
            while True:
                is_last = done.is_set()
                async with database.read() as repositories:
                    part = await repositories.events.after(DEFAULT_PROJECT_ID, position, 7)
                for found in part.events:
                    seen.append(found.facts["size"])
                    position = found.position or position
                if is_last and not part.events and not part.is_held_back:
                    return seen

        following = asyncio.create_task(follow())
        await asyncio.gather(*(write(writer) for writer in range(6)))
        done.set()
        seen = await asyncio.wait_for(following, 60)
        expected = {writer * 1000 + half + number for writer in range(6) for half in (0, 500) for number in range(25)}
        assert len(seen) == len(expected)
        assert set(seen) == expected
    await drop_postgres_database(postgres_server, url)


async def test_a_failed_ingestion_is_told_of_task_and_asset_with_the_code_of_each(database: Database) -> None:
    async with database.begin() as uow:
        asset, task = await records.add_asset(uow)
        claim = await uow.tasks.claim(task.id)
        assert claim is not None
        assert await tasks.fail(uow, claim, IngestFailure("WidthTooSmall", "too narrow", "why"), NOW)
        assert not await tasks.fail(uow, claim, IngestFailure("WidthTooSmall", "again"), NOW)
        await uow.commit()
    first, second = await told(database)
    assert (first.type, second.type) == (EventType.TASK_FAILED, EventType.ASSET_FAILED)
    ids = {"project_id": DEFAULT_PROJECT_ID, "asset_id": asset.id, "task_id": task.id}
    error = {"message": "too narrow", "reason": "why"}
    assert first.data == {**ids, "status": "failed", "error": {"code": "InvalidParameter.WidthTooSmall", **error}}
    assert second.data == {**ids, "error": {"code": "WidthTooSmall", **error}}


async def test_a_deleted_group_is_told_after_its_assets_and_the_tasks_that_it_ends(database: Database) -> None:
    async with database.begin() as uow:
        first, task = await records.add_asset(uow)
        more = [records.asset(first.group_id) for _ in range(MANY)]
        for asset in more:
            await uow.assets.add(asset)
        assert await trash.delete_group(uow, records.call(), first.group_id, DEFAULT_PROJECT_ID)
        assert not await trash.delete_group(uow, records.call(), first.group_id, DEFAULT_PROJECT_ID)
        await trash.delete_assets(uow, [first.id], NOW)
        await uow.commit()
    found = await told(database)
    assert [one.task_id for one in found if one.type is EventType.TASK_FAILED] == [task.id]
    deleted = [one for one in found if one.type is EventType.ASSET_DELETED]
    assert sorted(str(one.asset_id) for one in deleted) == sorted([first.id, *(asset.id for asset in more)])
    assert {one.group_id for one in deleted} == {first.group_id}
    assert (found[-1].type, found[-1].data) == (EventType.GROUP_DELETED, {"project_id": DEFAULT_PROJECT_ID, "group_id": first.group_id})
    assert len(found) == 1 + len(deleted) + 1


async def test_erasure_leaves_of_an_asset_that_it_was_deleted_and_nothing_else(database: Database) -> None:
    async with database.begin() as uow:
        asset, task = await records.add_asset(uow)
        other, _ = await records.add_asset(uow)
        await uow.events.add(
            [event(type=kind, asset_id=asset.id, task_id=task.id) for kind in (EventType.TASK_FAILED, EventType.ASSET_FAILED)]
        )
        (kept,) = await uow.events.add([event(asset_id=other.id)])
        await trash.delete_assets(uow, [asset.id], NOW)
        await uow.erasure.purge(await uow.erasure.look_at([asset.id]), NOW)
        await uow.commit()
    found = await told(database)
    assert found[0] == kept
    assert [(one.type, one.asset_id) for one in found[1:]] == [(EventType.ASSET_DELETED, asset.id)]
