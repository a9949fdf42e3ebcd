"""Deliveries queued, run and looked at, one by one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from spark_assets.domain.api_key import Scope
from spark_assets.domain.event import Event, EventType
from spark_assets.domain.listing import Slice, SortBy, SortOrder
from spark_assets.domain.webhook import Delivery, Webhook
from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.outbound import HttpOutbound
from spark_assets.fetching.webhook_sender import WebhookSender
from spark_assets.operations import events, webhooks
from spark_assets.ports.clock import SystemClock
from spark_assets.ports.queue import Job, JobKind, RetryJob
from spark_assets.ports.unit_of_work import Database
from spark_assets.worker.deliverer import Deliverer
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID

KEEPER = records.call(caller=records.caller(scopes=frozenset({Scope.PROJECT_ADMIN})))
OLDEST_FIRST = Slice(sort_by=SortBy.CREATE_TIME, order=SortOrder.ASCENDING, limit=1000)


@asynccontextmanager
async def open_sender(allow: str = "127.0.0.0/8", timeout: float = 20.0) -> AsyncIterator[WebhookSender]:
    """What really posts."""
    outbound = HttpOutbound(AddressGuard(parse_allow_list(allow), frozenset({80, 443})), user_agent="tests")
    try:
        yield WebhookSender(outbound, timeout=timeout)
    finally:
        await outbound.close()


async def make_webhook(database: Database, url: str, project: str | None = None) -> Webhook:
    """A webhook of the project, by default the first one, that wants everything."""
    async with database.begin() as uow:
        made, _ = await webhooks.create(uow, KEEPER, webhooks.CreateWebhook(url=url, project=project))
        await uow.commit()
    return made


async def tell(
    database: Database,
    *asset_ids: str,
    kind: EventType = EventType.ASSET_ACTIVE,
    at: int | None = None,
    project_id: str = DEFAULT_PROJECT_ID,
) -> None:
    """Record an event of each asset, together."""
    at = at or SystemClock().now()
    async with database.begin() as uow:
        await events.record(uow, [Event(type=kind, project_id=project_id, created_at=at, asset_id=found) for found in asset_ids])
        await uow.commit()


async def all_of(database: Database, webhook: Webhook) -> list[Delivery]:
    """The webhook's deliveries, the oldest first."""
    async with database.read() as repositories:
        return await repositories.deliveries.page(webhook.id, None, OLDEST_FIRST)


async def run_once(deliverer: Deliverer, delivery: Delivery) -> timedelta | None:
    """Run its job once; the delay after which it is to come again."""
    try:
        await deliverer.deliver(Job(JobKind.DELIVER, delivery.id, delivery.webhook_id))
    except RetryJob as retry:
        return retry.delay
    return None
