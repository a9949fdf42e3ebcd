"""Delivers messages to webhooks: a slow receiver holds up nobody but itself."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter
from typing import Final

import msgspec
import structlog

from spark_assets.domain.errors import StorageFull, Unavailable
from spark_assets.domain.usage import MICRO
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations import deliveries
from spark_assets.operations.deliveries import Attempt, Held, Outcome, Settled
from spark_assets.ports.clock import Clock
from spark_assets.ports.metrics import SILENCE, Count, Measure, Metrics
from spark_assets.ports.outbound import OutboundFailure
from spark_assets.ports.queue import Job, RetryJob
from spark_assets.ports.traces import UNTOLD, SpanKind, Traces
from spark_assets.ports.unit_of_work import Database
from spark_assets.ports.webhooks import Sender

log = structlog.get_logger()

MOST: Final = 48
"""Deliveries that a worker has in hand."""
_AT_ONCE: Final = 2
"""Of one webhook, or of the callbacks to one host."""
_MOST_IN_TURN: Final = 500
"""Deliveries after which a place is left to others for a moment."""
_SHORTEST, _EACH, _LONGEST = 0.5, 0.01, 30.0
"""Seconds after which a job that found no room comes again, what each that found none adds, and after which its row is enough."""
_SHORT: Final = 60.0
"""Seconds that the queue keeps a delivery which is to be tried again; later ones are enqueued anew when they are due."""
_AWAY: Final = timedelta(seconds=2)
"""When to try again after the database was away."""


class Deliverer:
    """Runs the jobs of deliveries."""

    def __init__(self, database: Database, sender: Sender, clock: Clock, metrics: Metrics = SILENCE, traces: Traces = UNTOLD) -> None:
        self._database = database
        self._traces = traces
        self._metrics = metrics
        self._sender = sender
        self._clock = clock
        self._places: Counter[str] = Counter()
        self._passed_by: set[str] = set()
        """Places with jobs that came while they were taken."""
        self._last_return = 0.0
        self._stopped = False

    def stop(self) -> None:
        """Begin no further delivery."""
        self._stopped = True

    async def deliver(self, job: Job) -> None:
        """Attempt a delivery once, then what waited for it, then what else is due for its place. Raises RetryJob to be given it again.

        A job whose place is taken already is dropped, for thousands that came again and again would be in everybody's
        way: who holds the places goes on with what is due, and what a receiver does not take is enqueued again by its row.
        """
        if self._places[job.host] >= _AT_ONCE:
            self._passed_by.add(job.host)
            return
        if self._places.total() >= MOST:
            self._turn_away()
            return
        try:
            with self._place(job.host):
                again_at = await self._work(job.host, job.subject)
        except (Unavailable, StorageFull) as error:
            log.warning("delivery_postponed", delivery_id=job.subject, code=error.code)
            raise RetryJob(_AWAY) from error
        except Exception:
            log.exception("delivery_crashed", delivery_id=job.subject)
            return  # its row stays, and it is enqueued again once nobody can be busy with it any more
        if again_at is not None:
            self._come_again(again_at)

    @contextmanager
    def _place(self, place: str) -> Iterator[None]:
        self._places[place] += 1
        try:
            yield
        finally:
            self._places[place] -= 1
            if not self._places[place]:
                del self._places[place]
                self._passed_by.discard(place)

    def _turn_away(self) -> None:
        """Those that find no room come back a hundred a second, however many they are; of too many, the rows are enough."""
        now = asyncio.get_running_loop().time()
        self._last_return = max(self._last_return + _EACH, now + _SHORTEST)
        if self._last_return - now <= _LONGEST:
            raise RetryJob(timedelta(seconds=self._last_return - now))
        self._last_return -= _EACH

    async def _work(self, place: str, delivery_id: str) -> int | None:
        """With this delivery, then with the place's others as long as its receiver takes them; when to come again, if at all."""
        first = step = await self._attempt(place, delivery_id)
        for _ in range(_MOST_IN_TURN):
            if self._stopped or step.has_failed or (step.is_idle and place not in self._passed_by):
                return step.again_at if first.again_at is None else first.again_at
            self._passed_by.discard(place)
            step = await self._attempt(place, step.following)
        return self._clock.now() if first.again_at is None else first.again_at

    async def _attempt(self, place: str, delivery_id: str | None) -> "_Step":
        """Attempt this delivery, or the one that has been due longest, found where it is taken: no two places take the same."""
        async with self._database.begin() as uow:
            delivery_id = delivery_id or await deliveries.next_due(uow, place, self._clock.now())
            if delivery_id is None:
                return _Step(is_idle=True)
            begun = await deliveries.begin(uow, delivery_id, self._clock.now(), self._sender.timeout)
            reach(Failpoint.DELIVERY_WRITTEN)
            await uow.commit(wait=False)
            reach(Failpoint.DELIVERY_COMMITTED)
        if begun is None:
            return _Step()
        if isinstance(begun, Held):
            return _Step(again_at=begun.until)
        began = perf_counter()
        try:
            outcome = await self._send(begun)
        except asyncio.CancelledError:
            await self._give_back(begun)
            raise
        self._metrics.observe(Measure.WEBHOOKS, perf_counter() - began)
        reach(Failpoint.MESSAGE_SENT)
        async with self._database.begin() as uow:
            settled = await deliveries.settle(uow, begun, outcome, self._clock.now())
            reach(Failpoint.OUTCOME_WRITTEN)
            await uow.commit()
        reach(Failpoint.OUTCOME_COMMITTED)
        self._metrics.count(Count.WEBHOOK_ATTEMPTS, _outcome(outcome, settled))
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

    async def _send(self, attempt: Attempt) -> Outcome:
        delivery = attempt.delivery
        said: dict[str, str | int] = {
            "spark_assets.delivery_id": delivery.id, "spark_assets.webhook_id": delivery.webhook_id,
            "spark_assets.event": delivery.type, "spark_assets.attempt": delivery.attempts,
        }  # fmt: skip
        with self._traces.span("deliver", parent=delivery.traceparent, kind=SpanKind.CALLS, said=said) as span:
            outcome = await self._post(attempt)
            if outcome.status is not None:
                span.say("http.response.status_code", outcome.status)
            if outcome.failure is not None:
                span.fail("not_delivered")
            return outcome

    async def _post(self, attempt: Attempt) -> Outcome:
        try:
            reply = await self._sender.send(attempt.message)
        except OutboundFailure as failure:
            return Outcome(failure=failure.message)
        except Exception:  # it counts like any other, or nothing would ever end it
            log.exception("delivery_crashed", delivery_id=attempt.delivery.id)
            return Outcome(failure="an unexpected error of this server kept it from being sent")
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


def _outcome(outcome: Outcome, settled: Settled) -> str:
    if outcome.failure is None:
        return "delivered"
    return "given_up" if settled.retry_at is None else "retried"


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
