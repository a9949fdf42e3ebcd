"""What posts to webhooks, as the settings have it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spark_assets.fetching.address_guard import AddressGuard
from spark_assets.fetching.outbound import HttpOutbound
from spark_assets.fetching.webhook_sender import WebhookSender
from spark_assets.ports.webhooks import Sender
from spark_assets.runtime.addresses import allowed_addresses, own_addresses
from spark_assets.settings import Settings


@asynccontextmanager
async def open_sender(settings: Settings) -> AsyncIterator[Sender]:
    """The sender for as long as this lasts. Raises BadSettings."""
    outbound = HttpOutbound(receiver_guard(settings), user_agent=settings.user_agent, connect=settings.fetch_connect_timeout)
    try:
        yield WebhookSender(outbound, timeout=settings.webhook_timeout)
    finally:
        await outbound.close()


def receiver_guard(settings: Settings) -> AddressGuard:
    """The judge of receivers' addresses: ports as for sources, exceptions of its own. Raises BadSettings."""
    allowed = allowed_addresses("WEBHOOK_ALLOW", settings.webhook_allow)
    return AddressGuard(allowed, settings.source_ports, own_addresses(settings))
