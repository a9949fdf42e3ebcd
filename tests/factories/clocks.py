"""Clocks for tests."""


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, time: int) -> None:
        self.time = time

    def now(self) -> int:
        """Unix microseconds."""
        return self.time
