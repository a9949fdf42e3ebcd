"""A connection to PostgreSQL: from SQLAlchemy's pool, while transactions are ours and statements run on the bare driver."""

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Final, NoReturn
from zlib import crc32

import asyncpg
import structlog
from sqlalchemy import BigInteger, Integer, Table, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.base import Executable

from spark_assets.db.connection import Parameters, Row, Transactions, insert_new, insert_or_replace
from spark_assets.db.faults import ENGINE_ERRORS, Clash, is_clash, raise_ours, state_of
from spark_assets.db.prepared import Preparations
from spark_assets.domain.errors import Unavailable

log = structlog.get_logger()

_HOLD: Final = select(func.pg_advisory_xact_lock(bindparam("space", type_=Integer), bindparam("number", type_=Integer)))
_TRANSACTIONS: Final = Transactions(
    cast(cast(func.pg_current_xact_id(), Text), BigInteger),
    cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger),
)
_NAMES: Final = 0x5350
"""The space of advisory locks for names; locks of one number, such as the migrations', are in another one."""
ERRORS: Final = (*ENGINE_ERRORS, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises, by itself or through SQLAlchemy."""
_NOT_TEXT: Final = "22021"
"""SQLSTATE of a text with a NUL in it, which PostgreSQL cannot hold: so no row can match it."""
_GAVE_UP: Final = "25P02"
"""SQLSTATE in_failed_sql_transaction: an earlier statement failed, and was passed over."""
_GIVEN_UP: Final = "the database gave up a transaction; try again shortly"
_OTHER_COLUMNS: Final = (asyncpg.InvalidCachedStatementError, AsyncAdapt_asyncpg_dbapi.InvalidCachedStatementError)
"""What the driver raises, and what SQLAlchemy makes of it, where a migration changed what a statement gives."""
_COMMIT: Final = "COMMIT;"
_WITHOUT_WAITING: Final = "SET LOCAL synchronous_commit TO off;"


class PostgresConnection:
    """Runs over asyncpg."""

    transactions = _TRANSACTIONS

    def __init__(self, connection: AsyncConnection, driver: asyncpg.Connection, preparations: Preparations) -> None:
        """`connection`: one on which SQLAlchemy begins no transactions; `driver`: its driver's own."""
        self.driver = driver
        self._connection = connection
        self._preparations = preparations
        self._is_unsettled = False
        """Whether the server may be in a transaction of ours, or in the middle of a statement: the driver knows only what was answered."""

    @classmethod
    async def open(cls, engine: AsyncEngine, preparations: Preparations) -> "PostgresConnection":
        """One of the engine's pool. Raises Unavailable."""
        try:
            connection = await engine.connect()
        except ERRORS as error:
            _raise_ours(error)
        adapted = await connection.get_raw_connection()
        driver = adapted.driver_connection
        assert isinstance(driver, asyncpg.Connection)
        return cls(connection, driver, preparations)

    async def close(self) -> None:
        """Give it back, with nothing begun. One that was lost goes; whoever used it last has met that already."""
        try:
            if self._is_unsettled and not self.driver.is_closed():
                await self.driver.execute("ROLLBACK;")  # after whatever was cancelled has ended
        except ERRORS as error:
            log.warning("connection_lost", error=type(error).__name__)
            await self._connection.invalidate()
        except BaseException:  # cancelled a second time: nobody knows what it is in the middle of
            await self._connection.invalidate()
            raise
        finally:
            await self._connection.close()

    async def begin(self) -> None:
        """Begin a transaction."""
        self._is_unsettled = True
        await self.execute("BEGIN;")

    async def commit(self, *, wait: bool) -> float:
        """Make all that was done visible, and durable before returning if that is to be waited for; how long it took, in seconds."""
        began = perf_counter()
        status = await self.execute(_COMMIT if wait else _WITHOUT_WAITING + _COMMIT)
        if status != "COMMIT":  # an earlier statement had failed, and was passed over
            raise Unavailable(_GIVEN_UP)
        self._is_unsettled = False
        return perf_counter() - began

    async def execute(self, statement: str, *values: Any) -> str:
        """Run a text on the driver; the status it ends with."""
        try:
            return str(await self.driver.execute(statement, *values))
        except ERRORS as error:
            self._raise_ours(error)
        except asyncio.CancelledError:
            self._is_unsettled = True
            raise

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row]:
        """The rows that the statement returns; none if it returns none."""
        if _holds_nul(parameters):  # the engine would refuse it, and with it the rest of the transaction
            return ()
        try:
            if isinstance(parameters, Mapping):  # a statement without parameters may have been made for its values alone
                prepared = self._preparations.find(statement, parameters)
                if prepared is not None:
                    return prepared.rows(await self.driver.fetch(prepared.sql, *prepared.values(parameters)))
            result = await self._connection.execute(statement, parameters)
            return result.fetchall() if result.returns_rows else ()
        except ERRORS as error:
            if state_of(error) == _NOT_TEXT:
                return ()
            self._raise_ours(error)
        except asyncio.CancelledError:
            self._is_unsettled = True
            raise

    async def run_long(self, statement: Executable) -> Sequence[Row]:
        """The rows that a read finds; on this engine nobody waits for another's."""
        return await self.run(statement)

    async def damage(self) -> list[str]:
        """Nothing: a server looks after its own files."""
        return []

    async def hold(self, name: str) -> None:
        """An advisory lock; two names that share a number wait for each other, which does no harm."""
        await self.run(_HOLD, {"space": _NAMES, "number": crc32(name.encode()) - 2**31})

    def insert_new(self, table: Table) -> Executable:
        """INSERT a row unless it is there."""
        return insert_new(postgres_insert, table)

    def insert_or_replace(self, table: Table) -> Executable:
        """INSERT a row or replace it."""
        return insert_or_replace(postgres_insert, table)

    def _raise_ours(self, error: Exception) -> NoReturn:
        self._is_unsettled = True
        if is_clash(error):
            raise Clash from error
        if state_of(error) == _GAVE_UP:
            raise Unavailable(_GIVEN_UP) from error
        if self.driver.is_closed():
            _raise_away(error)
        _raise_ours(error)


def _holds_nul(parameters: Parameters | None) -> bool:
    """Whether a text among the values has a NUL in it, as an ID or a name from an address may."""
    return isinstance(parameters, Mapping) and any(isinstance(value, str) and "\0" in value for value in parameters.values())


def _raise_ours(error: Exception) -> NoReturn:
    if isinstance(error, asyncpg.InternalClientError):  # a statement met a connection that is just being lost
        _raise_away(error)
    if isinstance(getattr(error, "orig", error), _OTHER_COLUMNS):  # the driver has forgotten it now, and prepares it anew
        raise Unavailable("the schema of the database has just changed; try again shortly") from error
    raise_ours(error)


def _raise_away(error: Exception) -> NoReturn:
    raise Unavailable("the database cannot be reached; try again shortly") from error
