"""Deliveries to real receivers: what they answer, how long they take, and whom that concerns."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from spark_assets.domain.api_key import Scope
from spark_assets.domain.event import Event, EventType
from spark_assets.domain.listing import Slice, SortBy, SortOrder
from spark_assets.domain.webhook import Delivery, DeliveryStatus, Webhook
from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.outbound import HttpOutbound
from spark_assets.fetching.webhook_sender import WebhookSender
from spark_assets.operations import events, webhooks
from spark_assets.ports.clock import SystemClock
from spark_assets.ports.queue import Job, JobKind, RetryJob
from spark_assets.ports.unit_of_work import Database
from spark_assets.queue.pgqueuer_queue import MemoryQueue
from spark_assets.worker.deliverer import MOST, Deliverer
from tests.factories import records
from tests.factories.clocks import SetClock
from tests.factories.databases import open_sqlite
from tests.factories.receivers import Receiver
from tests.factories.records import DEFAULT_PROJECT_ID, SECOND

KEEPER = records.call(caller=records.caller(scopes=frozenset({Scope.PROJECT_ADMIN})))
OLDEST_FIRST = Slice(sort_by=SortBy.CREATE_TIME, order=SortOrder.ASCENDING, limit=1000)


@asynccontextmanager
async def _sender(allow: str = "127.0.0.0/8", timeout: float = 20.0) -> AsyncIterator[WebhookSender]:
    outbound = HttpOutbound(AddressGuard(parse_allow_list(allow), frozenset({80, 443})), user_agent="tests")
    try:
        yield WebhookSender(outbound, timeout=timeout)
    finally:
        await outbound.close()


async def _webhook(database: Database, url: str) -> Webhook:
    async with database.begin() as uow:
        made, _ = await webhooks.create(uow, KEEPER, webhooks.CreateWebhook(url=url))
        await uow.commit()
    return made


async def _tell(database: Database, *asset_ids: str, kind: EventType = EventType.ASSET_ACTIVE, at: int | None = None) -> None:
    at = at or SystemClock().now()
    async with database.begin() as uow:
        await events.record(uow, [Event(type=kind, project_id=DEFAULT_PROJECT_ID, created_at=at, asset_id=found) for found in asset_ids])
        await uow.commit()


async def _all(database: Database, webhook: Webhook) -> list[Delivery]:
    async with database.read() as repositories:
        return await repositories.deliveries.page(webhook.id, None, OLDEST_FIRST)


async def _deliver(deliverer: Deliverer, delivery: Delivery) -> timedelta | None:
    """Run its job once; the delay after which it is to come again."""
    try:
        await deliverer.deliver(Job(JobKind.DELIVER, delivery.id, delivery.webhook_id))
    except RetryJob as retry:
        return retry.delay
    return None


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database whose jobs are kept nowhere."""
    async with open_sqlite(tmp_path / "library.db") as opened:
        yield opened


async def test_a_receiver_that_fails_redirects_and_stalls_gets_the_message_in_the_end_under_one_id(database: Database) -> None:
    stalled = threading.Event()
    clock = SetClock(SystemClock().now() - 240 * SECOND)  # the verifier accepts what was signed within five minutes
    with Receiver((503, {"retry-after": "40"}), (302, {"location": "http://127.0.0.1:1/"}), stalled) as receiver:
        webhook = await _webhook(database, f"{receiver.url}?token=secret")
        await _tell(database, "asset-1", at=clock.now())
        (delivery,) = await _all(database, webhook)
        failures, delays = [], []
        async with _sender(timeout=1.0) as sender:
            deliverer = Deliverer(database, sender, clock)
            for _ in range(4):
                delays.append(await _deliver(deliverer, delivery))
                (found,) = await _all(database, webhook)
                failures.append(found.failure)
                clock.time = max(clock.time, found.due_at)
        stalled.set()
        got = receiver.wait(4)
        for message in got:
            assert message.verify(webhook.secrets[0].key)["data"] == {"project_id": DEFAULT_PROJECT_ID, "asset_id": "asset-1"}
            assert message.path == "/hook?token=secret"
        assert {message.id for message in got} == {delivery.message_id}
    (ended,) = await _all(database, webhook)
    assert (ended.status, ended.attempts, ended.answer_status) == (DeliveryStatus.DELIVERED, 4, 204)
    assert failures == [
        "it answered 503, where a status from 200 to 299 was expected",
        "it answered 302, and redirects are not followed: give the address that it leads to",
        "it did not answer within 1 s",
        None,
    ]
    first, second, third, last = delays
    assert first == timedelta(seconds=40)
    assert second is not None
    assert 24 <= second.total_seconds() <= 36
    assert (third, last) == (None, None)  # two minutes are longer than the queue keeps a job: the row remembers


