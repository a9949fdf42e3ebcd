"""What reading and filling a whole database promises, proved over both engines, and from each to each."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import insert

from spark_assets.db.administration_tables import shares
from spark_assets.db.event_tables import events
from spark_assets.domain.event import BEGINNING, Event, EventType, Position
from spark_assets.ports.moving import Movable
from tests.factories import records
from tests.factories.databases import SEALER
from tests.factories.libraries import CONTENT, ENGINES, ORIGINAL, PREVIEW, THUMBNAIL, Whole, all_rows, fill, whole
from tests.factories.records import DEFAULT_PROJECT_ID, NOW

EVENT = Event(type=EventType.ASSET_ACTIVE, project_id=DEFAULT_PROJECT_ID, created_at=NOW, asset_id="asset-1")


@pytest.fixture(params=itertools.product(ENGINES, ENGINES), ids=" to ".join)
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Whole, Whole]]:
    """A library, and an empty one that it is moved to."""
    async with AsyncExitStack() as stack:
        source, target = [
            await stack.enter_async_context(whole(engine, tmp_path / name, lambda: request.getfixturevalue("postgres_server")))
            for engine, name in zip(request.param, ("old", "new"), strict=True)
        ]
        yield source, target


@pytest.fixture(params=ENGINES)
async def one(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Whole]:
    """An empty library on either engine."""
    async with whole(request.param, tmp_path / "one", lambda: request.getfixturevalue("postgres_server")) as opened:
        yield opened


async def move(source: Movable, target: Movable) -> None:
    async with source.snapshot() as snapshot, target.intake() as intake:
        for table in snapshot.tables:
            async for rows in snapshot.rows(table):
                await intake.add(table, rows)
        await intake.finish(await snapshot.last_event())


async def test_every_column_of_every_table_comes_along(pair: tuple[Whole, Whole]) -> None:
    source, target = pair
    await fill(source)
    assert await target.movable.is_empty()
    await move(source.movable, target.movable)
    before, after = await all_rows(source.movable), await all_rows(target.movable)
    assert all(rows for rows in before.values())
    assert after == before
    assert not await target.movable.is_empty()


async def test_new_events_follow_those_that_came_along(pair: tuple[Whole, Whole]) -> None:
    """Another database may have come further with its numbers than the new one will in years."""
    source, target = pair
    far = {"id": 70, "transaction_id": 10**12, "project_id": DEFAULT_PROJECT_ID, "type": "asset.active", "data": "{}", "created_at": NOW}
    await source.run(insert(events), far)
    await move(source.movable, target.movable)
    async with target.library.database.begin() as uow:
        [added] = await uow.events.add([EVENT])
        await uow.commit()
    async with target.library.database.read() as repositories:
        told = (await repositories.events.after(DEFAULT_PROJECT_ID, BEGINNING, 9)).events
        newest = await repositories.events.newest(DEFAULT_PROJECT_ID)
    assert [event.position for event in told] == [Position(10**12, 70), added.position]
    assert newest == added.position


async def test_a_number_that_an_event_had_before_the_move_never_comes_again(pair: tuple[Whole, Whole]) -> None:
    source, target = pair
    async with source.library.database.begin() as uow:
        added = await uow.events.add([EVENT, EVENT, EVENT])
        await uow.events.drop_old(NOW + 1, 9)
        await uow.commit()
    await move(source.movable, target.movable)
    async with target.library.database.begin() as uow:
        [later] = await uow.events.add([EVENT])
    assert added[-1].position is not None and later.position is not None
    assert later.position.number == added[-1].position.number + 1


async def test_a_snapshot_is_one_moment(one: Whole) -> None:
    async with one.movable.snapshot() as snapshot:
        async with one.library.database.begin() as uow:
            await records.add_asset(uow)
            await uow.commit()
        held = {table.name: [row async for rows in snapshot.rows(table) for row in rows] for table in snapshot.tables}
        wanted = [found async for several in snapshot.wanted() for found in several]
    assert [name for name, rows in held.items() if rows] == ["projects"]
    assert wanted == []


async def test_what_is_not_finished_is_undone(one: Whole) -> None:
    async with one.movable.snapshot() as snapshot:
        tables = {table.name: table for table in snapshot.tables}
    async with one.movable.intake() as intake:
        await intake.add(tables["projects"], [{"id": "project-x", "name": "x", "created_at": NOW}])
    assert await one.movable.is_empty()
    assert [row["id"] for row in (await all_rows(one.movable))["projects"]] == [DEFAULT_PROJECT_ID]


async def test_a_library_with_any_row_of_its_own_is_not_empty(one: Whole) -> None:
    async with one.library.database.begin() as uow:
        await uow.projects.add(records.project())
        await uow.commit()
    assert not await one.movable.is_empty()


async def test_a_snapshot_knows_which_bytes_are_wanted_and_what_they_are(one: Whole) -> None:
    await fill(one)
    async with one.movable.snapshot() as snapshot:
        wanted = [found async for several in snapshot.wanted() for found in several]
    assert [(found.name, found.size, found.media_type) for found in wanted] == [
        (ORIGINAL, len(CONTENT), "image/jpeg"),
        (THUMBNAIL, len(PREVIEW), "image/jpeg"),
    ]


async def test_a_key_is_known_by_what_it_has_sealed(one: Whole) -> None:
    await fill(one)
    [row] = (await all_rows(one.movable))["shares"]
    assert one.movable.key_of(row["token"]) == "1"
    assert one.movable.key_of(b"2:" + row["token"][2:]) is None
    assert one.movable.key_of(b"") is None
    assert SEALER.open(row["token"]) == f"{shares.name} token"
