"""Places that projects share: whoever waits and has the fewest goes first, and who has none need not wait for long ones of others."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairPlaces:
    """So many places at once, and some beside for projects that have none."""

    def __init__(self, places: int, *, beside: int = 0) -> None:
        """`beside`: further places, each for a project that has no other."""
        self._places = places
        self._beside = beside
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By project, in the order in which they began to wait."""

    @asynccontextmanager
    async def hold(self, project: str) -> AsyncIterator[None]:
        """Wait for a place and hold it."""
        await self.acquire(project)
        try:
            yield
        finally:
            self.release(project)

    async def acquire(self, project: str) -> None:
        """Wait for a place."""
        if self._is_free_for(project) and not self._waiting:
            self._taken[project] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(project, deque()).append(turn)
        self._call()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it had just been called
                self.release(project)
            else:
                self._forget(project, turn)
            raise

    def release(self, project: str) -> None:
        """Give a place back."""
        self._taken[project] -= 1
        if not self._taken[project]:
            del self._taken[project]
        self._call()

    def waits(self, project: str) -> bool:
        """Whether one of the project waits for a place."""
        return project in self._waiting

    def _is_free_for(self, project: str) -> bool:
        taken = self._taken.total()
        return taken < self._places or (project not in self._taken and taken < self._places + self._beside)

    def _call(self) -> None:
        """Give what is free to those with the fewest places; among equals, to whoever has waited longest for one."""
        while self._waiting:
            project = min(self._waiting, key=lambda waiting: self._taken[waiting])
            if not self._is_free_for(project):
                return
            turns = self._waiting.pop(project)
            turn = turns.popleft()
            if turns:
                self._waiting[project] = turns  # behind the others
            if not turn.cancelled():
                self._taken[project] += 1
                turn.set_result(None)

    def _forget(self, project: str, turn: "asyncio.Future[None]") -> None:
        turns = self._waiting.get(project, deque())
        if turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[project]
