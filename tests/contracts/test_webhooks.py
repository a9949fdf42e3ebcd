"""Webhooks and their deliveries on both engines: who is told of what, in which order, and how each attempt is settled."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook as Verifier

from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Failure
from spark_assets.domain.audit import AuditFilter
from spark_assets.domain.errors import AccessDenied, Conflict, InvalidParameter, NotFound
from spark_assets.domain.event import Event, EventType
from spark_assets.domain.listing import Slice, SortBy, SortOrder
from spark_assets.domain.quota import Allowance
from spark_assets.domain.webhook import (
    GIVE_UP_AFTER,
    LONGEST_DELAY,
    MOST_WEBHOOKS,
    ORDER_PATIENCE,
    SECRET_GRACE,
    Delivery,
    DeliveryStatus,
    Webhook,
    WebhookKind,
    callbacks_id,
    living,
)
from spark_assets.fetching.webhook_sender import sign
from spark_assets.operations import deliveries, events, quotas, webhooks
from spark_assets.operations.deliveries import Attempt, Held, Outcome
from spark_assets.operations.paging import Paging
from spark_assets.ports.queue import Job, JobKind
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.ports.webhooks import Message
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.worker.loop import Worker
from tests.factories import records
from tests.factories.databases import KeptJobs
from tests.factories.receivers import NoSender
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND
from tests.factories.workshop import PICTURE, Workshop

KEEPER = records.call(caller=records.caller(scopes=frozenset({Scope.PROJECT_ADMIN})))
TIMEOUT = 15.0
MINUTE = 60 * SECOND
URL = "https://example.com/hook?token=secret"
CALLBACK = "https://example.com/called-back?job=7"
NEWEST_FIRST = Slice(sort_by=SortBy.CREATE_TIME, order=SortOrder.DESCENDING, limit=100)
OLDEST_FIRST = replace(NEWEST_FIRST, order=SortOrder.ASCENDING)
NOT_FOUND = Outcome(status=404, failure="it answered 404")


async def _webhook(uow: UnitOfWork, **changes: Any) -> Webhook:
    made, _ = await webhooks.create(uow, KEEPER, webhooks.CreateWebhook(**{"url": URL, **changes}))
    return made


def _event(kind: EventType = EventType.ASSET_ACTIVE, **changes: Any) -> Event:
    values = {"project_id": DEFAULT_PROJECT_ID, "created_at": NOW, "asset_id": "asset-1"}
    return Event(type=kind, **{**values, **changes})


async def _queued(uow: UnitOfWork, webhook_id: str) -> list[Delivery]:
    return await uow.deliveries.page(webhook_id, None, OLDEST_FIRST)


async def _tell(uow: UnitOfWork, webhook_id: str, *told: Event) -> list[Delivery]:
    """The deliveries of these events, recorded together."""
    before = {delivery.id for delivery in await _queued(uow, webhook_id)}
    await events.record(uow, told)
    return [delivery for delivery in await _queued(uow, webhook_id) if delivery.id not in before]


async def _begin(uow: UnitOfWork, delivery: Delivery, now: int = NOW) -> Attempt:
    begun = await deliveries.begin(uow, delivery.id, now, TIMEOUT)
    assert isinstance(begun, Attempt)
    return begun


async def _now(uow: UnitOfWork, delivery: Delivery) -> Delivery:
    found = await uow.deliveries.find(delivery.id, delivery.webhook_id)
    assert found is not None
    return found


async def test_an_event_is_queued_for_each_webhook_of_its_project_that_wants_it(uow: UnitOfWork) -> None:
    other = records.project("film")
    await uow.projects.add(other)
    everything, active = await _webhook(uow), await _webhook(uow, events=("asset.active",))
    theirs, off = await _webhook(uow, project="film"), await _webhook(uow)
    await webhooks.update(uow, KEEPER, webhooks.UpdateWebhook(id=off.id, enabled=False))
    await events.record(uow, [_event(), _event(EventType.ASSET_DELETED), _event(project_id=other.id)])
    assert [found.type for found in await _queued(uow, everything.id)] == ["asset.active", "asset.deleted"]
    assert [found.type for found in await _queued(uow, active.id)] == ["asset.active"]
    assert [found.project_id for found in await _queued(uow, theirs.id)] == [other.id]
    assert await _queued(uow, off.id) == []
    (first, _), (same,) = await _queued(uow, everything.id), await _queued(uow, active.id)
    assert first.message_id == same.message_id
    assert first.id != same.id
    assert (first.status, first.attempts, first.due_at) == (DeliveryStatus.WAITING, 0, NOW)


async def test_the_job_of_a_delivery_names_its_webhook_so_that_a_slow_one_delays_itself(database: Database) -> None:
    kept = KeptJobs()
    async with database.begin() as uow:
        webhook = await _webhook(uow)
        (delivery,) = await _tell(uow, webhook.id, _event())
        await uow.commit()
    queued_at_once = [Job(JobKind.DELIVER, delivery.id, webhook.id)]
    await deliveries.requeue_due(database, kept, NOW - MINUTE - 1)
    assert kept.jobs == []
    await deliveries.requeue_due(database, kept, NOW - MINUTE)
    assert kept.jobs == queued_at_once


async def test_event_and_deliveries_are_there_only_if_the_transaction_is_committed(database: Database) -> None:
    async with database.begin() as uow:
        webhook = await _webhook(uow)
        await uow.commit()
    async with database.begin() as uow:
        assert len(await _tell(uow, webhook.id, _event())) == 1
    async with database.read() as repositories:
        assert await repositories.deliveries.page(webhook.id, None, NEWEST_FIRST) == []
        assert (
            await repositories.events.after(DEFAULT_PROJECT_ID, await repositories.events.before(DEFAULT_PROJECT_ID, 0), 9)
        ).events == []
        assert await repositories.deliveries.places_due(NOW) == []


async def test_a_task_that_ends_is_told_to_its_callback_and_its_address_is_forgotten(uow: UnitOfWork) -> None:
    made = await webhooks.make_callbacks(uow, DEFAULT_PROJECT_ID, NOW)
    asset, task = await records.add_asset(uow)
    called = records.task(asset.id)
    await uow.tasks.add(called, records.URL, CALLBACK)
    end = events.failed(called.id, asset.id, DEFAULT_PROJECT_ID, Failure("MediaCorrupt", "broken", None), NOW)
    await events.record(uow, [*end, *events.failed(task.id, asset.id, DEFAULT_PROJECT_ID, Failure("MediaCorrupt", "broken", None), NOW)])
    (delivery,) = await _queued(uow, made.id)
    assert (delivery.type, delivery.webhook_id) == ("task.failed", callbacks_id(DEFAULT_PROJECT_ID))
    begun = await _begin(uow, delivery)
    assert (begun.kind, begun.message.url) == (WebhookKind.CALLBACKS, CALLBACK)
    assert begun.message.secrets == (made.secrets[0].key,)
    await deliveries.settle(uow, begun, Outcome(status=410, failure="gone"), NOW)
    assert (await _now(uow, delivery)).status is DeliveryStatus.FAILED
    found, _ = await webhooks.find(uow, KEEPER, made.id)
    assert found.disabled_at is None
    assert await uow.deliveries.callbacks_of([called.id]) != {}  # a retry may need it
    assert await uow.tasks.drop_sources(NOW, 9) == 0


async def test_callbacks_to_one_host_delay_no_callbacks_to_another(database: Database) -> None:
    kept = KeptJobs()
    async with database.begin() as uow:
        made = await webhooks.make_callbacks(uow, DEFAULT_PROJECT_ID, NOW)
        asset, _ = await records.add_asset(uow)
        for number, host in enumerate(("slow.example", "slow.example", "quick.example")):
            task = records.task(asset.id)
            await uow.tasks.add(task, records.URL, f"https://{host}/called?back={number}")
            await events.record(uow, events.failed(task.id, asset.id, DEFAULT_PROJECT_ID, Failure("MediaCorrupt", "broken", None), NOW))
        await uow.commit()
    await deliveries.requeue_due(database, kept, NOW)
    places = Counter(job.host for job in kept.jobs)
    assert sorted(places.values()) == [1, 2]
    assert all(place.startswith(made.id) and "example" not in place for place in places)
    async with database.read() as repositories:
        for place, count in places.items():
            assert len(await repositories.deliveries.due(place, NOW, 9)) == count


async def test_two_that_need_callbacks_at_once_share_one_webhook(uow: UnitOfWork) -> None:
    first = await webhooks.make_callbacks(uow, DEFAULT_PROJECT_ID, NOW)
    assert await webhooks.make_callbacks(uow, DEFAULT_PROJECT_ID, NOW + 1) == first
    rotated, _ = await webhooks.rotate(uow, replace(KEEPER, now=NOW + SECOND), "callbacks")
    assert len(rotated.secrets) == 2
    for refused, act in (
        (Conflict, webhooks.delete(uow, KEEPER, first.id)),
        (Conflict, deliveries.send_test(uow, KEEPER, first.id)),
        (InvalidParameter, webhooks.update(uow, KEEPER, webhooks.UpdateWebhook(id=first.id, url=URL))),
    ):
        with pytest.raises(refused):
            await act


async def test_a_first_secret_that_nobody_knows_is_shown_instead_of_replaced(uow: UnitOfWork) -> None:
    made, project = await webhooks.rotate(uow, KEEPER, "callbacks")
    assert (len(made.secrets), project.id) == (1, DEFAULT_PROJECT_ID)
    await uow.settle()
    entries = await uow.audit.page(AuditFilter(), OLDEST_FIRST)
    assert [(entry.action, entry.subject) for entry in entries] == [("webhook.created", made.id)]


async def test_a_delivery_that_arrives_is_over(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    (delivery,) = await _tell(uow, webhook.id, _event())
    begun = await _begin(uow, delivery)
    assert (begun.message.url, begun.message.id, begun.message.body) == (URL, delivery.message_id, delivery.payload)
    settled = await deliveries.settle(uow, begun, Outcome(status=204), NOW + SECOND)
    assert (settled.retry_at, settled.following) == (None, None)
    ended = await _now(uow, delivery)
    assert (ended.status, ended.attempts, ended.answer_status, ended.failure) == (DeliveryStatus.DELIVERED, 1, 204, None)
    assert ended.ended_at == NOW + SECOND
    assert await deliveries.begin(uow, delivery.id, NOW, TIMEOUT) is None


async def test_a_delivery_that_fails_is_tried_later_and_later_for_three_days(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    (delivery,) = await _tell(uow, webhook.id, _event())
    now, pauses = NOW, []
    while (retry_at := (await deliveries.settle(uow, await _begin(uow, delivery, now), NOT_FOUND, now)).retry_at) is not None:
        assert (await _now(uow, delivery)).due_at == retry_at
        assert await uow.deliveries.places_due(retry_at - 1) == []
        pauses.append((retry_at - now) / SECOND)
        now = retry_at
    for pause, expected in zip(pauses, (5, 30, 120, 600, 3600, 3 * 3600, *(LONGEST_DELAY,) * 7), strict=False):
        assert 0.8 * expected <= pause <= 1.2 * expected
    assert now == NOW + GIVE_UP_AFTER
    ended = await _now(uow, delivery)
    assert (ended.status, ended.answer_status, ended.failure) == (DeliveryStatus.FAILED, 404, "it answered 404")
    assert ended.attempts == len(pauses) + 1


@pytest.mark.parametrize(("asked", "least"), [(90.0, 90), (0.0, 4), (30 * 86_400.0, LONGEST_DELAY)])
async def test_what_a_receiver_asks_for_is_honoured_within_reason(uow: UnitOfWork, asked: float, least: int) -> None:
    webhook = await _webhook(uow)
    (delivery,) = await _tell(uow, webhook.id, _event())
    outcome = Outcome(status=503, failure="it answered 503", retry_after=asked)
    settled = await deliveries.settle(uow, await _begin(uow, delivery), outcome, NOW)
    assert settled.retry_at is not None
    assert least * SECOND <= settled.retry_at - NOW <= (least + 6) * SECOND


async def test_a_webhook_that_answers_410_is_disabled_with_the_reason(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    first, second = await _tell(uow, webhook.id, _event(), _event(asset_id="asset-2"))
    await deliveries.settle(uow, await _begin(uow, first), Outcome(status=410, failure="it wants no more"), NOW)
    found, _ = await webhooks.find(uow, KEEPER, webhook.id)
    assert (found.disabled_at, found.disabled_reason) == (NOW, "it wants no more")
    assert await _tell(uow, webhook.id, _event()) == []
    assert await deliveries.begin(uow, second.id, NOW, TIMEOUT) is None
    left = await _now(uow, second)
    assert left.status is DeliveryStatus.FAILED
    assert "disabled" in (left.failure or "")
    with pytest.raises(Conflict) as refused:
        await deliveries.send_test(uow, KEEPER, webhook.id)
    assert refused.value.code == "Conflict.Status"
    enabled, _ = await webhooks.update(uow, KEEPER, webhooks.UpdateWebhook(id=webhook.id, enabled=True))
    assert (enabled.disabled_at, enabled.disabled_reason) == (None, None)
    assert len(await _tell(uow, webhook.id, _event())) == 1


async def test_messages_about_one_asset_keep_their_order_for_an_hour(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    completed, active = await _tell(uow, webhook.id, _event(EventType.TASK_COMPLETED), _event())
    (deleted,) = await _tell(uow, webhook.id, _event(EventType.ASSET_DELETED, created_at=NOW + SECOND))
    (elsewhere,) = await _tell(uow, webhook.id, _event(asset_id="asset-2"))
    await _begin(uow, elsewhere)
    held = await deliveries.begin(uow, active.id, NOW, TIMEOUT)
    assert isinstance(held, Held)
    begun = await _begin(uow, completed)
    retry_at = (await deliveries.settle(uow, begun, NOT_FOUND, NOW)).retry_at
    assert retry_at is not None
    assert await deliveries.begin(uow, active.id, NOW + SECOND, TIMEOUT) == Held(retry_at)
    assert (await _now(uow, active)).due_at == retry_at
    settled = await deliveries.settle(uow, await _begin(uow, completed, retry_at), Outcome(status=200), retry_at)
    assert settled.following == active.id
    settled = await deliveries.settle(uow, await _begin(uow, active, retry_at), NOT_FOUND, retry_at)
    assert isinstance(await deliveries.begin(uow, deleted.id, retry_at, TIMEOUT), Held)
    assert isinstance(await deliveries.begin(uow, deleted.id, NOW + SECOND + ORDER_PATIENCE, TIMEOUT), Attempt)


async def test_a_late_attempt_cannot_say_how_it_went(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    (delivery,) = await _tell(uow, webhook.id, _event())
    late = await _begin(uow, delivery)
    assert isinstance(await deliveries.begin(uow, delivery.id, NOW + SECOND, TIMEOUT), Held)
    current = await _begin(uow, delivery, NOW + MINUTE)
    await deliveries.settle(uow, late, Outcome(status=200), NOW)
    assert (await _now(uow, delivery)).status is DeliveryStatus.WAITING
    await deliveries.settle(uow, current, Outcome(status=200), NOW)
    assert (await _now(uow, delivery)).status is DeliveryStatus.DELIVERED


async def test_a_delivery_that_is_given_back_is_due_at_once(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    (delivery,) = await _tell(uow, webhook.id, _event())
    assert await deliveries.next_due(uow, webhook.id, NOW) == delivery.id
    begun = await _begin(uow, delivery)
    assert await deliveries.next_due(uow, webhook.id, NOW) is None
    await deliveries.give_back(uow, begun, NOW)
    assert await deliveries.next_due(uow, webhook.id, NOW) == delivery.id
    await _begin(uow, delivery)


async def test_of_many_deliveries_to_one_webhook_only_the_first_are_enqueued(database: Database) -> None:
    kept = KeptJobs()
    async with database.begin() as uow:
        many, few = await _webhook(uow), await _webhook(uow, events=("asset.failed",))
        await events.record(uow, [_event(asset_id=f"asset-{number}") for number in range(2 * webhooks.MOST_JOBS)])
        await _tell(uow, few.id, _event(EventType.ASSET_FAILED))
        await uow.commit()
    await deliveries.requeue_due(database, kept, NOW)
    assert Counter(job.host for job in kept.jobs) == {many.id: webhooks.MOST_JOBS, few.id: 1}


async def test_during_the_grace_both_secrets_verify_and_then_the_new_one_alone(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    old = webhook.secrets[0].key
    rotated, _ = await webhooks.rotate(uow, KEEPER, webhook.id)
    new = rotated.secrets[0].key
    assert new != old
    (delivery,) = await _tell(uow, webhook.id, _event())
    assert (await _begin(uow, delivery)).message.secrets == (new, old)
    at_its_end = NOW + SECOND * SECRET_GRACE
    assert (await _begin(uow, delivery, at_its_end)).message.secrets == (new,)
    for _ in range(6):
        rotated, _ = await webhooks.rotate(uow, KEEPER, webhook.id)
    assert len(rotated.secrets) == 5
    last, _ = await webhooks.rotate(uow, KEEPER, webhook.id, grace=0)
    assert len(living(last.secrets, NOW)) == 1


def test_each_of_the_signatures_satisfies_the_verifier_of_the_specification() -> None:
    secrets = ("whsec_" + "A" * 44, "whsec_" + "B" * 44)
    message = Message(url=URL, id="evt_1-0-1", body='{"type":"webhook.test"}', secrets=secrets, sent_at=time.time_ns() // 1000)
    for secret in secrets:
        assert Verifier(secret).verify(message.body, sign(message)) == {"type": "webhook.test"}


async def test_webhooks_are_made_listed_changed_and_deleted_by_administrators_alone(uow: UnitOfWork) -> None:
    reader = records.call()
    with pytest.raises(AccessDenied):
        await webhooks.create(uow, reader, webhooks.CreateWebhook(url=URL))
    first = await _webhook(uow, description="farm")
    second, _ = await webhooks.create(uow, replace(KEEPER, now=NOW + 1), webhooks.CreateWebhook(url=URL))
    listed, project = await webhooks.page(uow, KEEPER, Paging(max_results=1), None)
    assert ([found.id for found in listed.items], project.id) == ([second.id], DEFAULT_PROJECT_ID)
    rest, _ = await webhooks.page(uow, KEEPER, Paging(max_results=1, next_token=listed.next_token), None)
    assert rest.items == [first]
    changed, _ = await webhooks.update(
        uow, KEEPER, webhooks.UpdateWebhook(id=first.id, url="https://example.com/b", events=("asset.failed",))
    )
    assert (await webhooks.find(uow, KEEPER, first.id))[0] == changed
    stranger = records.call(caller=records.caller(scopes=frozenset({Scope.PROJECT_ADMIN}), project_ids=frozenset({"project-other"})))
    for act in (
        webhooks.find(uow, stranger, first.id),
        webhooks.rotate(uow, stranger, first.id),
        deliveries.send_test(uow, stranger, first.id),
    ):
        with pytest.raises(NotFound) as refused:
            await act
        assert refused.value.code == "NotFound.webhook_id"
    await webhooks.delete(uow, KEEPER, first.id)
    with pytest.raises(NotFound):
        await webhooks.find(uow, KEEPER, first.id)
    with pytest.raises(NotFound):
        await webhooks.delete(uow, KEEPER, first.id)


async def test_what_is_done_to_webhooks_is_in_the_audit_trail_without_address_or_secret(database: Database) -> None:
    async with database.begin() as uow:
        webhook = await _webhook(uow)
        await webhooks.update(uow, KEEPER, webhooks.UpdateWebhook(id=webhook.id, description="x"))
        await webhooks.rotate(uow, KEEPER, webhook.id)
        await webhooks.delete(uow, KEEPER, webhook.id)
        await uow.commit()
    async with database.read() as repositories:
        entries = await repositories.audit.page(AuditFilter(), OLDEST_FIRST)
    actions = {entry.action for entry in entries if entry.subject == webhook.id}
    assert actions == {"webhook.created", "webhook.changed", "webhook.rotated", "webhook.deleted"}
    assert not any("example.com" in str(entry) or "whsec" in str(entry) for entry in entries)


async def test_a_project_has_at_most_twenty_webhooks(uow: UnitOfWork) -> None:
    await webhooks.make_callbacks(uow, DEFAULT_PROJECT_ID, NOW)
    for _ in range(MOST_WEBHOOKS):
        await _webhook(uow)
    with pytest.raises(Conflict) as refused:
        await _webhook(uow)
    assert refused.value.code == "Conflict.Webhooks"


async def test_a_resent_message_has_the_same_id_and_body(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    (first,) = await _tell(uow, webhook.id, _event())
    await deliveries.settle(uow, await _begin(uow, first), Outcome(status=200), NOW)
    again = await deliveries.resend(uow, replace(KEEPER, now=NOW + SECOND), webhook.id, first.id)
    assert (again.message_id, again.payload, again.status) == (first.message_id, first.payload, DeliveryStatus.WAITING)
    assert again.id != first.id
    tested = await deliveries.send_test(uow, KEEPER, webhook.id)
    await uow.settle()
    entries = [entry for entry in await uow.audit.page(AuditFilter(subject=webhook.id), OLDEST_FIRST) if entry.action != "webhook.created"]
    assert [(entry.action, entry.actor, entry.details) for entry in entries] == [
        ("webhook.tested", KEEPER.caller.key_id, {"delivery_id": tested.id}),
        ("webhook.resent", KEEPER.caller.key_id, {"delivery_id": first.id, "new_delivery_id": again.id}),
    ]
    other = await _webhook(uow)
    with pytest.raises(NotFound) as refused:
        await deliveries.resend(uow, KEEPER, other.id, first.id)
    assert refused.value.code == "NotFound.delivery_id"


async def test_a_replay_queues_what_happened_since_under_the_original_ids(database: Database) -> None:
    told = [_event(created_at=NOW + SECOND * number, asset_id=f"asset-{number}") for number in range(1200)]
    async with database.begin() as uow:
        webhook = await _webhook(uow, events=("asset.active",))
        await events.record(uow, [*told, _event(EventType.ASSET_FAILED, created_at=NOW + 1200 * SECOND)])
        originals = {
            found.subject: found.message_id for found in await uow.deliveries.page(webhook.id, None, replace(OLDEST_FIRST, limit=5000))
        }
        await uow.commit()
    later = replace(KEEPER, now=NOW + 9999 * SECOND)
    replayed = await deliveries.replay(database, later, webhook.id, NOW + 100 * SECOND)
    assert (replayed.queued, replayed.next_event) == (1100, None)
    async with database.read() as repositories:
        found = await repositories.deliveries.page(webhook.id, None, replace(NEWEST_FIRST, limit=1100))
    assert {delivery.created_at for delivery in found} == {later.now}
    assert [delivery.subject for delivery in reversed(found)] == [f"asset-{number}" for number in range(100, 1200)]
    assert all(originals[delivery.subject] == delivery.message_id for delivery in found)
    assert (await deliveries.replay(database, later, webhook.id, NOW + 5000 * SECOND)).queued == 0
    async with database.read() as repositories:
        entries = await repositories.audit.page(AuditFilter(action="webhook.replayed"), OLDEST_FIRST)
    assert {(entry.subject, entry.actor) for entry in entries} == {(webhook.id, KEEPER.caller.key_id)}
    assert sum(entry.details["count"] for entry in entries if entry.details) == 1100


async def test_deliveries_are_listed_by_status(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    one, two = await _tell(uow, webhook.id, _event(), _event(asset_id="asset-2"))
    await deliveries.settle(uow, await _begin(uow, one), Outcome(status=200), NOW)
    for status, expected in ((None, {one.id, two.id}), (DeliveryStatus.WAITING, {two.id}), (DeliveryStatus.DELIVERED, {one.id})):
        listed = await deliveries.page(uow, KEEPER, webhook.id, status, Paging())
        assert {found.id for found in listed.items} == expected


async def test_what_ended_long_ago_is_forgotten_and_then_the_deleted_webhook(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    one, two = await _tell(uow, webhook.id, _event(), _event(asset_id="asset-2"))
    await deliveries.settle(uow, await _begin(uow, one), Outcome(status=200), NOW)
    await webhooks.delete(uow, KEEPER, webhook.id)
    assert await uow.deliveries.drop_ended(NOW, 9) == 0
    assert await uow.deliveries.drop_ended(NOW + 1, 9) == 1
    assert await uow.webhooks.drop_deleted(9) == 0
    assert await deliveries.begin(uow, two.id, NOW, TIMEOUT) is None
    assert await uow.deliveries.drop_ended(NOW + 1, 9) == 1
    assert await uow.webhooks.drop_deleted(9) == 1


async def test_of_an_erased_asset_receivers_are_told_its_end_and_nothing_else(uow: UnitOfWork) -> None:
    webhook = await _webhook(uow)
    asset, _ = await records.add_asset(uow)
    over, active = await _tell(uow, webhook.id, _event(EventType.TASK_COMPLETED, asset_id=asset.id), _event(asset_id=asset.id))
    await deliveries.settle(uow, await _begin(uow, over), Outcome(status=200), NOW)
    (deleted,) = await _tell(uow, webhook.id, _event(EventType.ASSET_DELETED, asset_id=asset.id))
    (elsewhere,) = await _tell(uow, webhook.id, _event(asset_id="asset-2"))
    await uow.erasure.purge(await uow.erasure.look_at([asset.id]), NOW)
    assert [(await _now(uow, found)).payload for found in (over, active)] == ["", ""]
    assert (await _now(uow, over)).status is DeliveryStatus.DELIVERED
    assert (await _now(uow, active)).status is DeliveryStatus.FAILED
    for kept in (deleted, elsewhere):
        assert await _now(uow, kept) == kept
    await _begin(uow, deleted)
    with pytest.raises(Conflict):
        await deliveries.resend(uow, KEEPER, webhook.id, over.id)


async def test_an_activation_whose_commit_is_refused_tells_nobody_that_the_asset_is_active(database: Database, tmp_path: Path) -> None:
    """Activation, event and deliveries are one transaction: what undoes the one undoes the others, and there is no moment between."""
    async with database.begin() as uow:
        webhook = await _webhook(uow)
        await quotas.put(uow, KEEPER, "default", Allowance(bytes=len(PICTURE)))
        await uow.commit()
    workshop = Workshop(tmp_path, database)
    worker = Worker(MemoryQueue(), workshop.tools(), NoSender(), concurrency=1, host_concurrency=1, drain_timeout=5.0)
    told = []
    for _ in range(2):
        task_id, _ = await workshop.submit()
        await worker.handle(Job(JobKind.INGEST, task_id))
        async with database.read() as repositories:
            found = await repositories.deliveries.page(webhook.id, None, OLDEST_FIRST)
        told.append([delivery.type for delivery in found if task_id in delivery.payload])
    assert told == [["task.completed", "asset.active"], ["task.failed", "asset.failed"]]
    await workshop.blobs.close()
