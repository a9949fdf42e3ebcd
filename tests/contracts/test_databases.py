"""What every database promises of its units of work, proved over SQLite and over a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest

from spark_assets.domain.errors import NotFound
from spark_assets.operations.identity import add_with_fresh_id
from spark_assets.ports.queue import Job, JobKind
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.databases import KeptJobs, create_postgres_database, drop_postgres_database, open_postgres, open_sqlite
from tests.factories.servers import PostgresServer


class Subject(msgspec.Struct):
    """A database, the jobs it handed over, and a way to look at the same data as another process would."""

    database: Database
    kept: KeptJobs
    open_again: Callable[[], AbstractAsyncContextManager[Database]]


@pytest.fixture(params=["sqlite", "postgres"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    kept = KeptJobs()
    if request.param == "sqlite":
        path = tmp_path / "library.db"
        async with open_sqlite(path, kept) as database:
            yield Subject(database, kept, lambda: open_sqlite(path))
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = await create_postgres_database(server)
        async with open_postgres(url, kept) as database:
            yield Subject(database, kept, lambda: open_postgres(url))
        await drop_postgres_database(server, url)


@pytest.fixture
def database(subject: Subject) -> Database:
    return subject.database


async def _names(database: Database) -> set[str]:
    async with database.read() as repositories:
        return {project.name for project in await repositories.projects.all()}


async def test_what_is_committed_is_seen_by_another_process(subject: Subject) -> None:
    async with subject.database.begin() as uow:
        await uow.projects.add(records.project("film"))
        await uow.commit()
    async with subject.open_again() as other:
        assert await _names(other) == {"default", "film"}


async def test_what_another_process_commits_is_seen_by_the_next_read(subject: Subject) -> None:
    async with subject.database.read() as repositories, subject.open_again() as other:
        assert await repositories.projects.by_name("film") is None
        async with other.begin() as uow:
            await uow.projects.add(records.project("film"))
            await uow.commit()
        assert await repositories.projects.by_name("film") is not None


async def test_what_is_not_committed_is_undone(database: Database) -> None:
    async with database.begin() as uow:
        await uow.projects.add(records.project("film"))
    assert await _names(database) == {"default"}


async def test_a_unit_of_work_sees_its_own_changes_before_anyone_else_does(database: Database) -> None:
    async with database.begin() as uow:
        await uow.projects.add(records.project("film"))
        assert await uow.projects.by_name("film") is not None
        assert await _names(database) == {"default"}
        await uow.commit()
    assert "film" in await _names(database)


@pytest.mark.parametrize("error", [ValueError("ours"), NotFound("group_id", "gone"), asyncio.CancelledError()], ids=repr)
async def test_an_error_inside_undoes_everything_and_leaves_as_it_is(subject: Subject, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        async with subject.database.begin() as uow:
            await uow.projects.add(records.project("film"))
            uow.enqueue(Job(JobKind.INGEST, "task-1"))
            raise error
    assert caught.value is error
    assert await _names(subject.database) == {"default"}
    assert subject.kept.jobs == []


async def test_jobs_reach_the_dispatcher_exactly_when_committed(subject: Subject) -> None:
    first, second = Job(JobKind.INGEST, "task-1"), Job(JobKind.DERIVE, "asset-1")
    async with subject.database.begin() as uow:
        uow.enqueue(first)
        uow.enqueue(second)
        assert subject.kept.jobs == []
        await uow.commit()
    assert subject.kept.jobs == [first, second]
    async with subject.database.begin() as uow:
        uow.enqueue(Job(JobKind.INGEST, "task-2"))
    assert subject.kept.jobs == [first, second]


async def test_two_hundred_units_of_work_at_once_are_all_durable(subject: Subject) -> None:
    async def work(number: int) -> None:
        async with subject.database.begin() as uow:
            _, task = await records.add_asset(uow, name=f"asset {number}")
            uow.enqueue(Job(JobKind.INGEST, task.id))
            await uow.commit()

    await asyncio.gather(*(work(number) for number in range(200)))
    async with subject.open_again() as other, other.read() as repositories:
        stored = await repositories.lines.called(None, 1000)
    assert len(stored) == 200
    assert sorted(job.subject for job in subject.kept.jobs) == [ingest.task_id for ingest in stored]


async def test_a_failing_unit_of_work_among_many_undoes_only_itself(subject: Subject) -> None:
    async def work(number: int) -> None:
        async with subject.database.begin() as uow:
            await uow.projects.add(records.project(f"film-{number}"))
            uow.enqueue(Job(JobKind.INGEST, f"task-{number}"))
            if number % 3 == 0:
                raise ValueError("ours")
            await uow.commit()

    outcomes = await asyncio.gather(*(work(number) for number in range(30)), return_exceptions=True)
    assert [isinstance(outcome, ValueError) for outcome in outcomes] == [number % 3 == 0 for number in range(30)]
    kept = {number for number in range(30) if number % 3}
    assert await _names(subject.database) == {"default"} | {f"film-{number}" for number in kept}
    assert {job.subject for job in subject.kept.jobs} == {f"task-{number}" for number in kept}


async def test_a_taken_value_does_not_spoil_the_unit_of_work(database: Database) -> None:
    async with database.begin() as uow:
        await uow.projects.add(records.project("film"))
        with pytest.raises(Taken):
            await uow.projects.add(records.project("film"))
        await uow.projects.add(records.project("clip"))
        await uow.commit()
    assert await _names(database) == {"default", "film", "clip"}


async def test_a_taken_id_is_drawn_again_inside_the_same_unit_of_work(database: Database) -> None:
    taken = records.group()
    async with database.begin() as uow:
        await uow.groups.add(taken)
        await uow.commit()
    drawn = iter([taken.id, taken.id, "group-free"])
    async with database.begin() as uow:
        added = await add_with_fresh_id(lambda: records.group(id=next(drawn)), uow.groups.add)
        await uow.commit()
    assert added.id == "group-free"
    async with database.read() as repositories:
        assert await repositories.groups.get("group-free", records.DEFAULT_PROJECT_ID) == added


async def test_of_many_who_claim_a_name_at_once_one_gets_it(database: Database) -> None:
    async def work() -> None:
        async with database.begin() as uow:
            await uow.projects.add(records.project("film"))
            await uow.commit()

    outcomes = await asyncio.gather(*(work() for _ in range(12)), return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome is None] == [None]
    assert all(isinstance(outcome, Taken) and outcome.what == "name" for outcome in outcomes if outcome is not None)


async def test_of_many_who_claim_a_task_at_once_each_gets_a_fence_of_its_own_and_only_the_last_may_end_it(database: Database) -> None:
    async with database.begin() as uow:
        _, task = await records.add_asset(uow)
        await uow.commit()

    async def claim() -> int:
        async with database.begin() as uow:
            taken = await uow.tasks.claim(task.id)
            await uow.commit()
            assert taken is not None
            return taken.fence

    assert sorted(await asyncio.gather(*(claim() for _ in range(10)))) == list(range(1, 11))


async def test_a_caller_that_gives_up_while_its_commit_is_under_way_leaves_the_database_usable(subject: Subject) -> None:
    async def work(uow_opened: asyncio.Event) -> None:
        async with subject.database.begin() as uow:
            await uow.projects.add(records.project("film"))
            uow_opened.set()
            await uow.commit()

    opened = asyncio.Event()
    impatient = asyncio.create_task(work(opened))
    await opened.wait()
    impatient.cancel()
    await asyncio.wait([impatient])
    async with subject.database.begin() as uow:
        await uow.projects.add(records.project("clip"))
        await uow.commit()
    assert "clip" in await _names(subject.database)


async def test_whoever_waits_for_a_task_is_woken_when_its_announcement_is_committed(subject: Subject) -> None:
    async with subject.database.watch("task-1") as woken:
        async with subject.database.begin() as uow:
            uow.announce("task-1")
            await uow.commit()
        async with asyncio.timeout(5):
            await woken.wait()


async def test_what_is_committed_without_waiting_is_there_after_the_next_commit(subject: Subject) -> None:
    async with subject.database.begin() as uow:
        await uow.projects.add(records.project("film"))
        uow.enqueue(Job(JobKind.INGEST, "task-1"))
        await uow.commit(wait=False)
    async with subject.database.begin() as uow:
        await uow.commit()
    assert "film" in await _names(subject.database)
    assert subject.kept.jobs == [Job(JobKind.INGEST, "task-1")]


async def test_check_proves_that_the_database_answers(database: Database) -> None:
    await database.check()


async def test_a_url_is_sealed_where_it_is_kept(subject: Subject, tmp_path: Path) -> None:
    async def add(uow: UnitOfWork) -> str:
        _, task = await records.add_asset(uow, url=records.URL)
        await uow.commit()
        return task.id

    async with subject.database.begin() as uow:
        task_id = await add(uow)
    async with subject.database.begin() as uow:
        claim = await uow.tasks.claim(task_id)
        assert claim is not None
        assert claim.url == records.URL
    for file in tmp_path.glob("library.db*"):
        assert b"token=secret" not in file.read_bytes()
