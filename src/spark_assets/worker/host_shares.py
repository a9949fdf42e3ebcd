"""No host may take more than its share of a worker: a slow one must not hold up the others."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from spark_assets.worker.fair_places import FairPlaces

PATIENCE: Final = 2.0
"""Seconds that a job waits for a place at its host; a host that keeps jobs waiting longer is slow."""
_EACH: Final = 0.01
"""Seconds that each job turned away adds to the next one's delay, so that a long line comes back at about 100 a second."""
_LONGEST: Final = 30.0


class HostBusy(Exception):
    """The host has its share; come again after `delay`."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(delay)
        self.delay = delay


class HostShares:
    """Places for the jobs of each host with one worker.

    While a host is quick, its jobs wait in line, so that the next is at hand when one ends. Once one has waited longer than
    the patience, the host counts as slow for a while, and further jobs of it are turned away at once, unless their project has
    none there. Projects share a host's places.
    """

    def __init__(self, places: int, *, patience: float = PATIENCE, clock: Callable[[], float] | None = None) -> None:
        """`places`: jobs of one host at once; `clock` tells monotonic seconds, by default the event loop's own."""
        self._places = places
        self._patience = patience
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def hold(self, host: str, project: str = "") -> AsyncIterator[None]:
        """Wait for a place and hold it. Raises HostBusy."""
        entry = self._hosts.setdefault(host, _Host(self._places))
        entry.users[project] += 1
        try:
            await self._enter(entry, project)
            try:
                yield
            finally:
                entry.places.release(project)
        finally:
            entry.users -= Counter([project])
            if not entry.users and self._clock() >= entry.slow_until:
                self._hosts.pop(host, None)

    async def _enter(self, entry: "_Host", project: str) -> None:
        is_slow = self._clock() < entry.slow_until
        if is_slow and entry.users.total() > 2 * self._places and entry.users[project] > 1:
            raise self._turn_away(entry)
        try:
            async with asyncio.timeout(self._patience):
                await entry.places.acquire(project)
        except TimeoutError:
            if self._clock() >= entry.slow_until:
                entry.turned_away = 0
            entry.slow_until = self._clock() + 2 * self._patience
            raise self._turn_away(entry) from None

    def _turn_away(self, entry: "_Host") -> HostBusy:
        entry.turned_away += 1
        seconds = min(max(self._patience, entry.turned_away * _EACH), _LONGEST)
        return HostBusy(timedelta(seconds=seconds * random.uniform(0.5, 1.5)))  # spreads load, guards nothing


class _Host:
    """The places of one host, how many jobs hold or await one, and how it has fared."""

    def __init__(self, places: int) -> None:
        self.places = FairPlaces(places)
        self.users: Counter[str] = Counter()
        """By project."""
        self.turned_away = 0
        self.slow_until = 0.0
