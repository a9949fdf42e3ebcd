"""Webhooks and their deliveries, as they are remembered and as they are sent."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from spark_assets.domain.listing import Slice
from spark_assets.domain.webhook import CALLBACK_TYPES, Delivery, DeliveryStatus, Secret, Webhook, WebhookKind
from spark_assets.ports.outbound import Reply


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known of a webhook to queue a delivery for it."""

    id: str
    project_id: str
    kind: WebhookKind
    events: tuple[str, ...]
    is_enabled: bool

    def wants(self, kind: str) -> bool:
        """Whether it is to be told of events of this type."""
        wanted = CALLBACK_TYPES if self.kind is WebhookKind.CALLBACKS else self.events
        return self.is_enabled and (not wanted or kind in wanted)


class Addressee(msgspec.Struct, frozen=True, kw_only=True):
    """Where a delivery goes; None for an address that is gone, or that can no longer be read."""

    url: str | None
    kind: WebhookKind
    secrets: tuple[Secret, ...]
    is_enabled: bool


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted to a receiver: the body, under its ID, signed with each of the secrets."""

    url: str
    id: str
    body: str
    secrets: tuple[str, ...]
    sent_at: int
    """Unix microseconds."""


class Webhooks(Protocol):
    """The webhooks; their addresses and secrets are kept sealed. What was deleted is not found."""

    async def add(self, webhook: Webhook) -> bool:
        """False if the ID is taken."""

    async def find(self, webhook_id: str, project_ids: Sequence[str] | None, *, for_change: bool = False) -> Webhook | None:
        """The webhook if it is in one of the projects (None: all); `for_change`: nobody else changes it in this unit of work."""

    async def page(self, project_id: str, part: Slice) -> list[Webhook]:
        """One part of the project's webhooks, sorted by their creation."""

    async def count(self, project_id: str) -> int:
        """How many webhooks the project has, but for callbacks; whoever asks next waits until this unit of work is over."""

    async def update(self, webhook: Webhook) -> bool:
        """Write all that can change; False if it is gone."""

    async def delete(self, webhook_id: str, at: int) -> bool:
        """Forget its address and its secrets; what waits for it is given up when it would be due. False if it is gone."""

    async def disable(self, webhook_id: str, reason: str, at: int) -> bool:
        """Queue nothing for it any more; False if that is so already."""

    async def listening(self, project_ids: Sequence[str]) -> list[Listener]:
        """The webhooks of the projects, also disabled ones."""

    async def drop_deleted(self, limit: int) -> int:
        """Remove deleted webhooks of which no delivery is left; how many."""


class Callback(msgspec.Struct, frozen=True):
    """Where a task wants to be called back."""

    address: bytes
    """Sealed."""
    host: str
    """With its port; empty if the key that sealed the address is gone."""


class Deliveries(Protocol):
    """The deliveries: each change of one under way is conditional on its fence."""

    async def add(self, deliveries: Sequence[Delivery], callbacks: Mapping[str, bytes] | None = None) -> None:
        """Queue them; `callbacks` are sealed addresses by delivery ID, for those that go to a callback."""

    async def callbacks_of(self, task_ids: Sequence[str]) -> dict[str, Callback]:
        """The addresses that tasks want to be called back at, by task; those that no retry can need are forgotten with it."""

    async def find(self, delivery_id: str, webhook_id: str) -> Delivery | None:
        """The delivery if it is the webhook's."""

    async def page(self, webhook_id: str, status: DeliveryStatus | None, part: Slice) -> list[Delivery]:
        """One part of the webhook's deliveries, sorted by their creation."""

    async def waiting(self, delivery_id: str) -> tuple[Delivery, Addressee] | None:
        """A delivery that waits, and where it goes."""

    async def older_due(self, delivery: Delivery) -> int | None:
        """When the oldest delivery is due that waits for the same webhook and subject and was queued before; None if none waits."""

    async def release_following(self, delivery: Delivery, at: int) -> str | None:
        """Let the oldest delivery for the same webhook and subject that waits and was never tried be due at that time; its ID."""

    async def begin(self, delivery: Delivery, until: int) -> bool:
        """Count an attempt, raise the fence, and keep others off until that time; False if someone else did since it was read."""

    async def postpone(self, delivery: Delivery, due_at: int) -> None:
        """Let it wait until then."""

    async def settle(self, delivery: Delivery) -> bool:
        """Write how the latest attempt went; False for a stale one. The address of a callback goes with the end."""

    async def places_due(self, by: int) -> list[str]:
        """Places that a delivery is due for by that time."""

    async def due(self, place: str, by: int, limit: int) -> list[str]:
        """IDs of the place's deliveries that are due by that time, the one that is due first before the others."""

    async def backlog(self, by: int) -> tuple[int, int | None]:
        """How many are due by that time, and since when the first of them; may take a while."""

    async def drop_ended(self, before: int, limit: int) -> int:
        """Remove deliveries that have ended and were queued before that time; how many."""


class Sender(Protocol):
    """Signs messages and posts them to addresses that are judged before they are connected to."""

    @property
    def timeout(self) -> float:
        """Seconds within which a receiver must have answered."""

    def check(self, name: str, url: str) -> None:
        """Without any network: raises InvalidParameter `name` for an address that could never be posted to."""

    async def send(self, message: Message) -> Reply:
        """Post it once. Raises OutboundFailure; the message may then have arrived or not."""
