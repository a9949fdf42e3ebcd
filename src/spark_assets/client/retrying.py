"""When a request is sent again, and when a client gives up."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

_FIRST_PAUSE: Final = 0.25
"""Seconds; twice as many each time."""
_LONGEST_PAUSE: Final = 8.0
_LONGEST_WISH: Final = 60.0
"""Seconds that a server's `Retry-After` is honoured for."""


ATTEMPTS: Final = 12
"""With the pauses between them about 40 seconds, in which a server may be started anew, or what it needs may come back."""


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often a request is sent, at most; requests that could do something twice are not repeated."""

    attempts: int = ATTEMPTS
    """Of a request to a server that was there."""
    without_hope: int = 5
    """Of any other: a few seconds, for an address where nobody has answered yet, or a server that fails without asking for patience."""

    def pause(self, attempt: int, wish: float | None, *, is_hopeful: bool = True) -> float | None:
        """Seconds until the next attempt after the one so numbered (from 1), drawn at random up to a bound that doubles; or None."""
        attempts = self.attempts if is_hopeful else min(self.attempts, self.without_hope)
        if attempt >= attempts or (wish is not None and wish > _LONGEST_WISH):
            return None
        drawn: float = random.uniform(0.5, 1.0) * min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)  # spreads clients in time
        return max(drawn, wish or 0.0)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, written as a number or as a date; None without one that makes sense."""
    text: str = headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
