"""Shapes of uploads and batches on our own REST surface."""

import msgspec

from spark_assets.wire.admin import AssetError, TaskBody


class UploadBody(msgspec.Struct):
    """An upload: `open`, then `complete` once its bytes have become a task."""

    id: str
    kind: str
    status: str
    project: str
    length: int
    """Bytes that were announced."""
    offset: int
    """Bytes that have arrived and are durable."""
    task_id: str | None
    created_at: str
    expires_at: str
    """When it is forgotten; each part that arrives puts that off by 24 hours."""


class PresignedUploadBody(msgspec.Struct):
    """Where to send the bytes: one request to the object store itself, with this method and these headers, and no key."""

    id: str
    url: str
    method: str
    headers: dict[str, str]
    expires_at: str
    """Until when the address works."""


class BatchLine(msgspec.Struct, omit_defaults=True):
    """What became of one line of a batch."""

    line: int
    """Counted from 1, as it was sent."""
    status: str
    task: TaskBody | None = None
    """Of an accepted line."""
    error: AssetError | None = None
    """Of a refused one."""
