"""How many connections one host may hold at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class HostSlots:
    """A limited number of places for each host; a host that nobody asks for takes no memory."""

    def __init__(self, places: int) -> None:
        if places < 1:
            raise ValueError("a host needs at least one place")
        self._places = places
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def hold(self, host: str) -> AsyncIterator[None]:
        """Wait for a place at the host, first come first served, and hold it."""
        entry = self._hosts.setdefault(host, _Host(self._places))
        entry.users += 1
        try:
            async with entry.places:
                yield
        finally:
            entry.users -= 1
            if not entry.users:
                del self._hosts[host]

    def __len__(self) -> int:
        return len(self._hosts)


class _Host:
    """The places of one host, and how many callers hold or await one."""

    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self.users = 0
