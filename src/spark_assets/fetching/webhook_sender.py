"""Webhook messages, signed by the Standard Webhooks specification and posted through the address guard."""

from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.usage import MICRO
from spark_assets.fetching.source_url import parse_source_url
from spark_assets.ports.outbound import Outbound, Reply
from spark_assets.ports.webhooks import Message

_LARGEST: Final = 1024
"""Bytes of an answer that are read: nothing in it is of interest but its status."""


class WebhookSender:
    """Implements the port `Sender`."""

    def __init__(self, outbound: Outbound, *, timeout: float) -> None:
        """`timeout`: seconds within which a receiver must have answered."""
        self._outbound = outbound
        self.timeout = timeout

    def check(self, name: str, url: str) -> None:
        """Without any network: raises InvalidParameter `name` for an address that could never be posted to."""
        try:
            parse_source_url(url)
        except InvalidParameter as error:
            raise InvalidParameter(name, f"{name}: {error.message}") from None

    async def send(self, message: Message) -> Reply:
        """Post it once: see `ports.webhooks.Sender.send`."""
        return await self._outbound.post(message.url, message.body.encode(), sign(message), timeout=self.timeout, largest=_LARGEST)


def sign(message: Message) -> dict[str, str]:
    """The headers of the message: its ID, when it is sent, and a signature with each of its secrets."""
    seconds = message.sent_at // MICRO
    moment = datetime.fromtimestamp(seconds, UTC)
    signatures = [Webhook(secret).sign(message.id, moment, message.body) for secret in message.secrets]
    return {
        "content-type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }
