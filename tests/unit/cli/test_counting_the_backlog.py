"""When a server counts what is not over."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from spark_assets.cli import application
from spark_assets.domain.backlog import Backlog, BacklogLimits
from spark_assets.domain.errors import Unavailable

PATIENCE = 10.0


class Scene:
    """A server whose times are a hundredth of what they are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("_COUNT_EVERY", "_COUNT_SOON", "_COUNT_SELDOM"):
            monkeypatch.setattr(application, name, getattr(application, name) / 100)
        monkeypatch.setattr(application, "count_backlog", self._count)
        self.backlog = Backlog(BacklogLimits(most=100, most_of_project=100, at_hand=1))
        self.counted = 0
        self.take: Callable[[], Any] = lambda: asyncio.sleep(0)

    async def _count(self, _database: object, backlog: Backlog) -> None:
        self.counted += 1
        backlog.begin_count()
        await self.take()
        backlog.end_count({"film": 1})

    async def count(self, times: int) -> float:
        """Seconds until it has been counted so often."""
        runtime: Any = SimpleNamespace(database=None, terms=SimpleNamespace(backlog=self.backlog))
        loop = asyncio.get_running_loop()
        began, counting = loop.time(), asyncio.create_task(application._count_backlog(runtime))
        try:
            async with asyncio.timeout(PATIENCE):
                while self.counted < times:  # noqa: ASYNC110  # it says nothing when it has counted
                    await asyncio.sleep(0.001)
        finally:
            counting.cancel()
        return loop.time() - began


async def test_nothing_is_counted_while_nothing_is_known_to_be_unfinished(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10 * application._COUNT_EVERY):
            await scene.count(1)


async def test_a_count_that_failed_or_hung_is_soon_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.backlog.add("film", in_batch=False)
    hung = 20 * application._COUNT_EVERY

    async def hang() -> None:
        await asyncio.sleep(hung)
        raise Unavailable

    scene.take = hang
    assert await scene.count(4) < 3 * hung + 20 * application._COUNT_EVERY, "not forty times as long as it hung"


async def test_a_project_at_its_share_is_counted_before_the_second_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    monkeypatch.setattr(application, "_COUNT_EVERY", 10 * PATIENCE)
    scene.backlog.add("film", in_batch=False)
    assert await scene.count(1) < PATIENCE
    scene.backlog.add("film", in_batch=False)
    assert scene.backlog.is_stretched
    assert await scene.count(2) < PATIENCE
