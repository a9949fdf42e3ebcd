"""Bringing a PostgreSQL up to date beside a fleet that works: by one process at a time, and nobody waits for it for long."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from spark_assets.db import schema, schema_changes
from spark_assets.db.postgres import postgres_engine
from spark_assets.domain.errors import OperatorError
from spark_assets.queue.postgres_queue import install_schema

T = TypeVar("T")
log = structlog.get_logger()

_HELD_UP: Final = frozenset({"55P03", "40P01"})
"""SQLSTATE of a lock that was not to be had in time, and of a deadlock, out of which the migration was picked."""
_HOLDERS: Final = text(
    "SELECT a.pid, coalesce(nullif(a.application_name, ''), a.backend_type) AS name,"
    " round(extract(epoch FROM clock_timestamp() - a.xact_start)) AS seconds, string_agg(DISTINCT c.relname, ', ') AS tables"
    " FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.granted AND l.database = a.datid"
    " JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace"
    " WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()"
    " GROUP BY a.pid, a.application_name, a.backend_type, a.xact_start ORDER BY a.xact_start LIMIT 3"
)
"""Who has had tables of ours the longest."""


class HeldUp(OperatorError):
    """A migration did not get a lock that it needs, however often it asked."""


class Patience(NamedTuple):
    """How long a migration waits, in seconds."""

    lock: float = 2.0
    """For one lock: for as long at most, whoever wants the table queues up behind the migration."""
    first_pause: float = 1.0
    """Before it asks again; twice as long each time."""
    longest_pause: float = 15.0
    together: float = 180.0
    """With all pauses; then it gives up."""


PATIENCE: Final = Patience()


async def migrate_postgres(url: str, version: str | None = None, patience: Patience = PATIENCE) -> bool:
    """Bring tables of ours up to this version, or up to date, and the queue's; whether anything was to be done.

    A process that comes second waits for the first for as long as that takes. Raises NewerSchema, OlderCodeRuns, HeldUp.
    """
    engine = postgres_engine(url, is_bounded=False)
    try:
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as holder:
            await _take_turn(holder)
            found = await holder.run_sync(schema.read_schema)
            is_behind = not schema.is_enough(found)
            if not is_behind and found.version != schema.HEAD:
                return False  # newer code looks after it, and after the queue's tables
            if is_behind:
                await holder.run_sync(schema_changes.refuse_beside_older_code, version)
            # The queue's tables come first: the version that is written last says that all is there.
            is_upgraded = await _insist(holder, patience, partial(_upgrade_queue, engine, patience))
            if is_behind:
                await _insist(holder, patience, partial(_migrate, engine, patience, version))
            return is_behind or is_upgraded
    finally:
        await engine.dispose()


async def _take_turn(holder: AsyncConnection) -> None:
    """Hold the lock under which one process migrates, until the connection ends; waiting for it is bounded by nothing."""
    await holder.exec_driver_sql("SET lock_timeout = 0")
    await holder.exec_driver_sql("SET statement_timeout = 0")
    if not (await holder.exec_driver_sql(f"SELECT pg_try_advisory_lock({schema.LOCK})")).scalar():
        log.info("migration_waits_for_another")
        await holder.exec_driver_sql(f"SELECT pg_advisory_lock({schema.LOCK})")


async def _upgrade_queue(engine: AsyncEngine, patience: Patience) -> bool:
    """Each statement on its own: the engine of the queue cannot do them in one transaction, and goes on where it was."""
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await _bound(connection, patience, "SET")
        raw: Any = await connection.get_raw_connection()
        return await install_schema(raw.driver_connection)


async def _migrate(engine: AsyncEngine, patience: Patience, version: str | None) -> None:
    async with engine.begin() as connection:
        await _bound(connection, patience, "SET LOCAL")
        await connection.run_sync(schema_changes.migrate, version)


async def _bound(connection: AsyncConnection, patience: Patience, how: str) -> None:
    await connection.exec_driver_sql(f"{how} lock_timeout = {round(patience.lock * 1000)}")
    await connection.exec_driver_sql(f"{how} statement_timeout = 0")


async def _insist(holder: AsyncConnection, patience: Patience, work: Callable[[], Awaitable[T]]) -> T:
    """Do the work again, from its beginning, whenever it did not get a lock. Raises HeldUp."""
    began, pause = monotonic(), patience.first_pause
    while True:
        try:
            return await work()
        except (DBAPIError, asyncpg.PostgresError) as error:
            if getattr(getattr(error, "orig", error), "sqlstate", None) not in _HELD_UP:
                raise
        held_by = await _holders(holder)
        if monotonic() - began + pause > patience.together:
            raise HeldUp(
                f"the migration did not get the tables it changes within {patience.together:g} s, and left them as they were: {held_by};"
                " let that end, or end it, and migrate again"
            )
        log.warning("migration_held_up", by=held_by, next_in=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, patience.longest_pause)


async def _holders(holder: AsyncConnection) -> str:
    rows = await holder.execute(_HOLDERS)
    found = [f"process {row.pid} of PostgreSQL ({row.name}) has had {row.tables} for {row.seconds or 0} s" for row in rows]
    return ", ".join(found) or "whoever had them has let go by now, or may not be seen by this user of the database"
