"""The parameters of webhooks on our own REST surface."""

from typing import Any, Final

from msgspec.structs import replace

from spark_assets.domain import event_parameters
from spark_assets.domain.array_values import any_number_of
from spark_assets.domain.event import EventType, read_position
from spark_assets.domain.filter_values import ASSET_KEYS, whole
from spark_assets.domain.own_parameters import DESCRIPTION, read_flag
from spark_assets.domain.parameter import CALLBACK_URL, Parameter
from spark_assets.domain.parameter_values import choice, read_opaque_id, read_text
from spark_assets.domain.webhook import LONGEST_SECRET_GRACE, SECRET_GRACE, DeliveryStatus

_, _read_time = ASSET_KEYS["CreatedAfter"]
_read_type = choice(EventType)


def _read_event(name: str, value: Any) -> str:
    kind: str = _read_type(name, value).value
    return kind


WEBHOOK_URL: Final = replace(
    CALLBACK_URL, name="url", field="url", description="Where to post, by http or https; its query is kept, and never shown again"
)
EVENTS: Final = Parameter(
    name="events",
    field="events",
    description="The events it is told of; without any, all of them, also those of later versions",
    read=any_number_of(_read_event, len(EventType)),
    json_type="array",
    example=["asset.active", "asset.failed"],
    default=[],
    choices=tuple(kind.value for kind in EventType),
    max_items=len(EventType),
)
WEBHOOK_DESCRIPTION: Final = replace(DESCRIPTION, description="What it is for", example="the render farm")
ENABLED: Final = Parameter(
    name="enabled",
    field="enabled",
    description="false: nothing is delivered to it; true: what happens from now on is, and what is still waiting",
    read=read_flag,
    json_type="boolean",
    example=True,
)
GRACE: Final = Parameter(
    name="grace_seconds",
    field="grace",
    description="Seconds that the replaced secret goes on signing beside the new one, at most 7 days; 0: it ends at once",
    read=whole(0, LONGEST_SECRET_GRACE),
    json_type="integer",
    example=3600,
    default=SECRET_GRACE,
    minimum=0,
    maximum=LONGEST_SECRET_GRACE,
)
DELIVERY_STATUS: Final = Parameter(
    name="status",
    field="status",
    description="Deliveries in this state",
    read=choice(DeliveryStatus),
    example="failed",
    choices=tuple(status.value for status in DeliveryStatus),
)
DELIVERY_ID: Final = Parameter(
    name="delivery_id",
    field="delivery_id",
    description="The delivery to repeat, from the list of deliveries",
    read=read_opaque_id,
    example="d4k0g7ru3s2e5m1c9q8g",
)
SINCE: Final = Parameter(
    name="since",
    field="since",
    description="What happened at this time (RFC 3339) or later, as far as events are on record",
    read=_read_time,
    example="2026-01-31T12:00:00Z",
    text_format="date-time",
)
AFTER: Final = replace(
    event_parameters.AFTER,
    description="Where the last answer ended: its `next_event`",
    read=lambda name, value: read_position(name, read_text(name, value)),
)
