"""How SQLite's units of work share commits, and what becomes of them when one fails, a disk is full, or a lock is held."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import event

from spark_assets.db.sqlite import SqliteDatabase, sqlite_engine
from spark_assets.domain.errors import StorageFull, Unavailable
from spark_assets.ports.metrics import Measure
from spark_assets.ports.queue import Job, JobKind
from tests.factories import records
from tests.factories.databases import SEALER, KeptJobs, open_sqlite, write_sqlite_file
from tests.factories.tallies import Tally

HOLDER: Final = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


class Traced:
    """A database whose writing connection tells what it executes, and whose connections can be prepared."""

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], object] = lambda connection: None) -> None:
        self.statements: list[str] = []
        self.kept = KeptJobs()
        engine = sqlite_engine(str(write_sqlite_file(path)))

        def watch(connection: sqlite3.Connection, _record: object) -> None:
            prepare(connection)
            connection.set_trace_callback(self.statements.append)

        event.listen(engine, "connect", watch)
        self.tally = Tally()
        self.database = SqliteDatabase(engine, SEALER, self.kept, metrics=self.tally)

    @property
    def commits(self) -> int:
        """Commits that were flushed."""
        return self.statements.count("COMMIT")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.db"


@pytest.fixture
async def traced(path: Path) -> AsyncIterator[Traced]:
    traced = Traced(path)
    yield traced
    await traced.database.close()


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(path) as database:
        yield database


async def _add(database: SqliteDatabase, name: str) -> None:
    async with database.begin() as uow:
        await uow.projects.add(records.project(name))
        uow.enqueue(Job(JobKind.INGEST, name))
        await uow.commit()


def _stored(path: Path) -> set[str]:
    """What is durable, as another process reads it."""
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM projects WHERE name <> 'default'")}


@contextmanager
def _holding_the_write_lock(path: Path) -> Iterator[Callable[[], object]]:
    """Another process inside a writing transaction; call what this gives to let it end."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder.communicate
    finally:
        holder.kill()
        holder.communicate()


async def test_many_units_of_work_share_few_commits(traced: Traced, path: Path) -> None:
    await asyncio.gather(*(_add(traced.database, f"film-{number}") for number in range(200)))
    assert len(_stored(path)) == 200
    assert traced.commits <= 3
    shares = traced.tally.values[(Measure.COMMIT_UNITS,)]
    assert (sum(shares), len(shares)) == (200, traced.commits)
    assert len(traced.tally.values[(Measure.COMMITS,)]) == traced.commits


async def test_one_unit_of_work_alone_is_one_commit(traced: Traced) -> None:
    for number in range(3):
        await _add(traced.database, f"film-{number}")
    assert traced.commits == 3


async def test_a_unit_of_work_is_answered_after_its_commit_and_not_before(traced: Traced, path: Path) -> None:
    async with traced.database.begin() as uow:
        await uow.projects.add(records.project("film"))
        assert _stored(path) == set()
        await uow.commit()
        assert _stored(path) == {"film"}
    assert traced.commits == 1


async def test_units_of_work_that_undo_themselves_flush_nothing(traced: Traced) -> None:
    for number in range(5):
        async with traced.database.begin() as uow:
            await uow.projects.add(records.project(f"film-{number}"))
    assert traced.commits == 0


async def test_a_commit_that_fails_fails_every_caller_and_leaves_nothing_half_done(path: Path) -> None:
    traced = Traced(path)
    await _add(traced.database, "before")
    wal = path.with_name(f"{path.name}-wal")
    with _files_end_at(wal.stat().st_size + 4096):
        outcomes = await asyncio.gather(*(_add(traced.database, f"film-{number}") for number in range(20)), return_exceptions=True)
    assert all(isinstance(outcome, (Unavailable, StorageFull)) for outcome in outcomes), outcomes
    assert _stored(path) == {"before"}
    assert [job.subject for job in traced.kept.jobs] == ["before"]
    await _add(traced.database, "after")
    assert _stored(path) == {"before", "after"}
    await traced.database.close()


