"""Holds: for as long as one lives, the sweeper removes no stored bytes."""

from typing import Protocol

import msgspec


class Hold(msgspec.Struct, frozen=True):
    """Who holds the sweeper, and until when (Unix microseconds) unless it is renewed."""

    id: str
    reason: str
    until: int


class Holds(Protocol):
    """The holds, those that are over included."""

    async def keep(self, hold: Hold) -> None:
        """Record a hold, or renew it."""

    async def release(self, hold_id: str) -> None:
        """Forget a hold, if it is there."""

    async def find(self, hold_id: str) -> Hold | None:
        """The hold, over or not."""

    async def is_held(self, at: int) -> bool:
        """Whether any hold lives at that time."""
