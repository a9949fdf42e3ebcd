"""Rates counted in memory: exact where one process serves."""

import time
from collections import Counter
from collections.abc import Callable

from spark_assets.ports.rates import WINDOW, Verdict


class MemoryRates:
    """Holds the counts of the present window alone, so it never holds more than were asked for within a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds and is never set back."""
        self._clock = clock
        self._window = -1
        self._requests: Counter[tuple[str, str]] = Counter()

    async def take(self, key_id: str, operation: str, limit: int) -> Verdict:
        """Count a request; nothing is awaited, so no other one comes between."""
        window = int(self._clock()) // WINDOW
        if window != self._window:
            self._window = window
            self._requests.clear()
        counted = self._requests[key_id, operation]
        if counted >= limit:
            return Verdict(allowed=False, remaining=0)
        self._requests[key_id, operation] = counted + 1
        return Verdict(allowed=True, remaining=limit - counted - 1)
