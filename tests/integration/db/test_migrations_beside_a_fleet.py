"""A migration of a PostgreSQL on which others work: they wait for it for moments only, and it waits for them as long as it must."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import pytest
import structlog
from pydantic import SecretStr

from spark_assets.db import postgres, schema
from spark_assets.db.postgres import postgres_engine
from spark_assets.db.schema import OlderCodeRuns
from spark_assets.domain.errors import Unavailable
from spark_assets.runtime.assembly import open_queue
from spark_assets.runtime.postgres_migrations import HeldUp, Patience, migrate_postgres
from spark_assets.settings import Settings
from tests.factories.databases import create_postgres_database, drop_postgres_database, open_postgres
from tests.factories.servers import PostgresServer

PATIENCE = Patience(lock=0.2, first_pause=0.1, longest_pause=0.2, together=60)
BEFORE = "0007"
"""The schema before the one whose migration alters the tables of tasks and deliveries."""
INDEX = "pgqueuer_updated_id_id1_idx"


@pytest.fixture
async def url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """A database of the schema before."""
    url = postgres_server.create_database()
    assert await migrate_postgres(url, BEFORE)
    yield url
    await drop_postgres_database(postgres_server, url)


@pytest.fixture
async def other(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of somebody else's."""
    connection = await asyncpg.connect(url, server_settings={"application_name": "a report"})
    yield connection
    await connection.close()


async def version_of(url: str) -> str | None:
    return str(await ask(url, "SELECT version_num FROM alembic_version"))


