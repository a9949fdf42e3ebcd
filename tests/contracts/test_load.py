"""What the service has to do, as scrapes are told, over both databases."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from spark_assets.db import delivery_rows, line_rows
from spark_assets.domain.asset import Failure
from spark_assets.domain.backlog import Line
from spark_assets.domain.errors import Unavailable
from spark_assets.domain.usage import MICRO
from spark_assets.operations.load import LoadGauge
from spark_assets.ports.metrics import Load
from spark_assets.ports.unit_of_work import Database, Repositories, UnitOfWork
from spark_assets.queue.paused import PausedQueue
from tests.factories import records
from tests.factories.clocks import SetClock
from tests.factories.deliveries import make_webhook, tell
from tests.factories.records import NOW

NOTHING: Final = Load(in_line=0, called=0, oldest_task=0, jobs=0, due=0, oldest_due=0)


class CountingDatabase:
    """A database that counts how often it is read, and is away when told so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0
        self.is_away = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Repositories]:
        """Single reads. Raises Unavailable."""
        self.reads += 1
        if self.is_away:
            raise Unavailable("away")
        async with self._database.read() as repositories:
            yield repositories

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def test_nothing_to_do_is_told_as_nothing(database: Database) -> None:
    assert await LoadGauge(database, PausedQueue(), SetClock(NOW)).read() == NOTHING


async def test_what_waits_is_told_with_the_age_of_the_first(database: Database) -> None:
    async with database.begin() as uow:
        for number, (line, age) in enumerate(((Line.NONE, 90), (Line.SINGLES, 60), (Line.BATCHES, 30), (Line.BATCHES, 20))):
            await uow.tasks.add(records.task(id=f"load-{number}", created_at=NOW - age * MICRO), records.URL, line=line)
        _, ended = await records.add_asset(uow, url=None)
        claim = await uow.tasks.claim(ended.id)
        assert claim is not None
        assert await uow.tasks.fail(claim, Failure("DownloadFailed", "away"), NOW)
        await uow.commit()
    webhook = await make_webhook(database, "http://127.0.0.1:9/x")
    await tell(database, "asset-a", at=NOW - 50 * MICRO)
    await tell(database, "asset-b", at=NOW - 40 * MICRO)
    found = await LoadGauge(database, PausedQueue(), SetClock(NOW)).read()
    assert found == Load(in_line=3, called=1, oldest_task=90, jobs=0, due=2, oldest_due=50)
    assert webhook


async def test_many_scrapes_at_once_cost_one_look_and_a_database_that_is_away_is_told_as_unknown(database: Database) -> None:
    counting = CountingDatabase(database)
    gauge = LoadGauge(counting, PausedQueue(), SetClock(NOW))
    assert await asyncio.gather(*(gauge.read() for _ in range(20))) == [NOTHING] * 20
    assert counting.reads == 1
    counting.is_away = True
    assert await gauge.read() == NOTHING
    assert await LoadGauge(counting, PausedQueue(), SetClock(NOW)).read() is None


WAITING: Final = {"ix_deliveries_waiting", "ix_deliveries_of_place", "ix_deliveries_subject"}
"""Indexes of what is still to be delivered. Over a few rows one costs as much as another, and which PostgreSQL takes is chance."""


async def test_what_waits_is_counted_in_the_small_indexes_alone(uow: UnitOfWork) -> None:
    for statement, small in ((line_rows.BACKLOG, {"ix_tasks_lines"}), (delivery_rows.BACKLOG.params(by=NOW), WAITING)):
        connection: Any = uow.assets._connection  # type: ignore[attr-defined]  # the plan is no part of the port
        on_sqlite = hasattr(connection, "_driver")
        dialect = sqlite.dialect() if on_sqlite else postgresql.dialect()
        query = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        if on_sqlite:
            plan = "\n".join(row[3] for row in await connection.run(text("EXPLAIN QUERY PLAN " + query)))
        else:
            for way in ("seqscan", "bitmapscan"):
                await connection.run(text(f"SET LOCAL enable_{way} = off"))
            plan = "\n".join(row[0] for row in await connection.run(text("EXPLAIN (COSTS OFF) " + query)))
        assert set(re.findall(r"\bix_\w+", plan)) & small, plan
        assert set(re.findall(r"\b(?:ix|pk)_\w+", plan)) <= small, plan
