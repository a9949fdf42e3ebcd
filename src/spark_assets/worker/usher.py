"""The usher calls ingests out of the lines, so that few of every project are at hand: in the queue, or with a worker and not begun."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from spark_assets.domain.backlog import JOINED, share_of_each
from spark_assets.domain.errors import SparkError
from spark_assets.operations.turns import call_in_turn
from spark_assets.ports.queue import Queue
from spark_assets.ports.unit_of_work import Database

log = structlog.get_logger()

_SHORTEST_PAUSE: Final = 0.05
_LOOK_EVERY: Final = 0.25
"""Seconds: the least between two looks, and how much longer it may be where nothing happens."""
_MOST_LINES: Final = 50
"""Projects looked after at once; the next look goes on behind them."""
_AFTER_TROUBLE: Final = 2.0
"""Seconds."""


class Usher:
    """Calls for one worker. Those of a fleet need not know of each other: what one has called is at hand for all."""

    def __init__(self, database: Database, queue: Queue, *, at_hand: int) -> None:
        """`at_hand`: how many ingests that have not begun are kept at hand, shared by the projects that have any."""
        self._database = database
        self._queue = queue
        self._at_hand = at_hand
        self._here: Counter[str] = Counter()
        self._begun = asyncio.Event()
        self._last = ""
        """The project looked after last."""

    @contextmanager
    def at_hand(self, project: str) -> Iterator[Callable[[], None]]:
        """An ingest is with this worker; what is yielded says that it begins."""
        waits = True
        self._here[project] += 1

        def begin() -> None:
            nonlocal waits
            if waits:
                waits = False
                self._here -= Counter([project])
                self._begun.set()

        try:
            yield begin
        finally:
            begin()

    async def run(self) -> None:
        """Work until cancelled."""
        async with self._database.watch(JOINED) as joined:
            while True:
                self._begun.clear()
                joined.clear()
                try:
                    has_lines = await self._look()
                except SparkError as error:
                    log.warning("calling_postponed", code=error.code)
                    await asyncio.sleep(_AFTER_TROUBLE)
                except Exception:
                    log.exception("calling_crashed")
                    await asyncio.sleep(_AFTER_TROUBLE)
                else:
                    await _pause(self._begun if has_lines else joined)

    async def _look(self) -> bool:
        """Call whoever is wanted; whether anybody stood in line."""
        projects = await self._next_projects()
        if projects:
            at_hand = self._here + Counter(await self._queue.due())
            share = share_of_each(self._at_hand, len(at_hand.keys() | set(projects)))
            wanted = {project: share - at_hand[project] for project in projects if at_hand[project] <= share // 2}
            if wanted:
                async with self._database.begin() as uow:
                    await call_in_turn(uow, wanted)
                    await uow.commit()
        return bool(projects)

    async def _next_projects(self) -> list[str]:
        """Some that have a line, in turn."""
        async with self._database.read() as repositories:
            found = await repositories.lines.projects(self._last, _MOST_LINES)
            if not found and self._last:
                found = await repositories.lines.projects("", _MOST_LINES)
        self._last = found[-1] if len(found) == _MOST_LINES else ""
        return found


async def _pause(happened: asyncio.Event) -> None:
    """Until it is time to look again: soon after an ingest has begun, if others stand in line, or has joined one, if none did."""
    await asyncio.sleep(_SHORTEST_PAUSE)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_EVERY):
            await happened.wait()
