"""Ingests that wait in line for their turn, over both databases."""

import asyncio
from itertools import count

import pytest

from spark_assets.domain.backlog import JOINED, Backlog, BacklogLimits, Line
from spark_assets.domain.errors import FlowLimited, Unavailable
from spark_assets.domain.media import AssetType
from spark_assets.operations import assets
from spark_assets.operations.turns import call_in_turn, count_backlog
from spark_assets.ports.lines import Ingest
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.handlers import ENOUGH
from tests.factories.records import DEFAULT_PROJECT_ID, NOW

_numbers = count()


async def _project(uow: UnitOfWork, name: str) -> str:
    project = records.project(name, id=f"project-{name}")
    await uow.projects.add(project)
    return project.id


async def _stand(uow: UnitOfWork, project_id: str, line: Line, number: int = 1) -> list[Ingest]:
    """So many further ingests in that line, in their order."""
    stood = []
    for _ in range(number):
        task = records.task(id=f"task-{next(_numbers):06}", project_id=project_id, source_host="example.com")
        await uow.tasks.add(task, records.URL, line=line)
        stood.append(Ingest(project_id, task.id, "example.com"))
    return stood


async def test_projects_with_somebody_in_line_are_found_in_order_and_no_others(uow: UnitOfWork) -> None:
    for name, line in (("b", Line.SINGLES), ("d", Line.BATCHES), ("a", Line.BATCHES), ("c", Line.NONE)):
        await _stand(uow, await _project(uow, name), line, 3)
    assert await uow.lines.projects("", 9) == ["project-a", "project-b", "project-d"]
    assert await uow.lines.projects("", 2) == ["project-a", "project-b"]
    assert await uow.lines.projects("project-b", 2) == ["project-d"]
    assert await uow.lines.projects("project-d", 2) == []


async def test_those_in_line_are_called_singles_first_and_each_once(uow: UnitOfWork) -> None:
    project_id = await _project(uow, "film")
    batch = await _stand(uow, project_id, Line.BATCHES, 3)
    singles = await _stand(uow, project_id, Line.SINGLES, 2)
    others = await _stand(uow, DEFAULT_PROJECT_ID, Line.SINGLES, 2)
    assert await uow.lines.call(project_id, 3) == [*singles, batch[0]]
    assert await uow.lines.call(project_id, 9) == batch[1:]
    assert await uow.lines.call(project_id, 9) == []
    assert await uow.lines.waiting() == 2
    assert await uow.lines.call(DEFAULT_PROJECT_ID, 2) == others


async def test_who_has_ended_stands_in_no_line(uow: UnitOfWork) -> None:
    asset, task = await records.add_asset(uow)
    (waiting,) = await _stand(uow, DEFAULT_PROJECT_ID, Line.SINGLES)
    claim = await uow.tasks.claim(waiting.task_id)
    assert claim is not None
    assert await uow.lines.unfinished() == {DEFAULT_PROJECT_ID: 2}
    await assets.delete(uow, records.call(), assets.GetAsset(id=asset.id))
    assert task.id not in {ingest.task_id for ingest in await uow.lines.called(None, 9)}
    assert await uow.lines.unfinished() == {DEFAULT_PROJECT_ID: 1}


async def test_those_that_were_called_are_paged_in_order_of_project_and_task(uow: UnitOfWork) -> None:
    film = await _project(uow, "film")
    expected = sorted([*await _stand(uow, film, Line.NONE, 3), *await _stand(uow, DEFAULT_PROJECT_ID, Line.NONE, 2)])
    await _stand(uow, film, Line.SINGLES, 2)
    assert await uow.lines.called(None, 9) == expected
    first = await uow.lines.called(None, 3)
    assert first + await uow.lines.called(first[-1], 3) == expected
    assert await uow.lines.called(expected[-1], 3) == []


