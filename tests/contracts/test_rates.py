"""What every counter of rates promises, proved over the one in memory and over a real PostgreSQL."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import extract, func, update

from spark_assets.db.administration_tables import rates
from spark_assets.db.memory_rates import MemoryRates
from spark_assets.db.postgres_rates import PostgresRates
from spark_assets.domain.errors import Unavailable
from spark_assets.ports.rates import RateCounter, Verdict
from tests.factories.databases import create_postgres_database, drop_postgres_database, open_postgres
from tests.factories.loopback_server import free_port
from tests.factories.servers import PostgresServer

LIMIT = 30
LIST = "spark_asset_list"
PATIENCE = 10.0
"""Seconds."""


@pytest.fixture(params=["memory", "postgres"])
async def counters(request: pytest.FixtureRequest) -> AsyncIterator[list[RateCounter]]:
    """The counter as each of two processes reaches it, where there may be two."""
    if request.param == "memory":
        yield [MemoryRates()] * 2
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = await create_postgres_database(server)
    async with open_postgres(url) as one, open_postgres(url) as other:
        yield [PostgresRates(one), PostgresRates(other)]
    await drop_postgres_database(server, url)


async def test_of_many_requests_at_once_exactly_as_many_as_the_limit_allows_pass_in_a_second(counters: list[RateCounter]) -> None:
    started = time.monotonic()
    verdicts = await asyncio.gather(*(counters[number % 2].take("key-1", LIST, LIMIT) for number in range(200)))
    elapsed = time.monotonic() - started
    left = Counter(verdict.remaining for verdict in verdicts if verdict.allowed)
    seconds = left[LIMIT - 1]  # each begins with a request that leaves one less than the limit
    assert 1 <= seconds <= elapsed + 2
    assert set(left) <= set(range(LIMIT))
    assert all(left[less] <= left[more] for less, more in zip(range(LIMIT - 1), range(1, LIMIT), strict=True))
    refused = [verdict for verdict in verdicts if not verdict.allowed]
    assert set(refused) <= {Verdict(allowed=False, remaining=0, reset=1)}
    assert len(refused) + left.total() == 200
    assert refused or seconds > 200 // LIMIT
    assert not refused or left[0]


async def test_what_is_used_up_is_there_again_when_the_second_is_over(counters: list[RateCounter]) -> None:
    for _ in range(2):
        async with asyncio.timeout(PATIENCE):
            while (await counters[0].take("key-1", LIST, 1)).allowed:
                pass
            while not (verdict := await counters[1].take("key-1", LIST, 1)).allowed:
                pass
        assert (verdict.remaining, verdict.reset) == (0, 1)


async def test_each_key_and_each_operation_is_counted_by_itself(counters: list[RateCounter]) -> None:
    for number in range(20):
        assert (await counters[0].take(f"key-{number}", LIST, 1)).allowed
        assert (await counters[1].take(f"key-{number}", "spark_asset_get", 1)).allowed


@pytest.fixture
async def database_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """A database with the current schema."""
    url = await create_postgres_database(postgres_server)
    yield url
    await drop_postgres_database(postgres_server, url)


async def _take_after(url: str, ahead: int) -> Verdict:
    """What a request gets where as many as may were counted in a second so far ahead of the clock."""
    async with open_postgres(url) as database:
        counter = PostgresRates(database)
        await counter.take("key-1", LIST, LIMIT)
        moment = func.floor(extract("epoch", func.clock_timestamp())) + ahead
        await database.run(update(rates).values(requests=LIMIT, second=moment))
        return await counter.take("key-1", LIST, LIMIT)


async def test_a_request_that_waited_for_its_turn_into_the_next_second_is_counted_there(database_url: str) -> None:
    assert not (await _take_after(database_url, 30)).allowed


@pytest.mark.parametrize("ahead", [-1, -3600, 3600])
async def test_a_second_that_is_over_or_was_counted_before_the_clock_was_set_back_holds_up_nobody(database_url: str, ahead: int) -> None:
    assert await _take_after(database_url, ahead) == Verdict(allowed=True, remaining=LIMIT - 1)


async def test_a_database_that_is_away_is_told_as_unavailable() -> None:
    async with open_postgres(f"postgresql://postgres@127.0.0.1:{free_port()}/none") as database:
        with pytest.raises(Unavailable):
            await PostgresRates(database).take("key-1", LIST, LIMIT)
