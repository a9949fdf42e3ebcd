"""The three operations that the hosted gateway knows, in its task dialect."""

import time
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from spark_assets.client.asynchronous.means import sleep
from spark_assets.client.asynchronous.transport import GENERATION, AsyncTransport
from spark_assets.client.bodies import step
from spark_assets.client.errors import NotAtGateway, TaskFailed, WaitTimedOut
from spark_assets.client.hosted import IN_PROGRESS, HostedAsset, HostedEnvelope, HostedId, HostedTask, asset_body, task_body, time_text
from spark_assets.wire.admin import AssetBody, GroupBody, TaskBody

T = TypeVar("T")
_PAUSE: Final = 0.5
"""Seconds between two polls of a task that only reads or names something."""
_PATIENCE: Final = 60.0
"""Seconds within which such a task has ended."""
_CREATE: Final = "spark_asset_create"
_UNDERSTOOD: Final = frozenset({"group_id", "type", "name", "project"})
"""What can be said there of an asset, besides its URL."""


async def get_asset(transport: AsyncTransport, asset_id: str, project: str | None = None) -> AssetBody:
    """An asset from either kind of server. Raises NotFound, or TaskFailed at the gateway."""
    if not transport.gateway:
        return await transport.get(f"/v1/assets/{step(asset_id)}", AssetBody)
    asked = {"Id": asset_id, "ProjectName": project or transport.project}
    _, found = await _run(transport, "spark_asset_get", asked, HostedAsset)
    return asset_body(found)


async def settled_asset(transport: AsyncTransport, task: TaskBody, project: str | None, timeout: float) -> AssetBody:
    """The asset of a completed task once it is active: at the gateway, that may come later. Raises TaskFailed, WaitTimedOut."""
    deadline = time.monotonic() + timeout
    while (asset := await get_asset(transport, task.asset_id or "", project)).status == "Processing":
        if time.monotonic() >= deadline:
            raise WaitTimedOut(task, timeout)
        await sleep(_PAUSE)
    if asset.error is not None:
        task.error = asset.error
        raise TaskFailed(task)
    return asset


async def create_group(transport: AsyncTransport, name: str, description: str, project: str | None) -> GroupBody:
    """Make a group at the gateway. Raises NotAtGateway for a description."""
    if description:
        raise NotAtGateway("description of a group")
    project = project or transport.project
    task, made = await _run(transport, "spark_asset_create_group", {"Name": name, "GroupType": "AIGC", "ProjectName": project}, HostedId)
    created_at = time_text(task.created_at)
    return GroupBody(made.id, name, "", "AIGC", project or "default", created_at, created_at, None)


async def create_asset(transport: AsyncTransport, url: str, fields: Mapping[str, Any]) -> TaskBody:
    """Submit an asset at the gateway; its task. Raises NotAtGateway for what cannot be said of an asset there."""
    if unknown := fields.keys() - _UNDERSTOOD:
        raise NotAtGateway(f"{', '.join(sorted(unknown))} of an asset")
    asked = {
        "Name": fields.get("name"), "URL": url, "AssetType": fields["type"], "GroupId": fields["group_id"],
        "ProjectName": fields.get("project") or transport.project,
    }  # fmt: skip
    return await get_task(transport, await _submit(transport, _CREATE, asked))


async def get_task(transport: AsyncTransport, task_id: str) -> TaskBody:
    """A task as the gateway tells of it."""
    task = await _poll(transport, task_id)
    is_made = task.status == "completed" and task.model in {_CREATE, ""}
    return task_body(task, _result(transport, task, HostedId).id if is_made else None)


async def _run(transport: AsyncTransport, model: str, asked: Mapping[str, Any], shape: type[T]) -> tuple[HostedTask, T]:
    task_id, deadline = await _submit(transport, model, asked), time.monotonic() + _PATIENCE
    while (body := task_body(task := await _poll(transport, task_id), None)).status == IN_PROGRESS:
        if time.monotonic() >= deadline:
            raise WaitTimedOut(body, _PATIENCE)
        await sleep(_PAUSE)
    if body.status != "completed":
        raise TaskFailed(body)
    return task, _result(transport, task, shape)


async def _submit(transport: AsyncTransport, model: str, asked: Mapping[str, Any]) -> str:
    given = {name: value for name, value in asked.items() if value is not None}
    return (await transport.post(GENERATION, HostedTask, {"model": model, **given})).id


async def _poll(transport: AsyncTransport, task_id: str) -> HostedTask:
    return await transport.get(f"{GENERATION}/task/{step(task_id)}", HostedTask)


def _result(transport: AsyncTransport, task: HostedTask, shape: type[T]) -> T:
    return transport.read(bytes(transport.read(task.text, HostedEnvelope).result), shape)
