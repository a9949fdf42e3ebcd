"""The three operations that the hosted gateway knows, in its task dialect."""

import time
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from spark_assets.client.bodies import step
from spark_assets.client.errors import NotAtGateway, TaskFailed, WaitTimedOut
from spark_assets.client.hosted import IN_PROGRESS, HostedAsset, HostedEnvelope, HostedId, HostedTask, asset_body, task_body, time_text
from spark_assets.client.synchronous.means import sleep
from spark_assets.client.synchronous.transport import GENERATION, Transport
from spark_assets.wire.admin import AssetBody, GroupBody, TaskBody

T = TypeVar("T")
_PAUSE: Final = 0.5
"""Seconds between two polls of a task that only reads or names something."""
_PATIENCE: Final = 60.0
"""Seconds within which such a task has ended."""
_CREATE: Final = "spark_asset_create"
_UNDERSTOOD: Final = frozenset({"group_id", "type", "name", "project"})
"""What can be said there of an asset, besides its URL."""


def get_asset(transport: Transport, asset_id: str, project: str | None = None) -> AssetBody:
    """An asset from either kind of server. Raises NotFound, or TaskFailed at the gateway."""
    if not transport.gateway:
        return transport.get(f"/v1/assets/{step(asset_id)}", AssetBody)
    asked = {"Id": asset_id, "ProjectName": project or transport.project}
    _, found = _run(transport, "spark_asset_get", asked, HostedAsset)
    return asset_body(found)


def settled_asset(transport: Transport, task: TaskBody, project: str | None, timeout: float) -> AssetBody:
    """The asset of a completed task once it is active: at the gateway, that may come later. Raises TaskFailed, WaitTimedOut."""
    deadline = time.monotonic() + timeout
    while (asset := get_asset(transport, task.asset_id or "", project)).status == "Processing":
        if time.monotonic() >= deadline:
            raise WaitTimedOut(task, timeout)
        sleep(_PAUSE)
    if asset.error is not None:
        task.error = asset.error
        raise TaskFailed(task)
    return asset


def create_group(transport: Transport, name: str, description: str, project: str | None) -> GroupBody:
    """Make a group at the gateway. Raises NotAtGateway for a description."""
    if description:
        raise NotAtGateway("description of a group")
    project = project or transport.project
    task, made = _run(transport, "spark_asset_create_group", {"Name": name, "GroupType": "AIGC", "ProjectName": project}, HostedId)
    created_at = time_text(task.created_at)
    return GroupBody(made.id, name, "", "AIGC", project or "default", created_at, created_at, None)


def create_asset(transport: Transport, url: str, fields: Mapping[str, Any]) -> TaskBody:
    """Submit an asset at the gateway; its task. Raises NotAtGateway for what cannot be said of an asset there."""
    if unknown := fields.keys() - _UNDERSTOOD:
        raise NotAtGateway(f"{', '.join(sorted(unknown))} of an asset")
    asked = {
        "Name": fields.get("name"), "URL": url, "AssetType": fields["type"], "GroupId": fields["group_id"],
        "ProjectName": fields.get("project") or transport.project,
    }  # fmt: skip
    return get_task(transport, _submit(transport, _CREATE, asked))


def get_task(transport: Transport, task_id: str) -> TaskBody:
    """A task as the gateway tells of it."""
    task = _poll(transport, task_id)
    is_made = task.status == "completed" and task.model in {_CREATE, ""}
    return task_body(task, _result(transport, task, HostedId).id if is_made else None)


def _run(transport: Transport, model: str, asked: Mapping[str, Any], shape: type[T]) -> tuple[HostedTask, T]:
    task_id, deadline = _submit(transport, model, asked), time.monotonic() + _PATIENCE
    while (body := task_body(task := _poll(transport, task_id), None)).status == IN_PROGRESS:
        if time.monotonic() >= deadline:
            raise WaitTimedOut(body, _PATIENCE)
        sleep(_PAUSE)
    if body.status != "completed":
        raise TaskFailed(body)
    return task, _result(transport, task, shape)


def _submit(transport: Transport, model: str, asked: Mapping[str, Any]) -> str:
    given = {name: value for name, value in asked.items() if value is not None}
    return (transport.post(GENERATION, HostedTask, {"model": model, **given})).id


def _poll(transport: Transport, task_id: str) -> HostedTask:
    return transport.get(f"{GENERATION}/task/{step(task_id)}", HostedTask)


def _result(transport: Transport, task: HostedTask, shape: type[T]) -> T:
    return transport.read(bytes(transport.read(task.text, HostedEnvelope).result), shape)
