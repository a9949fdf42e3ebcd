"""What is announced, told from process to process by LISTEN and NOTIFY."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg
import structlog

from spark_assets.db.schema import APPLICATION_NAME
from spark_assets.db.signals import Signals

log = structlog.get_logger()

CHANNEL: Final = "spark_assets_tasks"
_RECONNECT_DELAY: Final = 1.0
_PROBE_EVERY: Final = 5.0
"""Seconds between two looks at whether the listening connection still answers."""

_LOST: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The last one comes where a statement meets a connection that is just being lost; whatever were missing here would end the listening."""


class PostgresSignals:
    """Listens on one connection, which is opened for the first waiter and again whenever it is lost."""

    def __init__(self, url: str, *, connect: Callable[..., Awaitable[asyncpg.Connection]] = asyncpg.connect) -> None:
        """`connect`: a seam."""
        self._url = url
        self._connect = connect
        self._signals = Signals()
        self._listening: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @asynccontextmanager
    async def watch(self, subject: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the subject is announced anywhere."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        with self._signals.watch(subject) as event:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ready.wait(), _RECONNECT_DELAY)
            yield event

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except _LOST as error:
                log.warning("signals_unavailable", error=type(error).__name__)
            self._ready.clear()
            self._signals.wake_all()
            await asyncio.sleep(_RECONNECT_DELAY)

    async def _listen_once(self) -> None:
        connection = await self._connect(self._url, timeout=5, server_settings={"application_name": APPLICATION_NAME})
        try:
            await connection.add_listener(CHANNEL, self._receive)
            self._ready.set()
            self._signals.wake_all()
            while True:
                await asyncio.sleep(_PROBE_EVERY)
                await connection.execute("SELECT 1", timeout=_PROBE_EVERY)
        finally:
            connection.terminate()

    def _receive(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        self._signals.notify(str(payload))