async def ask(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110  # a list of log lines wakes nobody
            await asyncio.sleep(0.01)


async def test_while_a_long_read_holds_up_the_migration_others_go_through(url: str, other: asyncpg.Connection) -> None:
    reading = other.transaction()
    await reading.start()
    await other.fetchval("SELECT count(*) FROM tasks")
    with structlog.testing.capture_logs() as logged:
        migration = asyncio.create_task(migrate_postgres(url, patience=PATIENCE))
        waits: list[float] = []
        async with open_postgres(url) as database, asyncio.timeout(60):
            while sum(line["event"] == "migration_held_up" for line in logged) < 4:
                began = monotonic()
                await database.run(postgres.text("UPDATE tasks SET progress = progress"))
                waits.append(monotonic() - began)
        assert not migration.done()
        assert max(waits) < 5, "nobody waits for the reader, only for a moment of the migration's"
        assert len(waits) > 4
        assert await version_of(url) == BEFORE
        await reading.rollback()
        assert await migration
    assert await version_of(url) == schema.HEAD
    assert f"process {other.get_server_pid()} of PostgreSQL (a report) has had tasks" in logged[-1]["by"]


async def test_a_migration_that_never_gets_its_lock_says_who_has_it_and_leaves_the_tables(url: str, other: asyncpg.Connection) -> None:
    reading = other.transaction()
    await reading.start()
    await other.fetchval("SELECT count(*) FROM deliveries")
    with pytest.raises(HeldUp, match=rf"within 0.3 s.*process {other.get_server_pid()} of PostgreSQL \(a report\) has had deliveries"):
        await migrate_postgres(url, patience=PATIENCE._replace(together=0.3))
    found = await ask(url, "SELECT count(*) FROM information_schema.columns WHERE column_name = 'traceparent'")
    assert (found, await version_of(url)) == (0, BEFORE), "what it had altered before it had to wait is as it was"
    await reading.rollback()
    assert await migrate_postgres(url, patience=PATIENCE)


async def test_whoever_migrates_second_waits_longer_than_a_statement_may_take(
    url: str, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_COMMAND_TIMEOUT", 0.3)
    lock = f"SELECT pg_advisory_lock({schema.LOCK})"
    await other.execute(lock)
    with structlog.testing.capture_logs() as logged:
        migration = asyncio.create_task(migrate_postgres(url, patience=PATIENCE))
        await until(lambda: any(line["event"] == "migration_waits_for_another" for line in logged))
        engine = postgres_engine(url)
        for _ in range(3):  # so long a statement of anybody else's waits, and no longer
            with pytest.raises(TimeoutError):
                async with engine.connect() as bounded:
                    await bounded.exec_driver_sql(lock)
        await engine.dispose()
        assert not migration.done()
        await other.execute(f"SELECT pg_advisory_unlock({schema.LOCK})")
        assert await migration
    assert await version_of(url) == schema.HEAD


async def test_a_statement_of_a_migration_takes_as_long_as_it_takes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_COMMAND_TIMEOUT", 0.1)
    for is_bounded in (False, True):
        engine = postgres_engine(url, is_bounded=is_bounded)
        async with engine.connect() as connection:
            if is_bounded:
                with pytest.raises(TimeoutError):
                    await connection.exec_driver_sql("SELECT pg_sleep(0.3)")
            else:
                await connection.exec_driver_sql("SELECT pg_sleep(0.3)")
        await engine.dispose()


async def test_beside_older_code_the_queues_tables_too_are_left_as_they_are(
    url: str, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await other.execute(f"DROP INDEX {INDEX}")
    has_index = f"SELECT count(*) FROM pg_indexes WHERE indexname = '{INDEX}'"
    engine = postgres_engine(url)
    async with engine.connect():
        with monkeypatch.context() as changed:
            changed.setattr("spark_assets.db.schema_changes.FIRST_FLOOR", "9000")  # as if the next migration contracted
            with pytest.raises(OlderCodeRuns, match="nothing was changed"):
                await migrate_postgres(url, patience=PATIENCE)
        assert (await other.fetchval(has_index), await version_of(url)) == (0, BEFORE)
    await engine.dispose()
    assert await migrate_postgres(url, patience=PATIENCE)
    assert (await other.fetchval(has_index), await version_of(url)) == (1, schema.HEAD)


async def test_the_queues_tables_are_brought_up_to_date_where_ours_are_already(url: str, other: asyncpg.Connection) -> None:
    has_index = f"SELECT count(*) FROM pg_indexes WHERE indexname = '{INDEX}'"
    assert await migrate_postgres(url)
    assert not await migrate_postgres(url), "there is nothing to be done"
    await other.execute(f"DROP INDEX {INDEX}")
    await other.execute(f"UPDATE alembic_version SET version_num = '9998', floor = '{schema.HEAD}'")
    assert not await migrate_postgres(url)
    assert await other.fetchval(has_index) == 0, "newer code looks after it"
    await other.execute(f"UPDATE alembic_version SET version_num = '{schema.HEAD}'")
    assert await migrate_postgres(url)
    assert await other.fetchval(has_index) == 1


async def test_every_connection_says_which_migration_its_code_knows(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = await create_postgres_database(postgres_server)
    keys = SecretStr("1:0123456789abcdef")
    queue = open_queue(Settings(home=tmp_path, database_url=SecretStr(url), signing_keys=keys, encryption_keys=keys))
    async with open_postgres(url) as database, database.watch("task-1"):
        await database.check()
        await queue.depth()
        mine = await asyncpg.connect(url)
        rows = await mine.fetch(
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        await mine.close()
        await queue.close()
    await drop_postgres_database(postgres_server, url)
    assert [row["application_name"] for row in rows] == [schema.APPLICATION_NAME] * 3, "of the pool, of the signals, of the queue"


async def test_a_process_that_a_migration_has_left_behind_opens_no_connection_more(postgres_server: PostgresServer) -> None:
    url = await create_postgres_database(postgres_server)
    async with open_postgres(url) as database:
        await database.check()
        await database.run(postgres.text(f"UPDATE alembic_version SET version_num = '9998', floor = '{schema.HEAD}'"))
        async with database.read():  # that one is in use, so that the next is a new one
            await database.check()
        await database.run(postgres.text("UPDATE alembic_version SET floor = '9998'"))
    async with open_postgres(url) as behind:
        with pytest.raises(Unavailable, match="newer than this process"):
            await behind.check()
        ours = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '{schema.APPLICATION}%'"
        async with asyncio.timeout(30):
            while await ask(url, ours):  # noqa: ASYNC110  # what was refused is closed; the server needs a moment to see it
                await asyncio.sleep(0.01)
        await ask(url, f"WITH u AS (UPDATE alembic_version SET floor = '{schema.HEAD}' RETURNING 1) SELECT count(*) FROM u")
        await behind.check()
    await drop_postgres_database(postgres_server, url)
