"""Webhooks: made, listed, changed, given new secrets, deleted; and what happens is queued for those that want to know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import Conflict, InvalidParameter, NotFound
from spark_assets.domain.event import Event
from spark_assets.domain.ids import TaskIds, new_webhook_id
from spark_assets.domain.project import Project
from spark_assets.domain.webhook import (
    CALLBACK_TYPES,
    MOST_WEBHOOKS,
    SECRET_GRACE,
    Delivery,
    Secret,
    Webhook,
    WebhookKind,
    callback_place,
    callbacks_id,
    compose,
    message_id,
    new_webhook_secret,
    rotated,
    subject_of,
)
from spark_assets.operations import projects
from spark_assets.operations.audit import record_call
from spark_assets.operations.call import Call
from spark_assets.operations.paging import Listed, Paging, scope_of, select_part
from spark_assets.ports.queue import Job, JobKind
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.ports.webhooks import Callback

CALLBACKS: Final = WebhookKind.CALLBACKS.value
"""Stands for the ID of the webhook of callbacks, which is made when it is first needed."""
MOST_JOBS: Final = 50
"""Jobs that are enqueued at once for one webhook: each goes on with what is due after its own delivery."""


class CreateWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a new webhook; no events stand for all."""

    url: str
    events: tuple[str, ...] = ()
    description: str = ""
    project: str | None = None


class UpdateWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """What a client changes of a webhook; UNSET leaves it as it is."""

    id: str
    url: str | UnsetType = UNSET
    events: tuple[str, ...] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


async def queue(uow: UnitOfWork, events: Sequence[Event], traceparent: str | None = None) -> None:
    """Queue a delivery of each of these events, which were recorded in this unit of work, to each webhook that wants it.

    A project without webhooks costs one statement.
    """
    listeners = await uow.webhooks.listening(sorted({event.project_id for event in events}))
    if not listeners:
        return
    callbacks = await _callbacks(uow, events) if any(found.kind is WebhookKind.CALLBACKS for found in listeners) else {}
    queued: list[Delivery] = []
    called: dict[str, Callback] = {}
    for event in events:
        for listener in listeners:
            if listener.project_id != event.project_id or not listener.wants(event.type.value):
                continue
            if listener.kind is WebhookKind.ENDPOINT:
                queued.append(delivery_of(event, listener.id, event.created_at, traceparent=traceparent))
            elif event.task_id is not None and event.task_id in callbacks:
                queued.append(delivery_of(event, listener.id, event.created_at, callbacks[event.task_id], traceparent))
                called[queued[-1].id] = callbacks[event.task_id]
    await send_all(uow, queued, called)


async def send_all(uow: UnitOfWork, deliveries: Sequence[Delivery], called: Mapping[str, Callback] | None = None) -> None:
    """Queue deliveries, with jobs for the first of each place; `called`: where callbacks go, by delivery ID."""
    await uow.deliveries.add(deliveries, {delivery_id: callback.address for delivery_id, callback in (called or {}).items()})
    jobs: Counter[str] = Counter()
    for delivery in deliveries:
        jobs[delivery.place] += 1
        if jobs[delivery.place] <= MOST_JOBS:
            uow.enqueue(Job(JobKind.DELIVER, delivery.id, delivery.place))


def delivery_of(event: Event, webhook_id: str, at: int, callback: Callback | None = None, traceparent: str | None = None) -> Delivery:
    """A delivery of the event, queued at `at`; the callbacks to each host have a place of their own."""
    return Delivery(
        id=new_delivery_id(at),
        project_id=event.project_id,
        webhook_id=webhook_id,
        place=webhook_id if callback is None else callback_place(webhook_id, callback.host),
        message_id=message_id(event),
        subject=subject_of(event),
        type=event.type.value,
        payload=compose(event.type.value, event.created_at, event.data),
        due_at=at,
        created_at=at,
        traceparent=traceparent,
    )


def new_delivery_id(at: int) -> str:
    """An ID for a delivery; those that a process makes sort in the order in which they are made."""
    return _ids().new(at)


async def create(uow: UnitOfWork, call: Call, command: CreateWebhook) -> tuple[Webhook, Project]:
    """A new webhook with its first secret.

    Raises AccessDenied, InvalidParameter `url`, NotFound `ProjectName`, Conflict `Webhooks` if the project has too many.
    """
    call.caller.require(Scope.PROJECT_ADMIN)
    call.terms.check_webhook("url", command.url)
    project = await projects.find(uow, call, command.project)
    if await uow.webhooks.count(project.id) >= MOST_WEBHOOKS:
        raise Conflict("Webhooks", f"the project has {MOST_WEBHOOKS} webhooks, which is as many as it may have; delete one first")
    webhook = Webhook(
        id=new_webhook_id(),
        project_id=project.id,
        kind=WebhookKind.ENDPOINT,
        url=command.url,
        description=command.description,
        events=command.events,
        secrets=(Secret(new_webhook_secret()),),
        created_at=call.now,
        updated_at=call.now,
    )
    await uow.webhooks.add(webhook)
    await _record(uow, call, "webhook.created", webhook, events=list(webhook.events))
    return webhook, project


