"""The three operations that the hosted gateway knows, in its task dialect; what it leaves out is null or empty."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from spark_assets.client.errors import TaskFailed
from spark_assets.client.synchronous.means import sleep
from spark_assets.client.synchronous.transport import GENERATION, Transport
from spark_assets.wire.admin import AssetBody, AssetError, GroupBody, TaskBody
from spark_assets.wire.ark import AssetResult, Envelope, IdResult
from spark_assets.wire.spark import TaskCreated, TaskObject

T = TypeVar("T")
_PAUSE: Final = 0.5
"""Seconds between two polls of a task that only reads or names something."""


def get_asset(transport: Transport, asset_id: str, project: str | None = None) -> AssetBody:
    """An asset from either kind of server. Raises NotFound, or TaskFailed at the gateway."""
    if not transport.gateway:
        return transport.get(f"/v1/assets/{asset_id}", AssetBody)
    _, found = _run(transport, "spark_asset_get", {"Id": asset_id, "ProjectName": project}, AssetResult)
    return _asset(found)


def create_group(transport: Transport, name: str, description: str, project: str | None) -> GroupBody:
    """Make a group at the gateway."""
    asked = {"Name": name, "Description": description or None, "GroupType": "AIGC", "ProjectName": project}
    task, made = _run(transport, "spark_asset_create_group", asked, IdResult)
    return GroupBody(made.id, name, description, "AIGC", project or "default", _time(task.created_at), _time(task.created_at), None)


def create_asset(transport: Transport, asked: Mapping[str, Any]) -> TaskBody:
    """Submit an asset at the gateway; its task."""
    return get_task(transport, _submit(transport, "spark_asset_create", asked))


def get_task(transport: Transport, task_id: str) -> TaskBody:
    """A task as the gateway tells of it."""
    return _task(_poll(transport, task_id))


def _run(transport: Transport, model: str, asked: Mapping[str, Any], shape: type[T]) -> tuple[TaskObject, T]:
    task_id = _submit(transport, model, asked)
    while (task := _poll(transport, task_id)).status == "in_progress":
        sleep(_PAUSE)
    if task.status != "completed":
        raise TaskFailed(_task(task))
    return task, _result(task, shape)


def _submit(transport: Transport, model: str, asked: Mapping[str, Any]) -> str:
    given = {name: value for name, value in asked.items() if value is not None}
    return (transport.post(GENERATION, TaskCreated, {"model": model, **given})).id


def _poll(transport: Transport, task_id: str) -> TaskObject:
    return transport.get(f"{GENERATION}/task/{task_id}", TaskObject)


def _result(task: TaskObject, shape: type[T]) -> T:
    assert task.output
    envelope = msgspec.json.decode(task.output[0].content[0].text, type=Envelope)
    return msgspec.json.decode(envelope.result, type=shape)


def _task(task: TaskObject) -> TaskBody:
    metadata, error = task.metadata, task.error
    asset_id = metadata.asset_id
    if asset_id is None and task.status == "completed" and task.model == "spark_asset_create":
        asset_id = _result(task, IdResult).id
    return TaskBody(
        id=task.id, model=task.model, status=task.status, project="", asset_id=asset_id, group_id=metadata.group_id,
        stage=metadata.stage, progress=task.progress or 0.0, bytes_received=metadata.bytes, attempts=metadata.attempts,
        cost=task.usage.cost if task.usage else "0", discount=str(task.usage.discount) if task.usage else "0",
        request_id=metadata.request_id, retry_of=metadata.retry_of, created_at=_time(task.created_at),
        completed_at=_time(metadata.completed_at) if metadata.completed_at else None,
        error=AssetError(error.code, error.message, error.reason) if error else None,
    )  # fmt: skip


def _asset(found: AssetResult) -> AssetBody:
    error = found.error or None
    return AssetBody(
        id=found.id, name=found.name, type=found.asset_type, status=found.status, group_id=found.group_id, project=found.project_name,
        url=found.url or None, sha256=found.sha256 or None, size=found.size or None, format=found.format or None,
        width=found.width or None, height=found.height or None, duration=found.duration or None, frame_rate=found.frame_rate or None,
        codec=found.codec or None, tags=found.tags, external_id=found.external_id or None, metadata=found.metadata or None,
        moderation=found.moderation.strategy, task_id=None, created_at=found.create_time, updated_at=found.update_time, deleted_at=None,
        error=AssetError(error.code, error.message) if error else None,
    )  # fmt: skip


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
