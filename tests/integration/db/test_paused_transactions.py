"""A process that stops inside a transaction, or whose machine is gone, must not keep others from its rows for ever."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from spark_assets.db.postgres import PostgresDatabase, postgres_engine
from spark_assets.domain.errors import Unavailable
from tests.factories import records
from tests.factories.databases import SEALER, KeptJobs, create_postgres_database, drop_postgres_database, open_postgres
from tests.factories.servers import PostgresServer

PAUSE = 0.5
"""Seconds that a transaction may say nothing here."""


@pytest.fixture
async def url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    url = await create_postgres_database(postgres_server)
    yield url
    await drop_postgres_database(postgres_server, url)


async def test_a_transaction_that_pauses_too_long_is_undone_and_others_get_its_rows(url: str) -> None:
    paused = PostgresDatabase(postgres_engine(url, longest_pause=PAUSE), SEALER, KeptJobs())
    async with open_postgres(url) as database:
        async with database.begin() as uow:
            _, task = await records.add_asset(uow)
            await uow.commit()
        with pytest.raises(Unavailable):
            async with paused.begin() as late:
                assert await late.tasks.claim(task.id) is not None
                async with asyncio.timeout(20), database.begin() as uow:  # waits for the row, until the other is undone
                    claim = await uow.tasks.claim(task.id)
                    await uow.commit()
                await late.commit()
        async with database.read() as repositories:
            found = await records.find_task(repositories, task.id)
        assert claim is not None
        assert (found.attempts, found.fence) == (claim.attempts, claim.fence) == (1, 1), "what the paused one did is undone"
    await paused.check()  # and it goes on by itself
    await paused.close()
