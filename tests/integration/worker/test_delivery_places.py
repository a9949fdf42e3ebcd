"""The places of a worker's deliveries: few for each webhook, so that one whose receiver hangs is in nobody's way."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain.webhook import DeliveryStatus
from spark_assets.ports.clock import SystemClock
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.worker.deliverer import MOST, Deliverer
from tests.factories import records
from tests.factories.databases import open_sqlite
from tests.factories.deliveries import all_of, make_webhook, open_sender, run_once, tell
from tests.factories.receivers import Receiver


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database whose jobs are kept nowhere."""
    async with open_sqlite(tmp_path / "library.db") as opened:
        yield opened


async def test_jobs_that_find_the_places_of_their_webhook_taken_are_dropped_and_what_they_were_for_follows(database: Database) -> None:
    stalled = threading.Event()
    with Receiver(stalled, stalled) as receiver:
        webhook = await make_webhook(database, receiver.url)
        await tell(database, *(f"asset-{number}" for number in range(300)))
        first, second, *others = await all_of(database, webhook)
        async with open_sender() as sender:
            deliverer = Deliverer(database, sender, SystemClock())
            holding = [asyncio.create_task(run_once(deliverer, delivery)) for delivery in (first, second)]
            await asyncio.to_thread(receiver.wait, 2)
            assert [await run_once(deliverer, delivery) for delivery in others] == [None] * len(others)
            assert len(receiver.got) == 2
            stalled.set()
            assert await asyncio.gather(*holding) == [None, None]
    assert {found.status for found in await all_of(database, webhook)} == {DeliveryStatus.DELIVERED}


async def test_what_is_queued_while_a_place_looks_in_vain_is_seen_by_it(database: Database) -> None:
    stalled = threading.Event()
    with Receiver(stalled) as receiver:
        webhook = await make_webhook(database, receiver.url)
        await tell(database, "asset-1", "asset-2")
        first, second = await all_of(database, webhook)
        between = _Between(database)
        async with open_sender() as sender:
            deliverer = Deliverer(between, sender, SystemClock())
            holding = asyncio.create_task(run_once(deliverer, first))
            await asyncio.to_thread(receiver.wait, 1)

            async def queue_one_more() -> None:
                await tell(database, "asset-3")
                assert await run_once(deliverer, (await all_of(database, webhook))[-1]) is None

            between.after(3, queue_one_more)  # it begins the second, settles it, and looks for what is due
            assert await run_once(deliverer, second) is None
            assert [found.told["data"]["asset_id"] for found in receiver.got] == ["asset-1", "asset-2", "asset-3"]
            stalled.set()
            await holding


class _Between:
    """A database of which something else happens as soon as the n-th unit of work from now on is over."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._left = 0

    def after(self, units: int, happen: Callable[[], Awaitable[None]]) -> None:
        """Let it happen then, once."""
        self._left, self._happen = units, happen

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work."""
        async with self._database.begin() as uow:
            yield uow
        self._left -= 1
        if self._left == 0:
            await self._happen()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def test_of_receivers_that_hang_only_so_many_take_room_and_others_come_back_a_hundred_a_second(database: Database) -> None:
    stalled, held = threading.Event(), []
    async with database.begin() as uow:
        other = records.project("other")
        await uow.projects.add(other)
        await uow.commit()
    with Receiver(*[stalled] * MOST) as receiver:
        for project in (None, "other"):
            hanging = [await make_webhook(database, receiver.url, project) for _ in range(MOST // 4)]
            await tell(database, "asset-1", "asset-2", project_id=hanging[0].project_id)
            held += [delivery for webhook in hanging for delivery in await all_of(database, webhook)]
        async with open_sender() as sender:
            deliverer = Deliverer(database, sender, SystemClock())
            holding = [asyncio.create_task(run_once(deliverer, delivery)) for delivery in held]
            await asyncio.to_thread(receiver.wait, MOST)
            elsewhere = [replace(held[0], webhook_id=f"webhook-{number % 7}") for number in range(9000)]
            began = time.monotonic()
            delays = [delay.total_seconds() for delivery in elsewhere if (delay := await run_once(deliverer, delivery)) is not None]
            span = time.monotonic() - began + 30.0
            stalled.set()
            await asyncio.gather(*holding)
    assert 0.5 <= min(delays) <= max(delays) <= 30.0
    assert 2900 <= len(delays) <= 100 * span + 1, "of too many, the rows are enough"
