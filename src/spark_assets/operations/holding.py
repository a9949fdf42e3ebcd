"""Keeping the sweeper from removing bytes for as long as somebody copies them."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from spark_assets.domain.errors import SparkError
from spark_assets.domain.usage import MICRO
from spark_assets.ports.clock import Clock
from spark_assets.ports.holds import Hold
from spark_assets.ports.unit_of_work import Database

log = structlog.get_logger()

LEASE: Final = 600 * MICRO
"""Microseconds after which a hold ends whose holder has died."""
_RENEWED_EVERY: Final = 60.0
"""Seconds."""
IMPORT: Final = "import"
"""The hold of whoever fills a library. It outlives a killed one as a mark: the library is not whole yet."""


@asynccontextmanager
async def holding(database: Database, clock: Clock, reason: str, hold_id: str | None = None) -> AsyncIterator[None]:
    """Hold the sweeper, and renew that, for as long as this lasts.

    With an ID of its own the hold ends with this; one that was given stays, until `end_hold`. Raises Unavailable.
    """
    held = hold_id or f"hold-{uuid.uuid4().hex}"
    await _keep(database, Hold(held, reason, clock.now() + LEASE))
    renewing = asyncio.create_task(_renew(database, clock, held, reason))
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        if hold_id is None:
            with suppress(SparkError):  # then it ends by itself
                await end_hold(database, held)


async def end_hold(database: Database, hold_id: str) -> None:
    """Let the sweeper go on. Raises Unavailable."""
    async with database.begin() as uow:
        await uow.holds.release(hold_id)
        await uow.commit()


async def _keep(database: Database, hold: Hold) -> None:
    async with database.begin() as uow:
        await uow.holds.keep(hold)
        await uow.commit()


async def _renew(database: Database, clock: Clock, hold_id: str, reason: str) -> None:
    while True:
        await asyncio.sleep(_RENEWED_EVERY)
        try:
            await _keep(database, Hold(hold_id, reason, clock.now() + LEASE))
        except SparkError as error:
            log.warning("hold_not_renewed", reason=reason, code=error.code)
