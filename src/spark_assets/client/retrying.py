"""When a request is sent again, and when a client gives up."""

import random
import time
from collections.abc import Callable, Mapping
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
_PATIENCE: Final = 70.0
"""Seconds after the first failure within which another attempt is begun: a minute, and what is drawn on top of the longest wish."""


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often a request is sent, at most; requests that could do something twice are not repeated."""

    attempts: int = ATTEMPTS
    """Of a request to a server that was there."""
    without_hope: int = 5
    """Of any other: a few seconds, for an address where nobody has answered yet, or a server that fails without asking for patience."""
    clock: Callable[[], float] = time.monotonic

    @property
    def patience(self) -> float:
        """Seconds after the first failure within which another attempt is begun; who asks for more attempts has more time for them."""
        return _PATIENCE + _LONGEST_PAUSE * max(0, self.attempts - ATTEMPTS)


class Persistence:
    """The attempts at one thing: how many there were, and for how long, since it last came a step forward."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._deadline: float | None = None

    def step_forward(self) -> None:
        """What failed before is forgotten."""
        self._failures, self._deadline = 0, None

    def pause(self, wish: float | None = None, *, is_hopeful: bool = True) -> float | None:
        """After a failure: seconds until the next attempt, or None if there is to be none.

        Drawn at random up to a bound that doubles; above what the server wishes, so that not all whom it told the same come at once.
        """
        policy, now = self._policy, self._policy.clock()
        self._failures += 1
        self._deadline = self._deadline or now + policy.patience
        attempts = policy.attempts if is_hopeful else min(policy.attempts, policy.without_hope)
        if self._failures >= attempts or (wish is not None and wish > _LONGEST_WISH):
            return None
        pause = draw_pause(self._failures)
        if wish:
            pause = max(pause, wish + random.uniform(0.0, max(1.0, wish / 10)))
        return pause if now + pause <= self._deadline else None


def draw_pause(number: int = 1) -> float:
    """Seconds, at random up to a bound that doubles with the number: it spreads clients in time."""
    return random.uniform(0.5, 1.0) * min(_FIRST_PAUSE * 2.0 ** (number - 1), _LONGEST_PAUSE)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, written as a number or as a date; None without one that makes sense."""
    text: str = headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
