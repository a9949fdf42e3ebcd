"""Databases for tests: migrated once, then copied for each test, so that each has its own and none waits for Alembic."""

import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import asyncpg

from spark_assets.db import schema_changes
from spark_assets.db.postgres import PostgresDatabase, postgres_engine
from spark_assets.db.sealing import Sealer
from spark_assets.db.sqlite import SqliteDatabase, sqlite_engine
from spark_assets.domain.link import SigningKey
from spark_assets.ports.queue import Job, JobDispatcher
from spark_assets.queue.postgres_queue import install_schema
from tests.factories.servers import PostgresServer

SEALER: Final = Sealer((SigningKey("1", "0123456789abcdef"),))

_templates: Final[dict[str, str]] = {}


class KeptJobs:
    """A dispatcher that keeps what it is handed, in order."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def dispatch(self, jobs: Sequence[Job], connection: object | None) -> None:
        """Keep the jobs."""
        self.jobs.extend(jobs)


@cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory(prefix="sa-") as folder:
        path = Path(folder) / "library.db"
        engine = sqlite_engine(str(path))
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            schema_changes.migrate(connection)
            connection.exec_driver_sql("COMMIT")
        engine.dispose()
        return path.read_bytes()


def write_sqlite_file(path: Path) -> Path:
    """A database file with the current schema."""
    path.write_bytes(_migrated_file())
    return path


@asynccontextmanager
async def open_sqlite(
    path: Path, dispatcher: JobDispatcher | None = None, sealer: Sealer = SEALER, **options: Any
) -> AsyncIterator[SqliteDatabase]:
    """The database in the file, which is made if it is missing."""
    if not path.exists():
        write_sqlite_file(path)
    database = SqliteDatabase(sqlite_engine(str(path)), sealer, dispatcher or KeptJobs(), **options)
    try:
        yield database
    finally:
        await database.close()


async def create_postgres_database(server: PostgresServer) -> str:
    """The address of a new database with the current schema, and the queue's."""
    template = _templates.get(server.url())
    if template is None:
        template = await _migrate_template(server)
    name = f"test_{uuid.uuid4().hex}"
    await _execute(server.url(), f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return server.url(name)


async def shared_postgres_database(server: PostgresServer) -> str:
    """The address of one database with the current schema, for tests that commit nothing."""
    key = f"{server.url()} shared"
    if key not in _templates:
        _templates[key] = await create_postgres_database(server)
    return _templates[key]


async def drop_postgres_database(server: PostgresServer, url: str) -> None:
    """Remove a database, cutting off whoever is still connected."""
    await _execute(server.url(), f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')


@asynccontextmanager
async def open_postgres(url: str, dispatcher: JobDispatcher | None = None, sealer: Sealer = SEALER) -> AsyncIterator[PostgresDatabase]:
    """The database behind the address."""
    database = PostgresDatabase(postgres_engine(url), sealer, dispatcher or KeptJobs())
    try:
        yield database
    finally:
        await database.close()


async def _migrate_template(server: PostgresServer) -> str:
    url = server.create_database()
    engine = postgres_engine(url)
    async with engine.connect() as connection:
        await connection.run_sync(schema_changes.migrate)
        await connection.commit()
    await engine.dispose()
    raw = await asyncpg.connect(url)
    await install_schema(raw)
    await raw.close()
    name = url.rpartition("/")[2]
    _templates[server.url()] = name
    return name


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
