"""Result shapes shared by both dialects, in the vendor's spelling."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType, field

VERSION = "2024-01-01"
SERVICE = "ark"


class ResponseMetadata(msgspec.Struct, rename="pascal"):
    """The head of every result envelope."""

    request_id: str
    action: str
    version: str
    service: str
    region: str


class Envelope(msgspec.Struct, rename="pascal"):
    """A result with its head."""

    response_metadata: ResponseMetadata
    result: msgspec.Raw


class ActionError(msgspec.Struct, rename="pascal", omit_defaults=True):
    """Why an action was refused; `CodeN` where the vendor documents a number."""

    code: str
    message: str
    code_n: int | None = field(default=None, name="CodeN")


class ErrorMetadata(ResponseMetadata, rename="pascal"):
    """The head of an envelope that holds an error instead of a result."""

    error: ActionError


class ErrorEnvelope(msgspec.Struct, rename="pascal"):
    """A refusal in the action dialect."""

    response_metadata: ErrorMetadata


class IdResult(msgspec.Struct, rename="pascal"):
    """The result of what creates or changes one thing."""

    id: str


class NoResult(msgspec.Struct):
    """The result of a deletion."""


class GroupResult(msgspec.Struct, rename="pascal"):
    """A group as both dialects show it; `Title` repeats the name."""

    id: str
    name: str
    title: str
    description: str
    group_type: str
    project_name: str
    create_time: str
    update_time: str


class ListResult(msgspec.Struct, rename="pascal"):
    """One part of a list: counted in page mode, with a cursor until the end in cursor mode."""

    items: list[Any]
    total_count: int | UnsetType = UNSET
    page_number: int | UnsetType = UNSET
    page_size: int | UnsetType = UNSET
    next_token: str | UnsetType = UNSET


class ModerationResult(msgspec.Struct, rename="pascal"):
    """What was asked of the moderation hook."""

    strategy: str


class ErrorResult(msgspec.Struct, rename="pascal"):
    """Why an asset failed, with the bare code."""

    code: str
    message: str


class AssetResult(msgspec.Struct, rename="pascal"):
    """An asset as both dialects show it; what was measured is there once the asset is active."""

    id: str
    name: str
    url: str = field(name="URL")
    asset_type: str
    group_id: str
    status: str
    moderation: ModerationResult
    create_time: str
    update_time: str
    project_name: str
    error: ErrorResult | UnsetType = UNSET
    sha256: str | UnsetType = UNSET
    size: int | UnsetType = UNSET
    format: str | UnsetType = UNSET
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    frame_rate: float | UnsetType = UNSET
    codec: str | UnsetType = UNSET
    tags: tuple[str, ...] = ()
    external_id: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
