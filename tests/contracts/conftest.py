"""What the contract suites share: a place for received files, and a database of each kind."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories.databases import create_postgres_database, drop_postgres_database, open_postgres, open_sqlite, shared_postgres_database
from tests.factories.servers import PostgresServer


@pytest.fixture
def spool(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes bytes to a new file, as a finished download would be."""
    folder = tmp_path / "spool"
    folder.mkdir()

    def write(data: bytes) -> Path:
        path = folder / str(time.monotonic_ns())
        path.write_bytes(data)
        return path

    return write


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with the current schema, on either engine."""
    if request.param == "sqlite":
        async with open_sqlite(tmp_path / "library.db") as database:
            yield database
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = await create_postgres_database(server)
        async with open_postgres(url) as database:
            yield database
        await drop_postgres_database(server, url)


@pytest.fixture(params=["sqlite", "postgres"])
async def uow(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UnitOfWork]:
    """A unit of work that is never committed; so all of them may share one PostgreSQL database."""
    if request.param == "sqlite":
        opened: AbstractAsyncContextManager[Database] = open_sqlite(tmp_path / "library.db")
    else:
        opened = open_postgres(await shared_postgres_database(request.getfixturevalue("postgres_server")))
    async with opened as database, database.begin() as uow:
        yield uow
