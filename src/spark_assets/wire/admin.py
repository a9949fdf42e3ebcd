"""Shapes of our own REST surface, in snake_case."""

from typing import Any

import msgspec


class AssetError(msgspec.Struct, omit_defaults=True):
    """Why an asset failed."""

    code: str
    message: str
    reason: str | None = None


class AssetBody(msgspec.Struct):
    """An asset; what does not apply, or is not known yet, is null."""

    id: str
    name: str
    type: str
    status: str
    group_id: str
    project: str
    url: str | None
    sha256: str | None
    size: int | None
    format: str | None
    width: int | None
    height: int | None
    duration: float | None
    frame_rate: float | None
    codec: str | None
    tags: tuple[str, ...]
    external_id: str | None
    metadata: dict[str, Any] | None
    created_at: str
    updated_at: str
    error: AssetError | None