async def test_an_address_that_is_not_allowed_gets_nothing_and_is_not_shown(database: Database) -> None:
    with Receiver() as receiver:
        webhook = await _webhook(database, receiver.url)
        await _tell(database, "asset-1")
        (delivery,) = await _all(database, webhook)
        async with _sender(allow="") as sender:
            assert await _deliver(Deliverer(database, sender, SystemClock()), delivery) is not None
        assert receiver.got == []
    (failed,) = await _all(database, webhook)
    assert failed.failure == "its address or port is not one that this server may post to"


async def test_what_waited_for_an_older_message_follows_at_once(database: Database) -> None:
    clock = SetClock(SystemClock().now())
    with Receiver(500) as receiver:
        webhook = await _webhook(database, receiver.url)
        for kind in (EventType.TASK_COMPLETED, EventType.ASSET_ACTIVE, EventType.ASSET_DELETED):
            await _tell(database, "asset-1", kind=kind, at=clock.now())
        completed, active, deleted = await _all(database, webhook)
        async with _sender() as sender:
            deliverer = Deliverer(database, sender, clock)
            for delivery in (completed, active, deleted):
                assert await _deliver(deliverer, delivery) is not None
            assert len(receiver.got) == 1
            clock.time = (await _all(database, webhook))[0].due_at
            assert await _deliver(deliverer, completed) is None
        assert [found.told["type"] for found in receiver.got] == ["task.completed", "task.completed", "asset.active", "asset.deleted"]


async def test_one_job_goes_on_with_all_that_is_due_for_its_webhook_and_a_failure_ends_that(database: Database) -> None:
    with Receiver(204, 204, 500) as receiver:
        webhook = await _webhook(database, receiver.url)
        await _tell(database, *(f"asset-{number}" for number in range(9)))
        async with _sender() as sender:
            deliverer = Deliverer(database, sender, SystemClock())
            first, *_ = await _all(database, webhook)
            assert await _deliver(deliverer, first) is None
            assert len(receiver.got) == 3
            *_, last = await _all(database, webhook)
            assert await _deliver(deliverer, last) is None
            assert len(receiver.got) == 9
    assert sorted(found.status.value for found in await _all(database, webhook)) == [*["delivered"] * 8, "waiting"]


async def test_slow_receivers_delay_themselves_and_nobody_else(tmp_path: Path) -> None:
    queue, stalled = MemoryQueue(), threading.Event()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_sqlite(tmp_path / "library.db", queue))
        slow = [stack.enter_context(Receiver(*[stalled] * 50)) for _ in range(3)]
        quick = stack.enter_context(Receiver())
        for receiver in (*slow, quick):
            await _webhook(database, receiver.url)
        stack.callback(stalled.set)
        deliverer = Deliverer(database, await stack.enter_async_context(_sender()), SystemClock())
        running = asyncio.create_task(queue.run(deliverer.deliver, concurrency=4, beside=MOST))
        asset_ids = [f"asset-{number}" for number in range(40)]
        await _tell(database, *asset_ids)
        got = await asyncio.to_thread(quick.wait, len(asset_ids), 30.0)
        assert {found.told["data"]["asset_id"] for found in got} == set(asset_ids)
        assert all(len(receiver.got) <= 2 for receiver in slow)
        stalled.set()
        queue.stop()
        await running


async def test_a_message_can_be_sent_again_by_a_worker_that_did_not_record_how_the_first_one_went(database: Database) -> None:
    stalled = threading.Event()
    with Receiver(stalled) as receiver:
        webhook = await _webhook(database, receiver.url)
        await _tell(database, "asset-1")
        (delivery,) = await _all(database, webhook)
        async with _sender() as sender:
            first = asyncio.create_task(_deliver(Deliverer(database, sender, SystemClock()), delivery))
            await asyncio.to_thread(receiver.wait, 1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            stalled.set()
            await _deliver(Deliverer(database, sender, SystemClock()), delivery)
        assert len({found.id for found in receiver.wait(2)}) == 1
