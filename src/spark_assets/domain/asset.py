"""Assets: one media file with a name, and its life from `Processing` to `Active` or `Failed`, for good."""

from enum import Enum
from typing import Any, Final

import msgspec

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import AssetType, MediaFacts


class AssetStatus(Enum):
    """The states of an asset, in the vendor's spelling. `Processing` ends in one of the others and never comes back."""

    PROCESSING = "Processing"
    ACTIVE = "Active"
    FAILED = "Failed"


class ModerationStrategy(Enum):
    """What the client asked of the moderation hook."""

    DEFAULT = "Default"
    SKIP = "Skip"


class Variant(Enum):
    """The forms in which an asset's bytes are delivered."""

    ORIGINAL = "original"
    THUMBNAIL = "thumbnail"
    POSTER = "poster"
    WAVEFORM = "waveform"


RENDERED: Final = tuple(variant for variant in Variant if variant is not Variant.ORIGINAL)
"""The variants that are made from an original."""


class Failure(msgspec.Struct, frozen=True):
    """Why something failed, as it is stored: the bare code, a sentence, and a reason where there is one."""

    code: str
    message: str
    reason: str | None = None

    @classmethod
    def of(cls, error: IngestFailure) -> "Failure":
        """The record of an ingest failure."""
        return cls(error.code, error.message, error.reason)


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One image, video or audio file in a group. Times are Unix microseconds, sizes bytes."""

    id: str
    project_id: str
    group_id: str
    name: str
    type: AssetType
    status: AssetStatus
    moderation: ModerationStrategy
    created_at: int
    updated_at: int
    task_id: str | None = None
    """The task that ingests it."""
    external_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] | None = None
    failure: Failure | None = None
    """Only when `Failed`."""
    deleted_at: int | None = None
    """Since when it is in the trash."""
    sha256: str | None = None
    size: int | None = None
    facts: MediaFacts | None = None
    """`sha256`, `size` and `facts`: only when `Active`."""


class Deleted(msgspec.Struct, frozen=True):
    """What must be known of an asset that has just gone into the trash."""

    id: str
    group_id: str
    project_id: str
    size: int | None
    """Bytes that it holds."""


def preview_variant(asset_type: AssetType) -> Variant:
    """The rendition that stands for an asset of this type in a list."""
    match asset_type:
        case AssetType.IMAGE:
            return Variant.THUMBNAIL
        case AssetType.VIDEO:
            return Variant.POSTER
        case AssetType.AUDIO:
            return Variant.WAVEFORM
