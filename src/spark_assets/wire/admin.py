"""Shapes of our own REST surface, in snake_case: the library. What does not apply, or is not known yet, is null."""

from typing import Any

import msgspec


class ProjectBody(msgspec.Struct):
    """A project."""

    id: str
    name: str
    created_at: str


class GroupBody(msgspec.Struct):
    """A group."""

    id: str
    name: str
    description: str
    type: str
    project: str
    created_at: str
    updated_at: str
    deleted_at: str | None
    """Since when it is in the trash."""


class AssetError(msgspec.Struct, omit_defaults=True):
    """Why an asset failed."""

    code: str
    message: str
    reason: str | None = None


class AssetBody(msgspec.Struct):
    """An asset; what was measured is there once it is `Active`."""

    id: str
    name: str
    type: str
    status: str
    group_id: str
    project: str
    url: str | None
    """Signed, and valid for 12 hours."""
    sha256: str | None
    size: int | None
    """Bytes."""
    format: str | None
    width: int | None
    height: int | None
    """Pixels, as displayed."""
    duration: float | None
    """Seconds."""
    frame_rate: float | None
    codec: str | None
    tags: tuple[str, ...]
    external_id: str | None
    metadata: dict[str, Any] | None
    moderation: str
    task_id: str | None
    created_at: str
    updated_at: str
    deleted_at: str | None
    """Since when it is in the trash."""
    error: AssetError | None


class TaskBody(msgspec.Struct):
    """A task: `in_progress`, then `completed` or `failed`, for good."""

    id: str
    model: str
    status: str
    project: str
    asset_id: str | None
    group_id: str | None
    stage: str
    progress: float
    """From 0 to 1."""
    bytes_received: int
    attempts: int
    cost: str
    """US dollars, after the discount."""
    discount: str
    """US dollars taken off."""
    request_id: str
    retry_of: str | None
    """The failed task that this one tries again."""
    created_at: str
    completed_at: str | None
    error: AssetError | None


class ProjectList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[ProjectBody]
    next_cursor: str | None


class GroupList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[GroupBody]
    next_cursor: str | None


class AssetList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[AssetBody]
    next_cursor: str | None


class TaskList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[TaskBody]
    next_cursor: str | None
