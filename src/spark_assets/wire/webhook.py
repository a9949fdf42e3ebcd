"""Shapes of our own REST surface: webhooks and their deliveries. What does not apply is null."""

from typing import Any

import msgspec

from spark_assets.domain.project import Project
from spark_assets.domain.webhook import Delivery, DeliveryStatus, Webhook, living, shown_url
from spark_assets.wire.times import rfc3339


class WebhookBody(msgspec.Struct, kw_only=True):
    """A webhook without its secrets."""

    id: str
    kind: str
    """`endpoint`; or `callbacks`, which stands for the `callback_url` of tasks."""
    project: str
    url: str | None
    """Without its query."""
    description: str
    events: tuple[str, ...]
    """None of them stands for all."""
    enabled: bool
    disabled_at: str | None
    disabled_reason: str | None
    secrets: int
    """How many secrets sign at present."""
    created_at: str
    updated_at: str


class NewWebhookBody(WebhookBody, kw_only=True):
    """A webhook with its newest secret, which is never shown again."""

    secret: str


class DeliveryBody(msgspec.Struct, kw_only=True):
    """A message on its way to one webhook."""

    id: str
    webhook_id: str
    message_id: str
    """The header `webhook-id`: the same for every attempt, and when it is sent again."""
    type: str
    subject: str
    """The ID of what it tells of."""
    status: str
    attempts: int
    next_attempt_at: str | None
    answer_status: int | None
    """The HTTP status of the latest answer."""
    failure: str | None
    """Why the latest attempt failed."""
    payload: dict[str, Any] | None
    """The body; null once what it told of was erased."""
    created_at: str
    ended_at: str | None


class ReplayBody(msgspec.Struct):
    """How many events were queued, and where to go on; null: that was all."""

    queued: int
    next_event: str | None


class WebhookList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[WebhookBody]
    next_cursor: str | None


class DeliveryList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[DeliveryBody]
    next_cursor: str | None


def webhook_body(webhook: Webhook, project: Project, now: int) -> WebhookBody:
    """A webhook of the project."""
    return WebhookBody(**_shown(webhook, project, now))


def new_webhook_body(webhook: Webhook, project: Project, now: int) -> NewWebhookBody:
    """The same with the newest secret."""
    return NewWebhookBody(**_shown(webhook, project, now), secret=webhook.secrets[0].key)


def delivery_body(delivery: Delivery) -> DeliveryBody:
    """A delivery."""
    return DeliveryBody(
        id=delivery.id,
        webhook_id=delivery.webhook_id,
        message_id=delivery.message_id,
        type=delivery.type,
        subject=delivery.subject,
        status=delivery.status.value,
        attempts=delivery.attempts,
        next_attempt_at=rfc3339(delivery.due_at) if delivery.status is DeliveryStatus.WAITING else None,
        answer_status=delivery.answer_status,
        failure=delivery.failure,
        payload=msgspec.json.decode(delivery.payload) if delivery.payload else None,
        created_at=rfc3339(delivery.created_at),
        ended_at=None if delivery.ended_at is None else rfc3339(delivery.ended_at),
    )


def _shown(webhook: Webhook, project: Project, now: int) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "kind": webhook.kind.value,
        "project": project.name,
        "url": None if webhook.url is None else shown_url(webhook.url),
        "description": webhook.description,
        "events": webhook.events,
        "enabled": webhook.disabled_at is None,
        "disabled_at": None if webhook.disabled_at is None else rfc3339(webhook.disabled_at),
        "disabled_reason": webhook.disabled_reason,
        "secrets": len(living(webhook.secrets, now)),
        "created_at": rfc3339(webhook.created_at),
        "updated_at": rfc3339(webhook.updated_at),
    }
