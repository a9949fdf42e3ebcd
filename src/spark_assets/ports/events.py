"""What happened, in order, for whoever follows a project."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from spark_assets.domain.event import Event, Position


class EventPart(msgspec.Struct, frozen=True):
    """Events that follow each other, with nothing left out between them."""

    events: list[Event]
    is_held_back: bool
    """Whether more are there already, that wait for a transaction which began earlier: look again shortly."""


class Events(Protocol):
    """The events."""

    async def add(self, events: Sequence[Event]) -> list[Event]:
        """Record them, in this order; the same with their positions."""

    async def after(self, project_id: str, position: Position, limit: int) -> EventPart:
        """What follows in the project. Nothing that is committed later will stand before what is answered."""

    async def newest(self, project_id: str) -> Position:
        """Where the project's newest event stands that `after` would answer."""

    async def before(self, project_id: str, at: int) -> Position:
        """From where `after` answers what the project's first event is that happened at that time or later."""

    async def is_there(self, project_id: str, position: Position) -> bool:
        """Whether the project's event at that position is still on record."""

    async def drop_old(self, before: int, limit: int) -> int:
        """Forget events older than that time; how many."""
