"""Reads that many clients wait for: made once for all who ask before it begins."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar

_AT_ONCE: Final = 4
"""Reads under way at once: a thousand clients that wake together must not take every connection to the database."""

Found = TypeVar("Found")


class SharedReads:
    """Whoever asks after a read has begun gets the next one, so that nobody is answered with what was true before they asked."""

    def __init__(self) -> None:
        self._to_come: dict[Hashable, asyncio.Future[Any]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def read(self, key: Hashable, load: Callable[[], Awaitable[Found]]) -> Found:
        """What `load` finds; everyone who gives the same key must mean the same. Raises what it raises."""
        coming = self._to_come.get(key)
        if coming is None:
            coming = self._to_come[key] = asyncio.ensure_future(self._read(key, load))
            coming.add_done_callback(_look_at_error)
        found: Found = await asyncio.shield(coming)
        return found

    async def _read(self, key: Hashable, load: Callable[[], Awaitable[Found]]) -> Found:
        async with self._room:
            del self._to_come[key]
            return await load()


def _look_at_error(read: asyncio.Future[Any]) -> None:
    """Everyone who waited for it may have gone."""
    if not read.cancelled():
        read.exception()
