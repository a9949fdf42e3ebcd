"""A library of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from spark_assets.db.sqlite import SqliteDatabase, SqliteUnitOfWork
from tests.factories.databases import KeptJobs, open_sqlite


@pytest.fixture
def kept() -> KeptJobs:
    """The jobs that were handed over."""
    return KeptJobs()


@pytest.fixture
async def database(tmp_path: Path, kept: KeptJobs) -> AsyncIterator[SqliteDatabase]:
    """A library without anything in it."""
    async with open_sqlite(tmp_path / "library.db", kept) as database:
        yield database


@pytest.fixture
async def uow(database: SqliteDatabase) -> AsyncIterator[SqliteUnitOfWork]:
    """A unit of work that is never committed."""
    async with database.begin() as uow:
        yield uow
