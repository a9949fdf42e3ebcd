"""What the hosted gateway answers, as far as it documents that; our own server says more, and what is left out is null or empty."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from spark_assets.wire.admin import AssetBody, AssetError, TaskBody

IN_PROGRESS: Final = "in_progress"
_ENDS: Final = frozenset({"completed", "failed"})


class HostedError(msgspec.Struct):
    """Why a task failed."""

    code: str | int = "InternalError"
    message: str = ""
    reason: str | None = None


class HostedContent(msgspec.Struct):
    """One piece of a result: JSON in `text`."""

    text: str = ""


class HostedOutput(msgspec.Struct):
    """One output of a task."""

    content: list[HostedContent]


class HostedUsage(msgspec.Struct):
    """What a task cost."""

    cost: str | int | float = "0"
    discount: str | int | float = 0


class HostedTask(msgspec.Struct):
    """A task as it is polled."""

    id: str
    status: str
    model: str = ""
    created_at: float = 0
    progress: float | None = None
    error: HostedError | None = None
    output: list[HostedOutput] | None = None
    usage: HostedUsage | None = None
    metadata: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The result, as JSON; empty without one."""
        return next((piece.text for output in self.output or () for piece in output.content), "")


class HostedEnvelope(msgspec.Struct, rename="pascal"):
    """A result with its head, of which nothing is needed."""

    result: msgspec.Raw


class HostedId(msgspec.Struct, rename="pascal"):
    """The result of what makes one thing."""

    id: str


class HostedModeration(msgspec.Struct, rename="pascal"):
    """What was asked of a moderation."""

    strategy: str = "Default"


class HostedFault(msgspec.Struct, rename="pascal"):
    """Why an asset failed."""

    code: str = "InternalError"
    message: str = ""


class HostedAsset(msgspec.Struct, rename="pascal"):
    """An asset."""

    id: str
    status: str
    name: str = ""
    url: str = msgspec.field(default="", name="URL")
    asset_type: str = ""
    group_id: str = ""
    project_name: str = ""
    moderation: HostedModeration = msgspec.field(default_factory=HostedModeration)
    create_time: str = ""
    update_time: str = ""
    error: HostedFault | None = None
    sha256: str | None = None
    size: int | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    frame_rate: float | None = None
    codec: str | None = None
    tags: tuple[str, ...] = ()
    external_id: str | None = None
    metadata: dict[str, Any] | None = None


def task_body(task: HostedTask, asset_id: str | None) -> TaskBody:
    """A task in the shape of our own surface; whatever is no end is on its way."""
    told = task.metadata or {}
    error, usage, completed_at = task.error, task.usage or HostedUsage(), told.get("completed_at")
    return TaskBody(
        id=task.id, model=task.model, status=task.status if task.status in _ENDS else IN_PROGRESS, project="",
        asset_id=told.get("asset_id") or asset_id, group_id=told.get("group_id"), stage=told.get("stage") or task.status,
        progress=task.progress or 0.0, bytes_received=told.get("bytes") or 0, attempts=told.get("attempts") or 0,
        cost=str(usage.cost), discount=str(usage.discount), request_id=told.get("request_id") or "", retry_of=told.get("retry_of"),
        created_at=time_text(task.created_at), completed_at=time_text(completed_at) if completed_at else None,
        error=AssetError(str(error.code), error.message, error.reason) if error else None,
    )  # fmt: skip


def asset_body(found: HostedAsset) -> AssetBody:
    """An asset in the shape of our own surface."""
    error = found.error
    return AssetBody(
        id=found.id, name=found.name, type=found.asset_type, status=found.status, group_id=found.group_id, project=found.project_name,
        url=found.url or None, sha256=found.sha256, size=found.size, format=found.format, width=found.width, height=found.height,
        duration=found.duration, frame_rate=found.frame_rate, codec=found.codec, tags=found.tags, external_id=found.external_id,
        metadata=found.metadata, moderation=found.moderation.strategy, task_id=None, created_at=found.create_time,
        updated_at=found.update_time, deleted_at=None, error=AssetError(error.code, error.message) if error else None,
    )  # fmt: skip


def time_text(seconds: float) -> str:
    """Unix seconds as our own surface writes a time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
