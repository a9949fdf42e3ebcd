"""Places for clients that wait, so many for each key."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from spark_assets.domain.errors import FlowLimited

MOST_WAITING: Final = 2000
"""Requests of one key that may wait at once on one process: each holds a connection and some 30 KiB."""


class Places:
    """Where clients wait: so many for each key."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, key_id: str) -> Iterator[None]:
        """A place for one request. Raises FlowLimited."""
        if self._taken[key_id] >= MOST_WAITING:
            raise FlowLimited(f"{MOST_WAITING} requests of this key are waiting or streaming already; close some of them", MOST_WAITING)
        self._taken[key_id] += 1
        try:
            yield
        finally:
            self._taken[key_id] -= 1
            if not self._taken[key_id]:
                del self._taken[key_id]
