"""Counting requests against a limit."""

from typing import Final, Protocol

import msgspec

WINDOW: Final = 1
"""Seconds that are counted together: whole ones of the counter's own clock."""


class Verdict(msgspec.Struct, frozen=True):
    """Whether a request is within its limit, how many more are in this window, and in how many seconds it is over, rounded up."""

    allowed: bool
    remaining: int
    reset: int = WINDOW


class RateCounter(Protocol):
    """Counts for all processes that share it; exact, however many ask at once."""

    async def take(self, key_id: str, operation: str, limit: int) -> Verdict:
        """Count one request of the key for the operation, unless `limit` of them were counted in this window. Raises Unavailable."""
