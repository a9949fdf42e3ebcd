"""Listening for notifications goes on, however the connection was lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from spark_assets.db.postgres_signals import PostgresSignals


class Line:
    """A connection that is told what the test tells it."""

    async def add_listener(self, _channel: str, told: Callable[..., None]) -> None:
        """From now on."""
        self.tell = told

    async def execute(self, _statement: str, *, timeout: float) -> None:
        """It answers."""

    def terminate(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("error", [OSError(), asyncpg.InterfaceError("closed"), asyncpg.InternalClientError("in a wrong state")])
async def test_a_connection_that_is_lost_in_whatever_way_is_made_again(error: Exception) -> None:
    line, tries = Line(), 0

    async def connect(*_where: Any, **_how: Any) -> Line:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        return line

    signals = PostgresSignals("postgresql://nowhere", connect=connect)
    async with signals.watch("task-1") as woken:
        await asyncio.wait_for(woken.wait(), 5)  # all look again, since something may have been missed
        while tries < 2:
            woken.clear()
            await asyncio.wait_for(woken.wait(), 5)
        woken.clear()
        line.tell(None, 1, "channel", "task-1")
        assert woken.is_set()
    await signals.close()
