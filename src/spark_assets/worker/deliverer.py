"""Delivers messages to webhooks: a slow receiver holds up nobody but itself."""

import asyncio
import random
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from spark_assets.domain.errors import Unavailable
from spark_assets.domain.usage import MICRO
from spark_assets.operations import deliveries
from spark_assets.operations.deliveries import Attempt, Held, Outcome
from spark_assets.ports.clock import Clock
from spark_assets.ports.outbound import OutboundFailure
from spark_assets.ports.queue import Job, RetryJob
from spark_assets.ports.unit_of_work import Database
from spark_assets.ports.webhooks import Sender
from spark_assets.worker.host_shares import HostBusy, HostShares

log = structlog.get_logger()

MOST: Final = 48
"""Deliveries that a worker has in hand, under way or in line."""
_AT_ONCE: Final = 2
"""Of one webhook."""
_LINE: Final = 6
"""Of one webhook, with those that wait for a place."""
_MOST_IN_TURN: Final = 500
"""Deliveries after which a place is left to the next job of the webhook, which may be another worker's."""
_SHORTEST, _LONGEST = 0.5, 1.5
"""Seconds after which a delivery that found no room comes again."""
_SHORT: Final = 60.0
"""Seconds that the queue keeps a delivery which is to be tried again; later ones are enqueued anew when they are due."""
_AWAY: Final = timedelta(seconds=2)
"""When to try again after the database was away."""


class Deliverer:
    """Runs the jobs of deliveries."""

    def __init__(self, database: Database, sender: Sender, clock: Clock) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._shares = HostShares(_AT_ONCE, line=_LINE)
        self._in_hand = 0
        self._stopped = False

    def stop(self) -> None:
        """Begin no further delivery."""
        self._stopped = True

    async def deliver(self, job: Job) -> None:
        """Attempt a delivery once, then what waited for it, then what else is due for its webhook. Raises RetryJob to be given it again."""
        if self._in_hand >= MOST:
            raise RetryJob(timedelta(seconds=random.uniform(_SHORTEST, _LONGEST)))  # spreads load, guards nothing
        self._in_hand += 1
        try:
            async with self._shares.hold(job.host):
                first = await self._attempt(job.host, job.subject)
                await self._go_on(job.host, first)
        except HostBusy as busy:
            raise RetryJob(busy.delay) from None
        except Unavailable as error:
            log.warning("delivery_postponed", delivery_id=job.subject, code=error.code)
            raise RetryJob(_AWAY) from error
        except Exception:
            log.exception("delivery_crashed", delivery_id=job.subject)
            return  # its row stays, and it is enqueued again once nobody can be busy with it any more
        finally:
            self._in_hand -= 1
        if first.again_at is not None:
            self._come_again(first.again_at)

    async def _go_on(self, webhook_id: str, step: "_Step") -> None:
        """With what waited, and what is due, as long as the receiver takes it; all of them have jobs of their own, or will have."""
        for _ in range(_MOST_IN_TURN):
            if self._stopped or step.has_failed or step.is_idle:
                return
            step = await self._attempt(webhook_id, step.following)

    async def _attempt(self, webhook_id: str, delivery_id: str | None) -> "_Step":
        """Attempt this delivery, or the one that has been due longest, found where it is taken: no two places take the same."""
        async with self._database.begin() as uow:
            delivery_id = delivery_id or await deliveries.next_due(uow, webhook_id, self._clock.now())
            if delivery_id is None:
                return _Step(is_idle=True)
            begun = await deliveries.begin(uow, delivery_id, self._clock.now(), self._sender.timeout)
            await uow.commit(wait=False)
        if begun is None:
            return _Step()
        if isinstance(begun, Held):
            return _Step(again_at=begun.until)
        try:
            outcome = await self._post(begun)
        except asyncio.CancelledError:
            await self._give_back(begun)
            raise
        async with self._database.begin() as uow:
            settled = await deliveries.settle(uow, begun, outcome, self._clock.now())
            await uow.commit()
        _tell(begun, outcome)
        return _Step(following=settled.following, again_at=settled.retry_at, has_failed=outcome.failure is not None)

    async def _give_back(self, attempt: Attempt) -> None:
        async with self._database.begin() as uow:
            await deliveries.give_back(uow, attempt, self._clock.now())
            await uow.commit()

    def _come_again(self, at: int) -> None:
        """Soon by this queue; what has to wait longer is found by its row."""
        seconds = max(0.0, (at - self._clock.now()) / MICRO)
        if seconds <= _SHORT:
            raise RetryJob(timedelta(seconds=seconds))

    async def _post(self, attempt: Attempt) -> Outcome:
        try:
            reply = await self._sender.send(attempt.message)
        except OutboundFailure as failure:
            return Outcome(failure=failure.message)
        if 200 <= reply.status < 300:
            return Outcome(status=reply.status)
        return Outcome(status=reply.status, failure=_sentence(reply.status), retry_after=reply.retry_after)


class _Step(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one delivery: which one waited for it, when it is to be looked at again, whether its receiver failed.

    `is_idle`: there was none.
    """

    following: str | None = None
    again_at: int | None = None
    has_failed: bool = False
    is_idle: bool = False


def _sentence(status: int) -> str:
    if 300 <= status < 400:
        return f"it answered {status}, and redirects are not followed: give the address that it leads to"
    if status == 410:
        return "it answered 410: it wants no more messages"
    return f"it answered {status}, where a status from 200 to 299 was expected"


def _tell(attempt: Attempt, outcome: Outcome) -> None:
    delivery = attempt.delivery
    bound = log.bind(delivery_id=delivery.id, webhook_id=delivery.webhook_id, message_id=delivery.message_id, attempt=delivery.attempts)
    if outcome.failure is None:
        bound.info("webhook_delivered", status=outcome.status)
    else:
        bound.info("webhook_failed", status=outcome.status, failure=outcome.failure)
