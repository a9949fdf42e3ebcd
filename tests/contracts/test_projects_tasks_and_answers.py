"""What the repositories promise of projects, of lists of tasks and of answers that may be repeated, proved over both databases."""

import asyncio

import pytest

from spark_assets.domain.listing import Position, Slice, SortOrder, TaskFilter
from spark_assets.domain.project import Project
from spark_assets.domain.task import TaskStatus
from spark_assets.ports.administration import GivenAnswer
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND

ANSWER = GivenAnswer("0" * 64, b'{"id": "\xc3\xbc"}')


async def _add_projects(uow: UnitOfWork, count: int) -> list[Project]:
    made = [records.project(f"film-{number}", created_at=NOW + number // 2) for number in range(count)]
    for project in made:
        await uow.projects.add(project)
    return made


async def test_projects_are_listed_part_by_part_within_a_reach(uow: UnitOfWork) -> None:
    made = await _add_projects(uow, 7)
    reach = [project.id for project in made[:5]]
    expected = sorted(made[:5], key=lambda project: (project.created_at, project.id))
    part = Slice(order=SortOrder.ASCENDING, limit=2)
    first = await uow.projects.page(reach, part)
    after = Position((first[-1].created_at,), first[-1].id)
    rest = await uow.projects.page(reach, Slice(order=SortOrder.ASCENDING, limit=9, after=after))
    assert first + rest == expected
    assert {project.id for project in await uow.projects.page(None, Slice(limit=100))} >= {project.id for project in made}
    assert await uow.projects.page([], Slice()) == []


async def test_a_project_takes_a_name_that_is_free(uow: UnitOfWork) -> None:
    first, second = await _add_projects(uow, 2)
    assert await uow.projects.rename(first.id, "movie")
    assert await uow.projects.by_name(first.name) is None
    with pytest.raises(Taken):
        await uow.projects.rename(second.id, "movie")
    assert await uow.projects.rename(first.id, "movie")
    assert not await uow.projects.rename("project-none", "other")


async def test_an_ended_project_is_gone_and_its_name_free(uow: UnitOfWork) -> None:
    project, _ = await _add_projects(uow, 2)
    assert await uow.projects.delete(project.id, NOW)
    assert not await uow.projects.delete(project.id, NOW)
    assert not await uow.projects.rename(project.id, "again")
    assert await uow.projects.by_id(project.id) is None
    assert await uow.projects.by_name(project.name) is None
    assert not await uow.projects.hold(project.id)
    assert await uow.projects.lock(project.id) is None
    assert project not in await uow.projects.page(None, Slice(limit=100))
    await uow.projects.add(records.project(project.name))


async def test_a_project_holds_the_groups_that_are_not_deleted(uow: UnitOfWork) -> None:
    project, _ = await _add_projects(uow, 2)
    assert not await uow.projects.has_groups(project.id)
    group = records.group(project_id=project.id)
    await uow.groups.add(group)
    assert await uow.projects.has_groups(project.id)
    await uow.groups.delete(group.id, NOW)
    assert not await uow.projects.has_groups(project.id)


async def test_who_adds_to_a_project_and_who_ends_it_wait_for_each_other(database: Database) -> None:
    async with database.begin() as uow:
        (project,) = await _add_projects(uow, 1)
        await uow.commit()

    async def add() -> bool:
        async with database.begin() as uow:
            if not await uow.projects.hold(project.id):
                return False
            await uow.groups.add(records.group(project_id=project.id))
            await uow.commit()
            return True

    async def end() -> bool:
        async with database.begin() as uow:
            if await uow.projects.lock(project.id) is None or await uow.projects.has_groups(project.id):
                return False
            await uow.projects.delete(project.id, NOW)
            await uow.commit()
            return True

    results = await asyncio.gather(*(add() for _ in range(5)), end(), *(add() for _ in range(5)))
    assert results[5] is not any(results[:5] + results[6:])


async def test_the_tasks_of_a_project_are_selected_and_come_newest_first(uow: UnitOfWork) -> None:
    (other,) = await _add_projects(uow, 1)
    asset, its_task = await records.add_asset(uow)
    ended = records.task(status=TaskStatus.COMPLETED, completed_at=NOW, model="spark_asset_get", created_at=NOW + SECOND, result="{}")
    foreign = records.task(project_id=other.id)
    for task in (ended, foreign):
        await uow.tasks.add(task)

    async def found(**wanted: object) -> list[str]:
        return [task.id for task in await uow.tasks.page([DEFAULT_PROJECT_ID], TaskFilter(**wanted), Slice())]

    assert await found() == [ended.id, its_task.id]
    assert await found(statuses=(TaskStatus.IN_PROGRESS,)) == [its_task.id]
    assert await found(models=("spark_asset_get", "spark_asset_list")) == [ended.id]
    assert await found(asset_id=asset.id) == [its_task.id]
    assert await found(statuses=(TaskStatus.FAILED,)) == []
    after = Position((ended.created_at,), ended.id)
    assert [task.id for task in await uow.tasks.page([DEFAULT_PROJECT_ID], TaskFilter(), Slice(after=after))] == [its_task.id]


async def test_an_answer_is_found_by_whose_key_it_was_given_under(uow: UnitOfWork) -> None:
    await uow.idempotency_keys.add("key-1", "a", ANSWER, NOW)
    assert await uow.idempotency_keys.find("key-1", "a") == ANSWER
    assert await uow.idempotency_keys.find("key-2", "a") is None
    assert await uow.idempotency_keys.find("key-1", "A") is None
    with pytest.raises(Taken):
        await uow.idempotency_keys.add("key-1", "a", GivenAnswer("1" * 64, b"{}"), NOW)
    await uow.idempotency_keys.add("key-2", "a", ANSWER, NOW)


async def test_old_answers_are_forgotten_step_by_step(uow: UnitOfWork) -> None:
    for number in range(5):
        await uow.idempotency_keys.add("key-1", str(number), ANSWER, NOW + number)
    assert await uow.idempotency_keys.drop_old(NOW + 3, 2) == 2
    assert await uow.idempotency_keys.drop_old(NOW + 3, 2) == 1
    assert [number for number in range(5) if await uow.idempotency_keys.find("key-1", str(number))] == [3, 4]


async def test_of_two_that_answer_under_one_key_at_once_one_is_first(database: Database) -> None:
    async def answer(text: bytes) -> bytes | None:
        async with database.begin() as uow:
            try:
                await uow.idempotency_keys.add("key-1", "a", GivenAnswer("0" * 64, text), NOW)
            except Taken:
                return None
            await uow.commit()
            return text

    given = [text for text in await asyncio.gather(*(answer(b"%d" % number) for number in range(8))) if text is not None]
    async with database.read() as repositories:
        assert given == [(await repositories.idempotency_keys.find("key-1", "a") or ANSWER).answer]


async def test_a_name_with_a_nul_is_unknown_and_the_transaction_goes_on(uow: UnitOfWork) -> None:
    assert await uow.projects.by_id("a\0b") is None
    assert await uow.projects.by_name("a\0b") is None
    assert await uow.projects.by_name("default") is not None
