"""Deliveries: begun and settled by workers, picked up again when they are due, listed, tested, sent again, replayed."""

import random
from typing import Final

import msgspec
from msgspec.structs import replace

from spark_assets.domain.audit import HOUSEKEEPING
from spark_assets.domain.errors import Conflict, NotFound
from spark_assets.domain.event import Position
from spark_assets.domain.usage import MICRO
from spark_assets.domain.webhook import (
    ORDER_PATIENCE,
    TEST_TYPE,
    Delivery,
    DeliveryStatus,
    Webhook,
    WebhookKind,
    compose,
    living,
    next_attempt,
)
from spark_assets.operations import webhooks
from spark_assets.operations.audit import record, record_call
from spark_assets.operations.call import Call
from spark_assets.operations.paging import Listed, Paging, scope_of, select_part
from spark_assets.ports.queue import Job, JobDispatcher, JobKind
from spark_assets.ports.unit_of_work import Database, Repositories, UnitOfWork
from spark_assets.ports.webhooks import Message

STEP: Final = 500
"""Rows touched at once, so that no request waits long."""
MOST_REPLAYED: Final = 10_000
"""Events that one call of `replay` looks at."""
_MOMENT: Final = MICRO
"""How long to wait for an older delivery that is due at this moment."""
_RESERVE: Final = 5 * MICRO
"""What an attempt may take beyond the time that a receiver has, before another worker takes the delivery for abandoned."""
_AHEAD: Final = 60 * MICRO
"""How much sooner deliveries are enqueued than they are due: the queue then gives them back at the very time."""
_GONE: Final = 410
_DISABLED: Final = "its webhook was disabled or deleted before it was delivered"
_UNREADABLE: Final = "the address or the secret can no longer be read, for its encryption key is gone"


class Attempt(msgspec.Struct, frozen=True):
    """A delivery that is being attempted, and what is to be posted."""

    delivery: Delivery
    kind: WebhookKind
    message: Message


class Held(msgspec.Struct, frozen=True):
    """A delivery that is not due, or has to wait for an older one: look again at this time (Unix microseconds)."""

    until: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt went: `status` of the answer if there was one, `failure` in a sentence unless it was delivered."""

    status: int | None = None
    failure: str | None = None
    retry_after: float | None = None
    """Seconds that the receiver asked for."""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from an attempt: when it is tried again, or which delivery has waited for it."""

    retry_at: int | None = None
    following: str | None = None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """How many events were queued; unless that is all, after which one to go on."""

    queued: int
    next_event: Position | None = None


async def begin(uow: UnitOfWork, delivery_id: str, now: int, timeout: float) -> Attempt | Held | None:
    """Take a delivery to attempt it; None if there is nothing to do, or nothing any more.

    `timeout`: seconds that the receiver has. Nobody else takes the delivery meanwhile; after a crash it is due a little later.
    """
    found = await uow.deliveries.waiting(delivery_id)
    if found is None:
        return None
    delivery, addressee = found
    secrets = living(addressee.secrets, now)
    if not addressee.is_enabled:
        await uow.deliveries.settle(_ended(delivery, DeliveryStatus.FAILED, now, Outcome(failure=_DISABLED)))
        return None
    if addressee.url is None or not secrets:
        await uow.deliveries.settle(_ended(delivery, DeliveryStatus.FAILED, now, Outcome(failure=_UNREADABLE)))
        return None
    if delivery.due_at > now:
        return Held(delivery.due_at)
    older_due = await uow.deliveries.older_due(delivery)
    if older_due is not None and now < delivery.created_at + ORDER_PATIENCE:
        waits_until = min(max(older_due, now + _MOMENT), delivery.created_at + ORDER_PATIENCE)
        await uow.deliveries.postpone(delivery, waits_until)
        return Held(waits_until)
    if not await uow.deliveries.begin(delivery, now + int(timeout * MICRO) + _RESERVE):
        return None
    begun = replace(delivery, attempts=delivery.attempts + 1, fence=delivery.fence + 1)
    keys = tuple(secret.key for secret in secrets)
    message = Message(url=addressee.url, id=delivery.message_id, body=delivery.payload, secrets=keys, sent_at=now)
    return Attempt(begun, addressee.kind, message)


