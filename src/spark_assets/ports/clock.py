"""The time, as something that is handed in."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> int:
        """Unix microseconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Unix microseconds."""
        return time.time_ns() // 1000