async def test_what_is_not_over_is_counted_by_project_whether_it_waits_or_not(uow: UnitOfWork) -> None:
    film = await _project(uow, "film")
    await _stand(uow, film, Line.NONE, 2)
    await _stand(uow, film, Line.BATCHES, 3)
    await uow.tasks.add(records.task(created_at=NOW - 5))
    assert await uow.lines.unfinished() == {film: 5, DEFAULT_PROJECT_ID: 1}
    assert await uow.lines.waiting() == 3
    assert await uow.lines.oldest() == NOW - 5


async def test_two_that_call_at_once_call_different_ones(database: Database) -> None:
    async with database.begin() as uow:
        stood = await _stand(uow, DEFAULT_PROJECT_ID, Line.SINGLES, 60)
        await uow.commit()

    async def call() -> list[Ingest]:
        async with database.begin() as uow:
            called = await uow.lines.call(DEFAULT_PROJECT_ID, 7)
            await uow.commit()
            return called

    called = [ingest for found in await asyncio.gather(*(call() for _ in range(6))) for ingest in found]
    while more := await call():
        called += more
    assert sorted(called) == stood


async def test_projects_are_called_in_turn(database: Database) -> None:
    async with database.begin() as uow:
        film, music = await _project(uow, "film"), await _project(uow, "music")
        await _stand(uow, film, Line.SINGLES, 5)
        await _stand(uow, music, Line.SINGLES, 2)
        assert await call_in_turn(uow, {film: 4, music: 4}) == 6
        await uow.commit()
    async with database.read() as repositories:
        assert await repositories.lines.unfinished() == {film: 5, music: 2}
        assert await repositories.lines.waiting() == 1


async def _submit(database: Database, backlog: Backlog, group_id: str, *, in_batch: bool = False) -> None:
    command = assets.CreateAsset(name="hero", url=records.URL, type=AssetType.IMAGE, group_id=group_id, in_batch=in_batch)
    async with database.begin() as uow:
        await assets.submit(uow, records.call(terms=records.terms(backlog=backlog)), command)
        await uow.commit()


async def test_what_is_created_waits_in_line_once_enough_of_its_project_are_at_hand(database: Database) -> None:
    group = records.group()
    async with database.begin() as uow:
        await uow.groups.add(group)
        await uow.commit()
    backlog = Backlog(BacklogLimits(most=9, most_of_project=5, at_hand=2))
    async with database.watch(JOINED) as joined:
        joined.clear()
        for in_batch in (False, False):
            await _submit(database, backlog, group.id, in_batch=in_batch)
        assert not joined.is_set()
        for in_batch in (True, False):
            await _submit(database, backlog, group.id, in_batch=in_batch)
        await asyncio.wait_for(joined.wait(), ENOUGH)
    async with database.begin() as uow:
        at_hand = [ingest.task_id for ingest in await uow.lines.called(None, 9)]
        waiting = [ingest.task_id for ingest in await uow.lines.call(DEFAULT_PROJECT_ID, 9)]
    assert (len(at_hand), len(waiting)) == (2, 2)
    assert waiting[0] > waiting[1], "the single one passes the one of a batch"
    await _submit(database, backlog, group.id)
    with pytest.raises(FlowLimited) as refused:
        await _submit(database, backlog, group.id)
    assert (refused.value.limit, refused.value.reset) == (5, 5)
    async with database.begin() as uow:
        ended = await records.find_task(uow, at_hand[0])
        assert ended.asset_id is not None
        await assets.delete(uow, records.call(), assets.GetAsset(id=ended.asset_id))
        await uow.commit()
    await count_backlog(database, backlog)
    await _submit(database, backlog, group.id)


async def test_a_server_that_has_enough_to_do_says_so_to_every_project(database: Database) -> None:
    backlog = Backlog(BacklogLimits(most=3, most_of_project=2, at_hand=2))
    async with database.begin() as uow:
        await _stand(uow, DEFAULT_PROJECT_ID, Line.NONE)
        await _stand(uow, await _project(uow, "film"), Line.SINGLES, 2)
        await uow.commit()
    await count_backlog(database, backlog)
    for project_id, kind in (("project-film", FlowLimited), (DEFAULT_PROJECT_ID, Unavailable), ("project-new", Unavailable)):
        with pytest.raises(kind):
            backlog.expect_room(project_id)
