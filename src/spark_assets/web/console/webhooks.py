"""Webhooks: addresses that are told of events, and what became of each message."""

from typing import Final

from spark_assets.domain.event import EventType
from spark_assets.domain.webhook import LONGEST_SECRET_GRACE, SECRET_GRACE, DeliveryStatus, WebhookKind
from spark_assets.web.console.frame import Page

GRACES: Final = {0: "at once", 3600: "in an hour", SECRET_GRACE: "in a day", LONGEST_SECRET_GRACE: "in seven days"}
"""When a secret ends that is replaced, in words, by seconds."""
_EVENTS: Final = [kind.value for kind in EventType]


async def show_webhooks(page: Page) -> None:
    """`/console/webhooks`: those of the project."""
    found = await page.ask("/v1/webhooks", {"project": page.project, **page.part(50)})
    has_callbacks = any(webhook["kind"] == WebhookKind.CALLBACKS.value for webhook in found["items"])
    await page.show(
        "webhooks.html.jinja", webhooks=found["items"], next_cursor=found["next_cursor"], events=_EVENTS, has_callbacks=has_callbacks
    )


async def show_webhook(page: Page) -> None:
    """`/console/webhooks/{webhook_id}`: one of them, and what was sent to it, narrowed by `status`."""
    webhook_id = str(page.exchange.path_parameters["webhook_id"])
    webhook = await page.ask("/v1/webhooks/{webhook_id}", webhook_id=webhook_id)
    query = {"status": page.one("status"), **page.part(30)}
    found = await page.ask("/v1/webhooks/{webhook_id}/deliveries", query, webhook_id=webhook_id)
    await page.within(webhook["project"]).show(
        "webhook.html.jinja",
        webhook=webhook, deliveries=found["items"], next_cursor=found["next_cursor"], events=_EVENTS, graces=GRACES,
        usual_grace=SECRET_GRACE, statuses=[one.value for one in DeliveryStatus], is_endpoint=webhook["kind"] == WebhookKind.ENDPOINT.value,
    )  # fmt: skip