@contextmanager
def _files_end_at(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes: what a full disk does, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_database_refuses_what_does_not_fit_and_keeps_what_does(path: Path) -> None:
    def limit(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    traced = Traced(path, limit)
    added: set[str] = set()

    async def add(number: int) -> None:
        async with traced.database.begin() as uow:
            await uow.groups.add(records.group(description="long " * 800))
            await uow.projects.add(records.project(f"film-{number}"))
            await uow.commit()
            added.add(f"film-{number}")

    outcomes = await asyncio.gather(*(add(number) for number in range(60)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert refused
    assert all(isinstance(outcome, StorageFull) for outcome in refused), refused
    assert added == _stored(path)
    assert added
    async with traced.database.read() as repositories:
        assert await repositories.projects.by_name("default") is not None
    async with traced.database.begin() as uow:
        await uow.keys.touch({"key-none": records.NOW})
        await uow.commit()
    await traced.database.close()


async def test_a_write_lock_held_by_another_process_delays_and_does_not_fail(database: SqliteDatabase, path: Path) -> None:
    with _holding_the_write_lock(path) as release:
        waiting = [asyncio.create_task(_add(database, f"film-{number}")) for number in range(5)]
        done, _ = await asyncio.wait(waiting, timeout=0.1)
        assert not done
        release()
        await asyncio.gather(*waiting)
    assert len(_stored(path)) == 5


async def test_a_write_lock_that_is_never_given_back_ends_the_wait_with_unavailable(path: Path) -> None:
    async with open_sqlite(path, lock_patience=0.1) as database:
        with _holding_the_write_lock(path):
            outcomes = await asyncio.gather(*(_add(database, f"film-{number}") for number in range(5)), return_exceptions=True)
            assert all(isinstance(outcome, Unavailable) for outcome in outcomes), outcomes
        await _add(database, "after")
    assert _stored(path) == {"after"}


async def test_a_lock_that_is_held_for_long_is_waited_for_without_growing_anything(path: Path) -> None:
    """A thousand attempts or more: each must end before the next begins."""
    async with open_sqlite(path, lock_retry=0.0) as database:
        with _holding_the_write_lock(path) as release:
            waiting = asyncio.create_task(_add(database, "film"))
            for _ in range(3000):
                await asyncio.sleep(0)
            assert not waiting.done()
            release()
            await waiting
    assert _stored(path) == {"film"}


async def test_reads_are_answered_while_another_process_holds_the_write_lock(database: SqliteDatabase, path: Path) -> None:
    with _holding_the_write_lock(path):
        async with database.read() as repositories:
            assert await repositories.projects.by_name("default") is not None
        await database.check()


async def test_awaiting_something_else_inside_a_unit_of_work_is_an_error(database: SqliteDatabase) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def dawdle() -> None:
        async with database.begin() as uow:
            await uow.projects.add(records.project("slow"))
            entered.set()
            await leave.wait()
            await uow.commit()

    slow = asyncio.create_task(dawdle())
    await entered.wait()
    with pytest.raises(RuntimeError, match="awaited something other than the database"):
        await _add(database, "film")
    leave.set()
    await slow
    await _add(database, "film")


async def test_a_unit_of_work_inside_another_is_an_error_and_undoes_both(database: SqliteDatabase, path: Path) -> None:
    with pytest.raises(RuntimeError, match="another one began"):
        async with database.begin() as uow:
            await uow.projects.add(records.project("outer"))
            await _add(database, "inner")
    await _add(database, "after")
    assert _stored(path) == {"after"}


async def test_close_waits_for_the_commit_under_way(path: Path) -> None:
    async with open_sqlite(path) as database:
        under_way = asyncio.create_task(_add(database, "film"))
        await asyncio.sleep(0)
    await under_way
    assert _stored(path) == {"film"}


async def test_a_dispatcher_that_fails_does_not_take_back_what_is_durable(path: Path) -> None:
    class Broken(KeptJobs):
        async def dispatch(self, jobs: object, connection: object | None) -> None:
            raise OSError("the queue is broken")

    async with open_sqlite(path, Broken()) as database:
        async with asyncio.timeout(5):
            await _add(database, "film")
            await _add(database, "clip")
    assert _stored(path) == {"film", "clip"}


async def test_the_reading_connection_cannot_write(database: SqliteDatabase) -> None:
    async with database.read() as repositories:
        with pytest.raises(Unavailable):
            await repositories.projects.add(records.project("film"))


async def test_when_sqlite_gives_up_the_whole_transaction_all_who_shared_it_are_told(path: Path) -> None:
    """With too little memory for the changes they are written before the commit, and a disk that is full then ends it all."""
    traced = Traced(path, lambda connection: connection.execute("PRAGMA cache_size=4"))
    await _add(traced.database, "before")

    async def add_much() -> None:
        async with traced.database.begin() as uow:
            for _ in range(200):
                await uow.groups.add(records.group(description="long " * 800))
            await uow.commit()

    wal = path.with_name(f"{path.name}-wal")
    with _files_end_at(wal.stat().st_size + 40_000):
        outcomes = await asyncio.gather(_add(traced.database, "small"), add_much(), _add(traced.database, "other"), return_exceptions=True)
    assert all(isinstance(outcome, (Unavailable, StorageFull)) for outcome in outcomes[:2]), outcomes
    assert _stored(path) == {"before"} | ({"other"} if outcomes[2] is None else set())
    await _add(traced.database, "after")
    assert {job.subject for job in traced.kept.jobs} == _stored(path)
    assert {"before", "after"} <= _stored(path)
    await traced.database.close()
