"""How the usher keeps a few ingests of every project at hand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from spark_assets.db.sqlite import SqliteDatabase
from spark_assets.domain.backlog import JOINED, Line
from spark_assets.domain.errors import Unavailable
from spark_assets.ports.queue import Job
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.worker import usher
from spark_assets.worker.usher import Usher
from tests.factories import records
from tests.factories.databases import open_sqlite
from tests.factories.handlers import ENOUGH, Handler, working

_numbers = count()


class Scene:
    """A queue, a database whose jobs go there, and who was called."""

    def __init__(self, database: SqliteDatabase, queue: MemoryQueue) -> None:
        self.database = database
        self.queue = queue
        self.usher = Usher(database, queue, at_hand=8)
        self.handler = Handler()

    async def stand(self, **numbers: int) -> None:
        """So many ingests in the line of each project."""
        async with self.database.begin() as uow:
            for name, number in numbers.items():
                if await uow.projects.by_name(name) is None:
                    await uow.projects.add(records.project(name, id=name))
                for _ in range(number):
                    await uow.tasks.add(records.task(id=f"task-{next(_numbers):06}", project_id=name), records.URL, line=Line.SINGLES)
            uow.announce(JOINED)
            await uow.commit()

    async def at_hand(self, **expected: int) -> None:
        """Wait until so many of each project are due."""
        await self.until(lambda found: found == expected)

    async def until(self, condition: Callable[[dict[str, int]], bool]) -> None:
        async with asyncio.timeout(ENOUGH):
            while True:
                if condition(dict(await self.queue.due())):
                    return
                await asyncio.sleep(0.005)


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    queue = MemoryQueue()
    async with open_sqlite(folder / "library.db", queue) as database:
        opened = Scene(database, queue)
        ushering = asyncio.create_task(opened.usher.run())
        yield opened
        ushering.cancel()
        await asyncio.wait([ushering])


async def test_a_project_that_is_alone_has_all_that_may_be_at_hand(tmp_path: Path) -> None:
    async with scene(tmp_path) as opened:
        await opened.stand(film=20)
        await opened.at_hand(film=8)
        async with opened.database.read() as repositories:
            assert await repositories.lines.waiting() == 12


async def test_projects_share_what_may_be_at_hand_and_one_with_few_is_soon_through(tmp_path: Path) -> None:
    async with scene(tmp_path) as opened:
        await opened.stand(crowd=100, film=3, music=1)
        await opened.at_hand(crowd=2, film=2, music=1)
        async with working(opened.queue, opened.handler):
            await opened.handler.wait_for(104)
        order = [job.project for job in opened.handler.handled]
        assert max(index for index, project in enumerate(order) if project != "crowd") < 20
        assert Counter(order) == {"crowd": 100, "film": 3, "music": 1}


async def test_more_projects_than_may_be_at_hand_have_one_each(tmp_path: Path) -> None:
    async with scene(tmp_path) as opened:
        await opened.stand(**{f"p{number:03}": 3 for number in range(120)})
        await opened.until(lambda found: len(found) == 120 and set(found.values()) == {1})


async def test_those_that_a_worker_has_and_has_not_begun_are_at_hand(tmp_path: Path) -> None:
    async with scene(tmp_path) as opened:
        begin, leave = asyncio.Event(), asyncio.Event()

        async def wait(job: Job) -> None:
            with opened.usher.at_hand(job.project) as begun:
                await begin.wait()
                begun()
                await leave.wait()

        handler = Handler(wait)
        async with working(opened.queue, handler, concurrency=40):
            await opened.stand(film=30)
            await handler.wait_for(8)
            await opened.stand(music=1)
            await handler.wait_for(9)
            assert [job.project for job in handler.handled] == ["film"] * 8 + ["music"]
            begin.set()
            await handler.wait_for(31)
            leave.set()


async def test_a_database_that_was_away_is_asked_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as opened:
        read = opened.database.read

        def away() -> object:
            opened.database.read = read  # type: ignore[method-assign]
            raise Unavailable

        opened.database.read = away  # type: ignore[assignment, method-assign]
        await opened.stand(film=1)
        await opened.at_hand(film=1)


async def test_who_joins_a_line_is_called_without_waiting_for_the_next_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usher, "_LOOK_EVERY", 10 * ENOUGH)
    async with scene(tmp_path) as opened:
        await asyncio.sleep(2 * usher._SHORTEST_PAUSE)  # it has looked, and found nobody
        await opened.stand(film=2)
        await opened.at_hand(film=2)
