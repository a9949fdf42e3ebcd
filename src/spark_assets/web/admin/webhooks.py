"""`/v1/webhooks`: addresses that are told of events, and what became of each delivery."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain import webhook_parameters as given
from spark_assets.operations import deliveries, webhooks
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.endpoint import Asked, Endpoint, changing, reading
from spark_assets.web.exchange import Exchange, encode
from spark_assets.wire.webhook import (
    DeliveryBody,
    DeliveryList,
    NewWebhookBody,
    ReplayBody,
    WebhookBody,
    WebhookList,
    delivery_body,
    new_webhook_body,
    webhook_body,
)

_PART: Final = ("max_results", "next_token", "sort_order")


async def _list(repositories: Repositories, asked: Asked) -> WebhookList:
    listed, project = await webhooks.page(repositories, asked.call, Paging(**asked.pick(*_PART)), asked.values.get("project"))
    return WebhookList([webhook_body(webhook, project, asked.call.now) for webhook in listed.items], listed.next_token)


async def _create(uow: UnitOfWork, asked: Asked) -> NewWebhookBody:
    return new_webhook_body(*await webhooks.create(uow, asked.call, webhooks.CreateWebhook(**asked.values)), asked.call.now)


async def _get(repositories: Repositories, asked: Asked) -> WebhookBody:
    return webhook_body(*await webhooks.find(repositories, asked.call, asked.path["webhook_id"]), asked.call.now)


async def _update(uow: UnitOfWork, asked: Asked) -> WebhookBody:
    command = webhooks.UpdateWebhook(id=asked.path["webhook_id"], **asked.values)
    return webhook_body(*await webhooks.update(uow, asked.call, command), asked.call.now)


async def _delete(uow: UnitOfWork, asked: Asked) -> None:
    await webhooks.delete(uow, asked.call, asked.path["webhook_id"])


async def _rotate(uow: UnitOfWork, asked: Asked) -> NewWebhookBody:
    found = await webhooks.rotate(
        uow, asked.call, asked.path["webhook_id"], project_name=asked.values.get("project"), **asked.pick("grace")
    )
    return new_webhook_body(*found, asked.call.now)


async def _list_deliveries(repositories: Repositories, asked: Asked) -> DeliveryList:
    paging = Paging(**asked.pick(*_PART))
    listed = await deliveries.page(repositories, asked.call, asked.path["webhook_id"], asked.values.get("status"), paging)
    return DeliveryList([delivery_body(delivery) for delivery in listed.items], listed.next_token)


async def _test(uow: UnitOfWork, asked: Asked) -> DeliveryBody:
    return delivery_body(await deliveries.send_test(uow, asked.call, asked.path["webhook_id"]))


async def _resend(uow: UnitOfWork, asked: Asked) -> DeliveryBody:
    return delivery_body(await deliveries.resend(uow, asked.call, asked.path["webhook_id"], asked.values["delivery_id"]))


async def _replay(exchange: Exchange, asked: Asked) -> bytes:
    """Many transactions of its own. A receiver that is told twice of an event knows it by the ID of the message."""
    database = exchange.site.runtime.database
    replayed = await deliveries.replay(
        database, asked.call, asked.path["webhook_id"], asked.values["since"], after=asked.values.get("after")
    )
    return encode(ReplayBody(replayed.queued, None if replayed.next_event is None else str(replayed.next_event)))


_ALL: Final = "/v1/webhooks"
_ONE: Final = "/v1/webhooks/{webhook_id}"
_WEBHOOKS: Final = (
    Endpoint(
        method="GET",
        path=_ALL,
        summary="The webhooks of a project; needs the scope project:admin",
        query=(own.PROJECT, *own.PART),
        answer=WebhookList,
        handle=reading(_list),
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="POST",
        path=_ALL,
        summary="Make a webhook, whose secret is shown this once; needs the scope project:admin",
        required=(given.WEBHOOK_URL,),
        optional=(given.EVENTS, given.WEBHOOK_DESCRIPTION, own.PROJECT),
        answer=NewWebhookBody,
        status=201,
        handle=changing(_create),
        errors=("NotFound.ProjectName", "Conflict.Webhooks"),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        summary="A webhook, without its secrets; needs the scope project:admin",
        answer=WebhookBody,
        handle=reading(_get),
        errors=("NotFound.webhook_id",),
    ),
    Endpoint(
        method="PATCH",
        path=_ONE,
        summary="Change a webhook, disable it or enable it again; needs the scope project:admin. Null clears",
        optional=(given.WEBHOOK_URL, given.EVENTS, given.WEBHOOK_DESCRIPTION, given.ENABLED),
        clearing={"events": (), "description": ""},
        answer=WebhookBody,
        handle=changing(_update),
        errors=("NotFound.webhook_id",),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        summary="End a webhook: nothing is delivered to it any more; needs the scope project:admin",
        handle=changing(_delete),
        errors=("NotFound.webhook_id", "Conflict.Callbacks"),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/rotate",
        summary=(
            "Give a webhook a new secret, which is shown this once; needs the scope project:admin. "
            "The ID `callbacks` stands for the webhook of the project's callbacks, which is made if there is none yet"
        ),
        optional=(given.GRACE, own.PROJECT),
        answer=NewWebhookBody,
        handle=changing(_rotate),
        errors=("NotFound.webhook_id", "NotFound.ProjectName"),
    ),
)
_DELIVERIES: Final = (
    Endpoint(
        method="GET",
        path=f"{_ONE}/deliveries",
        summary="What was sent to a webhook, and what became of it; needs the scope project:admin",
        query=(given.DELIVERY_STATUS, *own.PART),
        answer=DeliveryList,
        handle=reading(_list_deliveries),
        errors=("NotFound.webhook_id",),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/test",
        summary="Send a message of the type webhook.test; needs the scope project:admin",
        answer=DeliveryBody,
        status=202,
        handle=changing(_test),
        errors=("NotFound.webhook_id", "Conflict.Callbacks", "Conflict.Status"),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/resend",
        summary="Send a message once more, under its ID; needs the scope project:admin",
        required=(given.DELIVERY_ID,),
        answer=DeliveryBody,
        status=202,
        handle=changing(_resend),
        errors=("NotFound.webhook_id", "NotFound.delivery_id", "Conflict.Callbacks", "Conflict.Status"),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/replay",
        summary="Send what happened since a time once more, under the same IDs, up to 10,000 events a call; needs the scope project:admin",
        required=(given.SINCE,),
        optional=(given.AFTER,),
        answer=ReplayBody,
        status=202,
        handle=_replay,
        errors=("NotFound.webhook_id", "Conflict.Callbacks", "Conflict.Status"),
    ),
)
ENDPOINTS: Final = (*_WEBHOOKS, *_DELIVERIES)
