"""Lists: what to show of them, in which order, and which part."""

import unicodedata
from enum import Enum
from typing import Final

import msgspec

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.media import AssetType
from spark_assets.domain.task import TaskStatus

DEFAULT_PAGE: Final = 10
LARGEST_PAGE: Final = 100
LARGEST_PAGE_NUMBER: Final = 1_000_000
MOST_GROUPS: Final = 100
"""Groups that a filter may name."""
LIVENESS_GROUPS: Final = "LivenessFace"
"""A kind of group that the vendor's clients may ask for, and of which there are none here."""


class SortBy(Enum):
    """What a list is sorted by, in the vendor's spelling."""

    CREATE_TIME = "CreateTime"
    UPDATE_TIME = "UpdateTime"
    GROUP_ID = "GroupId"


class SortOrder(Enum):
    """Which end of a list comes first."""

    DESCENDING = "Desc"
    ASCENDING = "Asc"


class AssetFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which assets are meant; an empty field leaves all. Times are Unix microseconds."""

    asset_ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    group_type: str = "AIGC"
    statuses: tuple[AssetStatus, ...] = ()
    name: str = ""
    """A part of the name, in any case."""
    types: tuple[AssetType, ...] = ()
    tags: tuple[str, ...] = ()
    """All of them."""
    external_id: str | None = None
    sha256: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    in_trash: bool = False
    """What was deleted and can still be restored, instead of what is there."""


class GroupFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which groups are meant; an empty field leaves all."""

    group_ids: tuple[str, ...] = ()
    group_type: str = "AIGC"
    name: str = ""
    in_trash: bool = False
    """What was deleted and can still be restored, instead of what is there."""


class TaskFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks are meant; an empty field leaves all."""

    statuses: tuple[TaskStatus, ...] = ()
    models: tuple[str, ...] = ()
    asset_id: str | None = None


class Position(msgspec.Struct, frozen=True):
    """A place in a sorted list: the values it is sorted by, and the ID that settles ties."""

    values: tuple[int | str, ...]
    id: str


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a sorted list that is wanted: behind a position, or from an offset."""

    sort_by: SortBy = SortBy.CREATE_TIME
    order: SortOrder = SortOrder.DESCENDING
    limit: int = DEFAULT_PAGE
    after: Position | None = None
    offset: int = 0


def folded(name: str) -> str:
    """A name as it is searched: in no case of its own, and in one spelling of each character."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
