"""Keys, access keys, webhooks and usage."""

from collections.abc import AsyncIterator, Sequence

from msgspec import UNSET, UnsetType

from spark_assets.client.asynchronous.transport import AsyncTransport
from spark_assets.client.bodies import given, several, step
from spark_assets.wire.keys import AccessKeyBody, AccessKeyList, KeyBody, KeyList, NewAccessKeyBody, NewKeyBody
from spark_assets.wire.usage import UsageBody
from spark_assets.wire.webhook import DeliveryBody, DeliveryList, NewWebhookBody, ReplayBody, WebhookBody, WebhookList


class AsyncKeys:
    """`client.keys`: API keys; needs the scope `project:admin` or `admin`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self, name: str, *, scopes: str | Sequence[str] = (), projects: str | Sequence[str] = (), expires_at: str | None = None
    ) -> NewKeyBody:
        """Make an API key; `key` in the answer is shown this once."""
        body = given(name=name, scopes=several(scopes) or UNSET, projects=several(projects) or UNSET, expires_at=expires_at or UNSET)
        return await self._transport.post("/v1/keys", NewKeyBody, body)

    async def get(self, key_id: str) -> KeyBody:
        """A key, masked."""
        return await self._transport.get(f"/v1/keys/{step(key_id)}", KeyBody)

    async def list(self) -> AsyncIterator[KeyBody]:
        """The keys, masked."""
        async for key in self._transport.items("/v1/keys", KeyList):
            yield key

    async def rotate(self, key_id: str, *, grace_seconds: int = 0) -> NewKeyBody:
        """Replace a key by a new one; the old one goes on working for so many seconds."""
        return await self._transport.post(f"/v1/keys/{step(key_id)}/rotate", NewKeyBody, {"grace_seconds": grace_seconds})

    async def revoke(self, key_id: str) -> None:
        """End a key, everywhere, within a second."""
        await self._transport.delete(f"/v1/keys/{step(key_id)}")


class AsyncAccessKeys:
    """`client.access_keys`: pairs for the action dialect's signatures; needs the scope `project:admin` or `admin`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self, name: str, *, scopes: str | Sequence[str] = (), projects: str | Sequence[str] = (), expires_at: str | None = None
    ) -> NewAccessKeyBody:
        """Make an access key; `secret` in the answer is shown this once."""
        body = given(name=name, scopes=several(scopes) or UNSET, projects=several(projects) or UNSET, expires_at=expires_at or UNSET)
        return await self._transport.post("/v1/access-keys", NewAccessKeyBody, body)

    async def get(self, key_id: str) -> AccessKeyBody:
        """An access key, its secret masked."""
        return await self._transport.get(f"/v1/access-keys/{step(key_id)}", AccessKeyBody)

    async def list(self) -> AsyncIterator[AccessKeyBody]:
        """The access keys, their secrets masked."""
        async for key in self._transport.items("/v1/access-keys", AccessKeyList):
            yield key

    async def rotate(self, key_id: str, *, grace_seconds: int = 0) -> NewAccessKeyBody:
        """Replace an access key by a new one, an ID and a secret; the old one goes on working for so many seconds."""
        return await self._transport.post(f"/v1/access-keys/{step(key_id)}/rotate", NewAccessKeyBody, {"grace_seconds": grace_seconds})

    async def revoke(self, key_id: str) -> None:
        """End an access key, everywhere, within a second."""
        await self._transport.delete(f"/v1/access-keys/{step(key_id)}")


class AsyncWebhooks:
    """`client.webhooks`; needs the scope `project:admin`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self, url: str, *, events: str | Sequence[str] = (), description: str | None = None, project: str | None = None
    ) -> NewWebhookBody:
        """Tell an address of events (of all without any); `secret` in the answer, which verifies them, is shown this once."""
        body = given(url=url, events=several(events) or UNSET, description=description or UNSET, project=project or UNSET)
        return await self._transport.post("/v1/webhooks", NewWebhookBody, body)

    async def get(self, webhook_id: str) -> WebhookBody:
        """A webhook."""
        return await self._transport.get(f"/v1/webhooks/{step(webhook_id)}", WebhookBody)

    async def list(self, *, project: str | None = None) -> AsyncIterator[WebhookBody]:
        """The webhooks of a project."""
        async for webhook in self._transport.items("/v1/webhooks", WebhookList, {"project": project}):
            yield webhook

    async def update(
        self, webhook_id: str, *, url: str | UnsetType = UNSET, events: str | Sequence[str] | UnsetType = UNSET,
        description: str | UnsetType = UNSET, enabled: bool | UnsetType = UNSET,
    ) -> WebhookBody:  # fmt: skip
        """Change a webhook, or switch it off and on."""
        kept = events if isinstance(events, UnsetType) else several(events)
        body = given(url=url, events=kept, description=description, enabled=enabled)
        return await self._transport.patch(f"/v1/webhooks/{step(webhook_id)}", WebhookBody, body)

    async def delete(self, webhook_id: str) -> None:
        """End a webhook."""
        await self._transport.delete(f"/v1/webhooks/{step(webhook_id)}")

    async def rotate(self, webhook_id: str, *, grace_seconds: int | None = None) -> NewWebhookBody:
        """A new secret; the old one signs along for so many seconds."""
        return await self._transport.post(
            f"/v1/webhooks/{step(webhook_id)}/rotate",
            NewWebhookBody,
            given(grace_seconds=UNSET if grace_seconds is None else grace_seconds),
        )

    async def test(self, webhook_id: str) -> DeliveryBody:
        """Send a message of no consequence."""
        return await self._transport.post(f"/v1/webhooks/{step(webhook_id)}/test", DeliveryBody)

    async def deliveries(self, webhook_id: str, *, status: str | None = None) -> AsyncIterator[DeliveryBody]:
        """What was sent, newest first, and what became of it."""
        async for delivery in self._transport.items(f"/v1/webhooks/{step(webhook_id)}/deliveries", DeliveryList, {"status": status}):
            yield delivery

    async def resend(self, webhook_id: str, delivery_id: str) -> DeliveryBody:
        """Send a delivery again, under the same message ID."""
        return await self._transport.post(f"/v1/webhooks/{step(webhook_id)}/resend", DeliveryBody, {"delivery_id": delivery_id})

    async def replay(self, webhook_id: str, since: str) -> int:
        """Send everything that happened since a time (RFC 3339) again; how many events were queued."""
        queued, after = 0, None
        while True:
            body = {"since": since} if after is None else {"since": since, "after": after}
            part = await self._transport.post(f"/v1/webhooks/{step(webhook_id)}/replay", ReplayBody, body)
            queued, after = queued + part.queued, part.next_event
            if after is None:
                return queued


class AsyncUsage:
    """`client.usage`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get(
        self, *, project: str | None = None, start: str | None = None, end: str | None = None, by: str | Sequence[str] = ()
    ) -> UsageBody:
        """Completed tasks and what they cost: of this month, by model and day, unless asked otherwise."""
        return await self._transport.get("/v1/usage", UsageBody, {"project": project, "start": start, "end": end, "by": several(by)})
