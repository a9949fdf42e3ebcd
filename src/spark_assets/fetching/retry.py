"""How long a download may take, how often it is tried, and how long to wait in between."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from spark_assets.fetching.time_limits import limit_time

MOST_RETRIES: Final = 4
"""Attempts after the first."""
TOTAL_FACTOR: Final = 3.0
"""All attempts and pauses together may take this many deadlines."""
FIRST_PAUSE: Final = 0.25
"""Seconds before the first retry; each further one waits twice as long, and chance takes away up to half."""
LONGEST_RETRY_AFTER: Final = 30.0
"""Seconds; a source that asks for more is asked again at our own pace."""

Clock = Callable[[], float]
"""Seconds from some fixed moment, never going back."""
Sleep = Callable[[float], Awaitable[None]]
Chance = Callable[[], float]
"""A number from 0 to 1."""


class Allowance:
    """The time left to a download: `deadline` seconds for each attempt, three times that for all of them.

    Waiting in line costs nothing: for a place at a busy host it is outside `spend`, for a look-up under `stop_limits`.
    """

    def __init__(self, deadline: float, clock: Clock) -> None:
        self._deadline = deadline
        self._clock = clock
        self._attempt_left = deadline
        self._total_left = deadline * TOTAL_FACTOR

    def begin_attempt(self) -> None:
        """A new attempt has its whole deadline before it, as far as the total reaches."""
        self._attempt_left = self._deadline

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        """Count what happens inside against the deadline. Raises TimeoutError when it passes."""
        began = self._clock()
        async with limit_time(max(0.0, min(self._attempt_left, self._total_left))) as limit:
            try:
                yield
            finally:
                spent = self._clock() - began - limit.stood_still
                self._attempt_left -= spent
                self._total_left -= spent

    def take_pause(self, seconds: float) -> bool:
        """Take a pause from the total; False if nothing would be left after it."""
        if seconds >= self._total_left:
            return False
        self._total_left -= seconds
        return True


def choose_pause(retries: int, retry_after: float | None, chance: Chance) -> float:
    """Seconds to wait before the next retry, after `retries` earlier ones: what the source asked for, or our own pace."""
    if retry_after is not None:
        return retry_after
    return FIRST_PAUSE * float(2**retries) * (0.5 + chance() / 2)


def parse_retry_after(value: str | None, *, longest: float = LONGEST_RETRY_AFTER) -> float | None:
    """Seconds from a `Retry-After` header, a number or a date; None where it is absent, not sane, or more than `longest`."""
    if value is None:
        return None
    text = value.strip()
    seconds = float(text) if text.isascii() and text.isdigit() else _seconds_until(text)
    return seconds if 0 <= seconds <= longest else None


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):  # a number in it may pass the bounds of a date, or of a machine word
        return -1.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()
