"""Time limits that stand still while a download waits for something of ours, which is not its origin's fault."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Final

_in_force: Final[ContextVar[tuple["TimeLimit", ...]]] = ContextVar("time_limits_in_force", default=())


class TimeLimit:
    """A limit in force."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self.stood_still = 0.0
        """Seconds that were not counted."""

    @contextmanager
    def stop(self) -> Iterator[None]:
        """What happens inside takes no time, as far as this limit is concerned."""
        end = self._timeout.when()
        if end is None or self._timeout.expired():
            yield
            return
        clock = asyncio.get_running_loop().time
        began = clock()
        self._timeout.reschedule(None)
        try:
            yield
        finally:
            passed = clock() - began
            self.stood_still += passed
            self._timeout.reschedule(end + passed)


@asynccontextmanager
async def limit_time(seconds: float) -> AsyncIterator[TimeLimit]:
    """Raises TimeoutError when what happens inside takes longer than `seconds`, waits under `stop_limits` left out."""
    async with asyncio.timeout(seconds) as timeout:
        limit = TimeLimit(timeout)
        token = _in_force.set((*_in_force.get(), limit))
        try:
            yield limit
        finally:
            _in_force.reset(token)


@contextmanager
def stop_limits() -> Iterator[None]:
    """Every limit that the caller runs under stands still while what is inside happens."""
    with ExitStack() as stack:
        for limit in _in_force.get():
            stack.enter_context(limit.stop())
        yield
