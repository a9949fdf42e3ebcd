"""Events: what happened in a project, in the order in which it is told. IDs and facts, never names: those are read anew."""

from enum import Enum
from typing import Any, Final

import msgspec

from spark_assets.domain.errors import InvalidParameter

_MOST_DIGITS: Final = 18
"""Of either number of a position: what fits the database's whole numbers."""


class EventType(Enum):
    """What can happen, in the names that receivers see."""

    TASK_COMPLETED = "task.completed"
    TASK_FAILED = "task.failed"
    ASSET_ACTIVE = "asset.active"
    ASSET_FAILED = "asset.failed"
    ASSET_DELETED = "asset.deleted"
    GROUP_DELETED = "group.deleted"


class Position(msgspec.Struct, frozen=True, order=True):
    """Where an event stands among all others: it travels as `<transaction>-<number>`, and leads on from there."""

    transaction: int
    """The number of the transaction on PostgreSQL, 0 on SQLite."""
    number: int

    def __str__(self) -> str:
        return f"{self.transaction}-{self.number}"


BEGINNING: Final = Position(0, 0)
"""Before every event."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened."""

    type: EventType
    project_id: str
    created_at: int
    """Unix microseconds."""
    asset_id: str | None = None
    group_id: str | None = None
    task_id: str | None = None
    facts: dict[str, Any] = {}
    """What a receiver is told beside the IDs: a status, an error, hash, size and type."""
    position: Position | None = None
    """Given when it is recorded."""

    @property
    def data(self) -> dict[str, Any]:
        """All that a receiver is told of it: the IDs that it has, and the facts."""
        ids = {"project_id": self.project_id, "asset_id": self.asset_id, "group_id": self.group_id, "task_id": self.task_id}
        return {name: value for name, value in ids.items() if value is not None} | self.facts


def read_position(name: str, text: str) -> Position:
    """The position that a client was told. Raises InvalidParameter of that name."""
    transaction, _, number = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= _MOST_DIGITS for part in (transaction, number)):
        raise InvalidParameter(name, f"{name} must be the ID of an event, such as 0-42")
    return Position(int(transaction), int(number))
