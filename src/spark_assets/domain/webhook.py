"""Webhooks: addresses that are told of events, the secrets that sign what they are told, and the deliveries under way to them.

Messages, headers and secrets are those of the Standard Webhooks specification (https://www.standardwebhooks.com).
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

import msgspec

from spark_assets.domain.event import Event, EventType
from spark_assets.domain.usage import DAY, MICRO

TEST_TYPE: Final = "webhook.test"
"""The type of the message that a test sends; it goes to a webhook whatever events it wants."""
CALLBACK_TYPES: Final = frozenset({EventType.TASK_COMPLETED.value, EventType.TASK_FAILED.value})
"""What the `callback_url` of a task is told."""
MOST_WEBHOOKS: Final = 20
"""Webhooks of one project: each event becomes a row for each of them."""
SECRET_GRACE: Final = 24 * 3600
"""Seconds that a replaced secret goes on signing beside the new one, unless the client says otherwise."""
LONGEST_SECRET_GRACE: Final = 7 * 24 * 3600
MOST_SECRETS: Final = 5
"""Secrets that sign at once: each adds 48 characters to a header. The oldest goes first."""
GIVE_UP_AFTER: Final = 3 * DAY
"""Microseconds after its queueing at which a delivery is tried for the last time."""
ORDER_PATIENCE: Final = 3600 * MICRO
"""Microseconds that a delivery waits for an older one of the same asset to the same webhook; then it goes ahead of it."""
LONGEST_DELAY: Final = 6 * 3600
"""Seconds between two attempts, also where a receiver asks for more."""
_DELAYS: Final = (5, 30, 120, 600, 3600, 3 * 3600, LONGEST_DELAY)
"""Seconds before the second, third, ... attempt; the last one is repeated."""
_JITTER: Final = 0.2
_SECRET_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32
"""The specification asks for 24 to 64."""


class WebhookKind(Enum):
    """What a webhook is for."""

    ENDPOINT = "endpoint"
    """One address of a project, told of the events it wants."""
    CALLBACKS = "callbacks"
    """The addresses that tasks bring along: one webhook for each project, whose secret signs what they are told."""


class DeliveryStatus(Enum):
    """The states of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Secret(msgspec.Struct, frozen=True):
    """A signing secret; `ends_at` (Unix microseconds) only where it has been replaced."""

    key: str
    ends_at: int | None = None


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook of a project. Times are Unix microseconds."""

    id: str
    project_id: str
    kind: WebhookKind
    url: str | None
    """None for callbacks, and where what sealed it is gone."""
    description: str
    events: tuple[str, ...]
    """Types of events; none of them stands for all."""
    secrets: tuple[Secret, ...]
    """The newest first."""
    created_at: int
    updated_at: int
    disabled_at: int | None = None
    disabled_reason: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way to one webhook. Times are Unix microseconds."""

    id: str
    project_id: str
    webhook_id: str
    place: str
    """Whose places it takes while it is sent: its webhook's, or those of the callbacks to one host, so that no host delays another."""
    message_id: str
    """The same for every attempt, for every webhook that is told of the event, and when it is sent again."""
    subject: str
    """What it is about, an asset before all: such messages keep their order."""
    type: str
    payload: str
    """The body, as it is signed and sent; empty once what it tells of was erased."""
    status: DeliveryStatus = DeliveryStatus.WAITING
    attempts: int = 0
    fence: int = 0
    """Grows with each attempt; only the latest one may say how it went."""
    due_at: int
    answer_status: int | None = None
    """The HTTP status of the latest answer."""
    failure: str | None = None
    """Why the latest attempt failed, in a sentence without addresses."""
    created_at: int
    ended_at: int | None = None
    traceparent: str | None = None
    """The step of a trace that it follows from (W3C Trace Context)."""


def new_webhook_secret() -> str:
    """A fresh secret in the specification's form: `whsec_` and base64."""
    return _SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def callback_place(webhook_id: str, host: str) -> str:
    """The place of callbacks to a host: not its name, which may be a secret."""
    return f"{webhook_id}.{hashlib.sha256(f'{webhook_id} {host}'.encode()).hexdigest()[:16]}"


def callbacks_id(project_id: str) -> str:
    """The ID of a project's webhook of callbacks: there is one of them, whoever is the first to need it."""
    return f"callbacks-{project_id.removeprefix('project-')}"


def rotated(held: tuple[Secret, ...], key: str, now: int, grace: int) -> tuple[Secret, ...]:
    """The secrets with a new one before them; the others sign for `grace` more seconds, unless they end sooner."""
    end = now + grace * MICRO
    kept = [Secret(old.key, end if old.ends_at is None else min(old.ends_at, end)) for old in held]
    return (Secret(key), *living([old for old in kept if grace], now))[:MOST_SECRETS]


def living(held: tuple[Secret, ...] | list[Secret], now: int) -> tuple[Secret, ...]:
    """Those of the secrets that sign at `now`."""
    return tuple(secret for secret in held if secret.ends_at is None or now < secret.ends_at)


def message_id(event: Event) -> str:
    """The ID under which receivers are told of an event; no two servers share one."""
    return f"evt_{event.created_at:x}-{event.position}"


def subject_of(event: Event) -> str:
    """What an event is about: the asset if there is one, else the group, else the task."""
    return event.asset_id or event.group_id or event.task_id or event.project_id


def compose(kind: str, at: int, data: Mapping[str, Any]) -> str:
    """The body of a message: `type`, `timestamp` (when it happened, RFC 3339) and `data`."""
    seconds, rest = divmod(at, MICRO)
    stamp = f"{datetime.fromtimestamp(seconds, UTC).strftime('%Y-%m-%dT%H:%M:%S')}.{rest:06d}Z"
    return msgspec.json.encode({"type": kind, "timestamp": stamp, "data": data}).decode()


def shown_url(url: str) -> str:
    """An address without what may be a credential: its query and its fragment."""
    return url.partition("#")[0].partition("?")[0]


def next_attempt(delivery: Delivery, now: int, chance: float, asked: float | None = None) -> int | None:
    """When to try again (Unix microseconds) after `attempts` failures; None: never.

    `chance` (0 to 1) spreads attempts by a fifth; `asked`: seconds that the receiver asked for, honoured up to LONGEST_DELAY.
    """
    last = delivery.created_at + GIVE_UP_AFTER
    if now >= last:
        return None
    delay = _DELAYS[min(max(delivery.attempts, 1), len(_DELAYS)) - 1] * (1 - _JITTER + 2 * _JITTER * chance)
    return min(now + int(max(delay, min(asked or 0.0, LONGEST_DELAY)) * MICRO), last)
