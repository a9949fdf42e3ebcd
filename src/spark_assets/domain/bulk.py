"""One change to many assets."""

from enum import Enum
from typing import Final

import msgspec

MOST_ASSETS: Final = 500
"""Assets of one request."""


class BulkAction(Enum):
    """What is done to each of them."""

    MOVE = "move"
    TAG = "tag"
    UNTAG = "untag"
    DELETE = "delete"
    RESTORE = "restore"


class BulkChange(msgspec.Struct, frozen=True, kw_only=True):
    """An action with what belongs to it: `group_id` to MOVE, `tags` to TAG and UNTAG, nothing to the others."""

    action: BulkAction
    group_id: str | None = None
    tags: tuple[str, ...] | None = None
