"""Deliveries to real receivers: what they answer, how long they take, and whom that concerns."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from spark_assets.domain.event import EventType
from spark_assets.domain.webhook import DeliveryStatus
from spark_assets.ports.clock import SystemClock
from spark_assets.ports.outbound import Reply
from spark_assets.ports.unit_of_work import Database
from spark_assets.ports.webhooks import Message
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.worker.deliverer import MOST, Deliverer
from tests.factories.clocks import SetClock
from tests.factories.databases import open_sqlite
from tests.factories.deliveries import all_of, make_webhook, open_sender, run_once, tell
from tests.factories.receivers import NoSender, Receiver
from tests.factories.records import DEFAULT_PROJECT_ID, SECOND


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database whose jobs are kept nowhere."""
    async with open_sqlite(tmp_path / "library.db") as opened:
        yield opened


async def test_a_receiver_that_fails_redirects_and_stalls_gets_the_message_in_the_end_under_one_id(database: Database) -> None:
    stalled = threading.Event()
    clock = SetClock(SystemClock().now() - 240 * SECOND)  # the verifier accepts what was signed within five minutes
    with Receiver((503, {"retry-after": "40"}), (302, {"location": "http://127.0.0.1:1/"}), stalled) as receiver:
        webhook = await make_webhook(database, f"{receiver.url}?token=secret")
        await tell(database, "asset-1", at=clock.now())
        (delivery,) = await all_of(database, webhook)
        failures, delays = [], []
        async with open_sender(timeout=1.0) as sender:
            deliverer = Deliverer(database, sender, clock)
            for _ in range(4):
                delays.append(await run_once(deliverer, delivery))
                (found,) = await all_of(database, webhook)
                failures.append(found.failure)
                clock.time = max(clock.time, found.due_at)
        stalled.set()
        got = receiver.wait(4)
        for message in got:
            assert message.verify(webhook.secrets[0].key)["data"] == {"project_id": DEFAULT_PROJECT_ID, "asset_id": "asset-1"}
            assert message.path == "/hook?token=secret"
        assert {message.id for message in got} == {delivery.message_id}
    (ended,) = await all_of(database, webhook)
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
        webhook = await make_webhook(database, receiver.url)
        await tell(database, "asset-1")
        (delivery,) = await all_of(database, webhook)
        async with open_sender(allow="") as sender:
            assert await run_once(Deliverer(database, sender, SystemClock()), delivery) is not None
        assert receiver.got == []
    (failed,) = await all_of(database, webhook)
    assert failed.failure == "its address or port is not one that this server may post to"


async def test_what_waited_for_an_older_message_follows_at_once(database: Database) -> None:
    clock = SetClock(SystemClock().now())
    with Receiver(500) as receiver:
        webhook = await make_webhook(database, receiver.url)
        for kind in (EventType.TASK_COMPLETED, EventType.ASSET_ACTIVE, EventType.ASSET_DELETED):
            await tell(database, "asset-1", kind=kind, at=clock.now())
        completed, active, deleted = await all_of(database, webhook)
        async with open_sender() as sender:
            deliverer = Deliverer(database, sender, clock)
            for delivery in (completed, active, deleted):
                assert await run_once(deliverer, delivery) is not None
            assert len(receiver.got) == 1
            clock.time = (await all_of(database, webhook))[0].due_at
            assert await run_once(deliverer, completed) is None
        assert [found.told["type"] for found in receiver.got] == ["task.completed", "task.completed", "asset.active", "asset.deleted"]


async def test_one_job_goes_on_with_all_that_is_due_for_its_webhook_and_a_failure_ends_that(database: Database) -> None:
    with Receiver(204, 204, 500) as receiver:
        webhook = await make_webhook(database, receiver.url)
        await tell(database, *(f"asset-{number}" for number in range(9)))
        async with open_sender() as sender:
            deliverer = Deliverer(database, sender, SystemClock())
            first, *_ = await all_of(database, webhook)
            delay = await run_once(deliverer, first)
            assert delay is not None
            assert 4 <= delay.total_seconds() <= 6, "the job comes again with what was not taken, though its own delivery was"
            assert len(receiver.got) == 3
            *_, last = await all_of(database, webhook)
            assert await run_once(deliverer, last) is None
            assert len(receiver.got) == 9
    assert sorted(found.status.value for found in await all_of(database, webhook)) == [*["delivered"] * 8, "waiting"]


async def test_slow_receivers_delay_themselves_and_nobody_else(tmp_path: Path) -> None:
    queue, stalled = MemoryQueue(), threading.Event()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_sqlite(tmp_path / "library.db", queue))
        slow = [stack.enter_context(Receiver(*[stalled] * 50)) for _ in range(3)]
        quick = stack.enter_context(Receiver())
        for receiver in (*slow, quick):
            await make_webhook(database, receiver.url)
        stack.callback(stalled.set)
        deliverer = Deliverer(database, await stack.enter_async_context(open_sender()), SystemClock())
        running = asyncio.create_task(queue.run(deliverer.deliver, concurrency=4, beside=MOST))
        asset_ids = [f"asset-{number}" for number in range(40)]
        await tell(database, *asset_ids)
        got = await asyncio.to_thread(quick.wait, len(asset_ids), 30.0)
        assert {found.told["data"]["asset_id"] for found in got} == set(asset_ids)
        assert all(len(receiver.got) <= 2 for receiver in slow)
        stalled.set()
        queue.stop()
        await running


async def test_what_our_own_fault_keeps_from_being_sent_counts_as_an_attempt(database: Database) -> None:
    webhook = await make_webhook(database, "http://127.0.0.1:1/")
    await tell(database, "asset-1")
    (delivery,) = await all_of(database, webhook)
    assert await run_once(Deliverer(database, _FaultySender(), SystemClock()), delivery) is not None
    (failed,) = await all_of(database, webhook)
    assert (failed.attempts, failed.failure) == (1, "an unexpected error of this server kept it from being sent")
    assert failed.due_at <= SystemClock().now() + 6 * SECOND


class _FaultySender(NoSender):
    timeout = 20.0

    async def send(self, message: Message) -> Reply:
        """Something that nobody thought of."""
        raise ValueError(message.id)


async def test_a_message_can_be_sent_again_by_a_worker_that_did_not_record_how_the_first_one_went(database: Database) -> None:
    stalled = threading.Event()
    with Receiver(stalled) as receiver:
        webhook = await make_webhook(database, receiver.url)
        await tell(database, "asset-1")
        (delivery,) = await all_of(database, webhook)
        async with open_sender() as sender:
            first = asyncio.create_task(run_once(Deliverer(database, sender, SystemClock()), delivery))
            await asyncio.to_thread(receiver.wait, 1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            stalled.set()
            await run_once(Deliverer(database, sender, SystemClock()), delivery)
        assert len({found.id for found in receiver.wait(2)}) == 1