async def make_callbacks(uow: UnitOfWork, project_id: str, now: int) -> Webhook:
    """The project's webhook of callbacks, made if this is its first use."""
    webhook_id = callbacks_id(project_id)
    found = await uow.webhooks.find(webhook_id, [project_id])
    if found is not None:
        return found
    made = Webhook(
        id=webhook_id,
        project_id=project_id,
        kind=WebhookKind.CALLBACKS,
        url=None,
        description="",
        events=tuple(sorted(CALLBACK_TYPES)),
        secrets=(Secret(new_webhook_secret()),),
        created_at=now,
        updated_at=now,
    )
    await uow.webhooks.add(made)  # another request may have been quicker: then its secret is the one that counts
    return await uow.webhooks.find(webhook_id, [project_id]) or made


async def page(repositories: Repositories, call: Call, paging: Paging, project_name: str | None) -> tuple[Listed[Webhook], Project]:
    """One part of the webhooks of the call's project. Raises AccessDenied, NotFound `ProjectName`, InvalidParameter `NextToken`."""
    call.caller.require(Scope.PROJECT_ADMIN)
    project = await projects.find(repositories, call, project_name)
    listed = await select_part(
        paging,
        call.terms.cursors,
        scope_of("webhooks", project.id, None, paging),
        page=lambda part: repositories.webhooks.page(project.id, part),
    )
    return listed, project


async def find(repositories: Repositories, call: Call, webhook_id: str, *, for_change: bool = False) -> tuple[Webhook, Project]:
    """A webhook of any project within the key's reach. Raises AccessDenied, NotFound `webhook_id`."""
    call.caller.require(Scope.PROJECT_ADMIN)
    webhook = await repositories.webhooks.find(webhook_id, projects.reach_of(call), for_change=for_change)
    project = None if webhook is None else await repositories.projects.by_id(webhook.project_id)
    if webhook is None or project is None:
        raise unknown_webhook()
    return webhook, project


async def update(uow: UnitOfWork, call: Call, command: UpdateWebhook) -> tuple[Webhook, Project]:
    """A webhook with what was changed. Raises AccessDenied, NotFound `webhook_id`, InvalidParameter `url` or `events`."""
    webhook, project = await find(uow, call, command.id, for_change=True)
    given = {name: getattr(command, name) for name in ("url", "events", "description")}
    changes = {name: value for name, value in given.items() if value is not UNSET}
    if webhook.kind is WebhookKind.CALLBACKS:
        for name in changes.keys() & {"url", "events"}:
            raise InvalidParameter(name, f"the webhook of callbacks has no {name} of its own: tasks bring it along; leave {name} out")
    if "url" in changes:
        call.terms.check_webhook("url", changes["url"])
    if command.enabled is True:
        changes |= {"disabled_at": None, "disabled_reason": None}
    elif command.enabled is False and webhook.disabled_at is None:
        changes |= {"disabled_at": call.now, "disabled_reason": "it was disabled by a client"}
    changed = replace(webhook, **changes, updated_at=call.now)
    await uow.webhooks.update(changed)
    await _record(uow, call, "webhook.changed", changed, changed=sorted(changes), enabled=changed.disabled_at is None)
    return changed, project


async def delete(uow: UnitOfWork, call: Call, webhook_id: str) -> None:
    """End a webhook: nothing is delivered to it any more. Raises AccessDenied, NotFound `webhook_id`, Conflict `Callbacks`."""
    webhook, _ = await find(uow, call, webhook_id, for_change=True)
    if webhook.kind is WebhookKind.CALLBACKS:
        raise Conflict("Callbacks", "the webhook of callbacks cannot be deleted; to send none, disable it")
    await uow.webhooks.delete(webhook.id, call.now)
    await _record(uow, call, "webhook.deleted", webhook)


async def rotate(
    uow: UnitOfWork, call: Call, webhook_id: str, *, grace: int = SECRET_GRACE, project_name: str | None = None
) -> tuple[Webhook, Project]:
    """A webhook with a new secret; the old ones go on signing beside it for `grace` seconds.

    `webhook_id` may be CALLBACKS, for that of the call's project. Raises AccessDenied, NotFound `webhook_id` or `ProjectName`.
    """
    call.caller.require(Scope.PROJECT_ADMIN)
    if webhook_id == CALLBACKS:
        owner = await projects.find(uow, call, project_name)
        made = await make_callbacks(uow, owner.id, call.now)
        if made.created_at == call.now:  # nobody knows its first secret yet
            await _record(uow, call, "webhook.created", made, events=list(made.events))
            return made, owner
        webhook_id = made.id
    webhook, project = await find(uow, call, webhook_id, for_change=True)
    changed = replace(webhook, secrets=rotated(webhook.secrets, new_webhook_secret(), call.now, grace), updated_at=call.now)
    await uow.webhooks.update(changed)
    await _record(uow, call, "webhook.rotated", changed, grace=grace)
    return changed, project


def unknown_webhook() -> NotFound:
    """The answer for a webhook that does not exist, and for another project's."""
    return NotFound("webhook_id", "there is no webhook with this ID that the API key may see")


async def _callbacks(uow: UnitOfWork, events: Sequence[Event]) -> dict[str, Callback]:
    task_ids = [event.task_id for event in events if event.task_id is not None and event.type.value in CALLBACK_TYPES]
    return await uow.deliveries.callbacks_of(task_ids) if task_ids else {}


async def _record(uow: UnitOfWork, call: Call, action: str, webhook: Webhook, **details: Any) -> None:
    await record_call(uow, call, action, project_id=webhook.project_id, subject=webhook.id, details=details or None)


@cache
def _ids() -> TaskIds:
    """One for the process, made with its first delivery."""
    return TaskIds()