async def settle(uow: UnitOfWork, attempt: Attempt, outcome: Outcome, now: int) -> Settled:
    """Record how an attempt went. A webhook that answers 410 is disabled; of a callback, only that delivery ends."""
    delivery = attempt.delivery
    is_gone = outcome.status == _GONE
    retry_at = None
    if outcome.failure is None:
        settled = _ended(delivery, DeliveryStatus.DELIVERED, now, outcome)
    else:
        chance = random.random()  # spreads load, guards nothing
        retry_at = None if is_gone else next_attempt(delivery, now, chance, outcome.retry_after)
        settled = _ended(delivery, DeliveryStatus.FAILED, now, outcome)
        if retry_at is not None:
            settled = replace(settled, status=DeliveryStatus.WAITING, due_at=retry_at, ended_at=None)
    if not await uow.deliveries.settle(settled):
        return Settled()
    if is_gone and attempt.kind is WebhookKind.ENDPOINT:
        await _disable(uow, delivery, outcome.failure or "", now)
        return Settled()
    if retry_at is not None:
        return Settled(retry_at=retry_at)
    return Settled(following=await uow.deliveries.release_following(delivery, now))


async def give_back(uow: UnitOfWork, attempt: Attempt, now: int) -> None:
    """Let others take a delivery at once whose attempt was broken off in good order."""
    await uow.deliveries.postpone(attempt.delivery, now)


async def next_due(repositories: Repositories, place: str, now: int) -> str | None:
    """The place's delivery that has been due longest."""
    found = await repositories.deliveries.due(place, now, 1)
    return found[0] if found else None


async def requeue_due(database: Database, dispatcher: JobDispatcher, now: int) -> None:
    """Enqueue deliveries that are due or will be shortly; what is in the queue already stays as it is.

    Of each place as many as keep it filled: whoever has delivered one goes on with what is due next.
    """
    async with database.read() as repositories:
        for place in await repositories.deliveries.places_due(now + _AHEAD):
            found = await repositories.deliveries.due(place, now + _AHEAD, webhooks.MOST_JOBS)
            await dispatcher.dispatch([Job(JobKind.DELIVER, delivery_id, place) for delivery_id in found], None)


async def page(repositories: Repositories, call: Call, webhook_id: str, status: DeliveryStatus | None, paging: Paging) -> Listed[Delivery]:
    """One part of a webhook's deliveries. Raises AccessDenied, NotFound `webhook_id`, InvalidParameter `NextToken`."""
    webhook, _ = await webhooks.find(repositories, call, webhook_id)
    return await select_part(
        paging,
        call.terms.cursors,
        scope_of("deliveries", webhook.id, status, paging),
        page=lambda part: repositories.deliveries.page(webhook.id, status, part),
    )


async def send_test(uow: UnitOfWork, call: Call, webhook_id: str) -> Delivery:
    """Send a message of the type TEST_TYPE. Raises AccessDenied, NotFound `webhook_id`, Conflict `Callbacks` or `Status`."""
    webhook = await _ready(uow, call, webhook_id)
    delivery_id = webhooks.new_delivery_id(call.now)
    data = {"project_id": webhook.project_id, "webhook_id": webhook.id}
    delivery = Delivery(
        id=delivery_id,
        project_id=webhook.project_id,
        webhook_id=webhook.id,
        place=webhook.id,
        message_id=f"test_{call.now:x}-{delivery_id}",
        subject=delivery_id,
        type=TEST_TYPE,
        payload=compose(TEST_TYPE, call.now, data),
        due_at=call.now,
        created_at=call.now,
    )
    await webhooks.send_all(uow, [delivery])
    details = {"delivery_id": delivery.id}
    await record_call(uow, call, "webhook.tested", project_id=webhook.project_id, subject=webhook.id, details=details)
    return delivery


