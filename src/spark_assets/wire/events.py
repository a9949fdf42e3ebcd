"""Shapes of our own REST surface: what event streams tell."""

from typing import Any

import msgspec


class EventBody(msgspec.Struct):
    """One thing that happened in a project; webhooks are told the same, without `id`."""

    id: str
    """Where it stands among all events: streams go on behind it."""
    type: str
    """`task.completed`, `task.failed`, `asset.active`, `asset.failed`, `asset.deleted` or `group.deleted`."""
    timestamp: str
    data: dict[str, Any]
    """The IDs of what it happened to, and a few facts: `status`, `error`, or `type`, `sha256` and `size`. Never names."""


class ProgressBody(msgspec.Struct):
    """How far a task has come."""

    stage: str
    """`queued`, `fetching`, `inspecting` or `storing`."""
    progress: float
    """From 0 to 1."""
    bytes: int
    """Received so far."""
