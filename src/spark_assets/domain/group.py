"""Groups: assets that belong together, such as one character or one campaign."""

from enum import Enum

import msgspec


class GroupType(Enum):
    """The kinds of group; the vendor documents one that clients may create."""

    AIGC = "AIGC"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of assets, in one project. Times are Unix microseconds."""

    id: str
    project_id: str
    name: str
    description: str
    type: GroupType
    created_at: int
    updated_at: int
    deleted_at: int | None = None
    """Since when it is in the trash."""