async def resend(uow: UnitOfWork, call: Call, webhook_id: str, delivery_id: str) -> Delivery:
    """Deliver the same message once more, under its ID, whatever became of the first delivery.

    Raises AccessDenied, NotFound `webhook_id` or `delivery_id`, Conflict `Callbacks` or `Status`.
    """
    webhook = await _ready(uow, call, webhook_id)
    first = await uow.deliveries.find(delivery_id, webhook.id)
    if first is None:
        raise NotFound("delivery_id", "the webhook has no delivery with this ID, or its record has been dropped since")
    if not first.payload:
        raise Conflict("Status", "what this delivery told of was erased, and its message with it")
    again = Delivery(
        id=webhooks.new_delivery_id(call.now),
        project_id=first.project_id,
        webhook_id=webhook.id,
        place=webhook.id,
        message_id=first.message_id,
        subject=first.subject,
        type=first.type,
        payload=first.payload,
        due_at=call.now,
        created_at=call.now,
    )
    await webhooks.send_all(uow, [again])
    details = {"delivery_id": first.id, "new_delivery_id": again.id}
    await record_call(uow, call, "webhook.resent", project_id=webhook.project_id, subject=webhook.id, details=details)
    return again


async def replay(database: Database, call: Call, webhook_id: str, since: int, *, after: Position | None = None) -> Replayed:
    """Deliver once more what happened in the project since that time, as far as events are on record, under the same IDs.

    `after`: where an earlier call ended. In many small transactions; what was queued stays so if a later one fails.
    Raises AccessDenied, NotFound `webhook_id`, Conflict `Callbacks` or `Status`.
    """
    async with database.read() as repositories:
        webhook = await _ready(repositories, call, webhook_id)
        position = after or await repositories.events.before(webhook.project_id, since)
    queued = 0
    for _ in range(MOST_REPLAYED // STEP):
        async with database.begin() as uow:
            webhook = await _ready(uow, call, webhook_id)
            part = await uow.events.after(webhook.project_id, position, STEP)
            wanted = [event for event in part.events if not webhook.events or event.type.value in webhook.events]
            await webhooks.send_all(uow, [webhooks.delivery_of(event, webhook.id, call.now) for event in wanted])
            if wanted:
                details = {"count": len(wanted)}
                await record_call(uow, call, "webhook.replayed", project_id=webhook.project_id, subject=webhook.id, details=details)
            await uow.commit()
        queued += len(wanted)
        if len(part.events) < STEP:
            return Replayed(queued=queued)
        last = part.events[-1].position
        assert last is not None
        position = last
    return Replayed(queued=queued, next_event=position)


async def _ready(repositories: Repositories, call: Call, webhook_id: str) -> Webhook:
    webhook, _ = await webhooks.find(repositories, call, webhook_id)
    if webhook.kind is WebhookKind.CALLBACKS:
        raise Conflict("Callbacks", "the webhook of callbacks has no address of its own to send this to")
    if webhook.disabled_at is not None:
        raise Conflict("Status", "the webhook is disabled; enable it first")
    return webhook


def _ended(delivery: Delivery, status: DeliveryStatus, now: int, outcome: Outcome) -> Delivery:
    return replace(delivery, status=status, ended_at=now, answer_status=outcome.status, failure=outcome.failure)


async def _disable(uow: UnitOfWork, delivery: Delivery, reason: str, now: int) -> None:
    if await uow.webhooks.disable(delivery.webhook_id, reason, now):
        await record(
            uow, actor=HOUSEKEEPING, action="webhook.disabled", now=now, project_id=delivery.project_id, subject=delivery.webhook_id
        )
