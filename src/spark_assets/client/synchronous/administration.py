"""Keys, access keys, webhooks and usage."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET, UnsetType

from spark_assets.client.bodies import given, several, step
from spark_assets.client.synchronous.transport import Transport
from spark_assets.wire.keys import AccessKeyBody, AccessKeyList, KeyBody, KeyList, NewAccessKeyBody, NewKeyBody
from spark_assets.wire.usage import UsageBody
from spark_assets.wire.webhook import DeliveryBody, DeliveryList, NewWebhookBody, ReplayBody, WebhookBody, WebhookList


class Keys:
    """`client.keys`: API keys; needs the scope `project:admin` or `admin`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self, name: str, *, scopes: str | Sequence[str] = (), projects: str | Sequence[str] = (), expires_at: str | None = None
    ) -> NewKeyBody:
        """Make an API key; `key` in the answer is shown this once."""
        body = given(name=name, scopes=several(scopes) or UNSET, projects=several(projects) or UNSET, expires_at=expires_at or UNSET)
        return self._transport.post("/v1/keys", NewKeyBody, body)

    def get(self, key_id: str) -> KeyBody:
        """A key, masked."""
        return self._transport.get(f"/v1/keys/{step(key_id)}", KeyBody)

    def list(self) -> Iterator[KeyBody]:
        """The keys, masked."""
        yield from self._transport.items("/v1/keys", KeyList)

    def rotate(self, key_id: str, *, grace_seconds: int = 0) -> NewKeyBody:
        """Replace a key by a new one; the old one goes on working for so many seconds."""
        return self._transport.post(f"/v1/keys/{step(key_id)}/rotate", NewKeyBody, {"grace_seconds": grace_seconds})

    def revoke(self, key_id: str) -> None:
        """End a key, everywhere, within a second."""
        self._transport.delete(f"/v1/keys/{step(key_id)}")


class AccessKeys:
    """`client.access_keys`: pairs for the action dialect's signatures; needs the scope `project:admin` or `admin`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self, name: str, *, scopes: str | Sequence[str] = (), projects: str | Sequence[str] = (), expires_at: str | None = None
    ) -> NewAccessKeyBody:
        """Make an access key; `secret` in the answer is shown this once."""
        body = given(name=name, scopes=several(scopes) or UNSET, projects=several(projects) or UNSET, expires_at=expires_at or UNSET)
        return self._transport.post("/v1/access-keys", NewAccessKeyBody, body)

    def get(self, key_id: str) -> AccessKeyBody:
        """An access key, its secret masked."""
        return self._transport.get(f"/v1/access-keys/{step(key_id)}", AccessKeyBody)

    def list(self) -> Iterator[AccessKeyBody]:
        """The access keys, their secrets masked."""
        yield from self._transport.items("/v1/access-keys", AccessKeyList)

    def rotate(self, key_id: str, *, grace_seconds: int = 0) -> NewAccessKeyBody:
        """Replace an access key by a new one, an ID and a secret; the old one goes on working for so many seconds."""
        return self._transport.post(f"/v1/access-keys/{step(key_id)}/rotate", NewAccessKeyBody, {"grace_seconds": grace_seconds})

    def revoke(self, key_id: str) -> None:
        """End an access key, everywhere, within a second."""
        self._transport.delete(f"/v1/access-keys/{step(key_id)}")


class Webhooks:
    """`client.webhooks`; needs the scope `project:admin`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self, url: str, *, events: str | Sequence[str] = (), description: str | None = None, project: str | None = None
    ) -> NewWebhookBody:
        """Tell an address of events (of all without any); `secret` in the answer, which verifies them, is shown this once."""
        body = given(url=url, events=several(events) or UNSET, description=description or UNSET, project=project or UNSET)
        return self._transport.post("/v1/webhooks", NewWebhookBody, body)

    def get(self, webhook_id: str) -> WebhookBody:
        """A webhook."""
        return self._transport.get(f"/v1/webhooks/{step(webhook_id)}", WebhookBody)

    def list(self, *, project: str | None = None) -> Iterator[WebhookBody]:
        """The webhooks of a project."""
        yield from self._transport.items("/v1/webhooks", WebhookList, {"project": project})

    def update(
        self, webhook_id: str, *, url: str | UnsetType = UNSET, events: str | Sequence[str] | UnsetType = UNSET,
        description: str | UnsetType = UNSET, enabled: bool | UnsetType = UNSET,
    ) -> WebhookBody:  # fmt: skip
        """Change a webhook, or switch it off and on."""
        kept = events if isinstance(events, UnsetType) else several(events)
        body = given(url=url, events=kept, description=description, enabled=enabled)
        return self._transport.patch(f"/v1/webhooks/{step(webhook_id)}", WebhookBody, body)

    def delete(self, webhook_id: str) -> None:
        """End a webhook."""
        self._transport.delete(f"/v1/webhooks/{step(webhook_id)}")

    def rotate(self, webhook_id: str, *, grace_seconds: int | None = None) -> NewWebhookBody:
        """A new secret; the old one signs along for so many seconds."""
        return self._transport.post(
            f"/v1/webhooks/{step(webhook_id)}/rotate",
            NewWebhookBody,
            given(grace_seconds=UNSET if grace_seconds is None else grace_seconds),
        )

    def test(self, webhook_id: str) -> DeliveryBody:
        """Send a message of no consequence."""
        return self._transport.post(f"/v1/webhooks/{step(webhook_id)}/test", DeliveryBody)

    def deliveries(self, webhook_id: str, *, status: str | None = None) -> Iterator[DeliveryBody]:
        """What was sent, newest first, and what became of it."""
        yield from self._transport.items(f"/v1/webhooks/{step(webhook_id)}/deliveries", DeliveryList, {"status": status})

    def resend(self, webhook_id: str, delivery_id: str) -> DeliveryBody:
        """Send a delivery again, under the same message ID."""
        return self._transport.post(f"/v1/webhooks/{step(webhook_id)}/resend", DeliveryBody, {"delivery_id": delivery_id})

    def replay(self, webhook_id: str, since: str) -> int:
        """Send everything that happened since a time (RFC 3339) again; how many events were queued."""
        queued, after = 0, None
        while True:
            body = {"since": since} if after is None else {"since": since, "after": after}
            part = self._transport.post(f"/v1/webhooks/{step(webhook_id)}/replay", ReplayBody, body)
            queued, after = queued + part.queued, part.next_event
            if after is None:
                return queued


class Usage:
    """`client.usage`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(
        self, *, project: str | None = None, start: str | None = None, end: str | None = None, by: str | Sequence[str] = ()
    ) -> UsageBody:
        """Completed tasks and what they cost: of this month, by model and day, unless asked otherwise."""
        return self._transport.get("/v1/usage", UsageBody, {"project": project, "start": start, "end": end, "by": several(by)})
