"""Commands that work on the home's own database, whether a server runs on it or not."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from spark_assets.observability import configure_logging
from spark_assets.ports.unit_of_work import Database, Repositories, UnitOfWork
from spark_assets.queue.paused import PausedQueue
from spark_assets.runtime.databases import open_database, prepare_database
from spark_assets.runtime.home import make_home
from spark_assets.settings import Settings, load_settings

Result = TypeVar("Result")


def prepared_settings(home: Path | None, prepare: Callable[[Settings], None] = prepare_database) -> Settings:
    """The effective settings, with a home that exists and a database that was prepared."""
    settings = load_settings(home=home)
    configure_logging(settings.log_level, settings.log_format)
    make_home(settings)
    prepare(settings)
    return settings


def in_transaction(home: Path | None, work: Callable[[UnitOfWork], Awaitable[Result]]) -> Result:
    """Run one unit of work on the database that the settings name, and commit it."""

    async def run(database: Database) -> Result:
        async with database.begin() as uow:
            result = await work(uow)
            await uow.commit()
            return result

    return asyncio.run(with_database(prepared_settings(home), run))


def reading(home: Path | None, work: Callable[[Repositories], Awaitable[Result]]) -> Result:
    """What single reads find on the database that the settings name."""

    async def run(database: Database) -> Result:
        async with database.read() as repositories:
            return await work(repositories)

    return asyncio.run(with_database(prepared_settings(home), run))


async def with_database(settings: Settings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    """What work on the database that the settings name comes to."""
    database = open_database(settings, PausedQueue())
    try:
        return await work(database)
    finally:
        await database.close()
