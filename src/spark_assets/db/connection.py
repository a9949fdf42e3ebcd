"""One way to run a statement on either engine. What differs between them has its home here."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Table, literal, text
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.base import Executable

from spark_assets.db.faults import ENGINE_ERRORS, Clash, is_clash, is_damage, raise_ours
from spark_assets.db.prepared import Preparations, driver_of
from spark_assets.db.sqlite_long_reads import LongReads

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Insert = SqliteInsert | PostgresInsert
_MOST_DAMAGE: Final = 3
"""Sentences about a damaged file: the first ones say enough."""
Row = Any
"""A row of a result: its columns are attributes, and are typed where a noun is made of them."""


class Transactions:
    """How an engine numbers transactions, as expressions of a statement; one for each engine."""

    def __init__(self, current: ColumnElement[int], oldest_open: ColumnElement[int]) -> None:
        self.current = current
        """The number of the transaction that the statement runs in."""
        self.oldest_open = oldest_open
        """Below it, no transaction is open any more."""


class Connection(Protocol):
    """Runs statements; an engine's errors leave as ours (Unavailable, StorageFull, Clash)."""

    @property
    def transactions(self) -> Transactions:
        """The numbers of transactions."""

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row]:
        """The rows that the statement returns; none if it returns none."""

    async def damage(self) -> list[str]:
        """What the engine finds wrong with the file that holds the rows, a few sentences at most; reads all of it."""

    async def hold(self, name: str) -> None:
        """Wait until no other transaction holds this name, then hold it until this one is over."""

    async def run_long(self, statement: Executable) -> Sequence[Row]:
        """The same for a read that may take long, and for which nobody else should have to wait."""

    def insert_new(self, table: Table) -> Executable:
        """INSERT a row, unless one with the same key or unique value is there; returns the key of what was inserted."""

    def insert_or_replace(self, table: Table) -> Executable:
        """INSERT a row, or give the one with the same key these values."""


@cache
def insert_new(insert: Callable[[Table], Insert], table: Table) -> Executable:
    """`Connection.insert_new` for the INSERT of one engine; built once for each table."""
    return insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)


@cache
def insert_or_replace(insert: Callable[[Table], Insert], table: Table) -> Executable:
    """`Connection.insert_or_replace` for the INSERT of one engine; built once for each table."""
    statement = insert(table)
    keys = [column.name for column in table.primary_key.columns]
    values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


_ONE_WRITER: Final = Transactions(literal(0), literal(1))
"""On SQLite no transaction comes between, so all of them may bear one number."""


class SqliteConnection:
    """Runs inline: a primary-key read costs less than a thread hop, so nothing is awaited."""

    transactions = _ONE_WRITER

    def __init__(self, connection: SyncConnection, preparations: Preparations, long_reads: LongReads | None = None) -> None:
        """`long_reads`: where reads go that may take long; without it they too run inline, within the transaction."""
        self._connection = connection
        self._long_reads = long_reads
        self._preparations = preparations
        self._driver = driver_of(connection)

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row]:
        """The rows that the statement returns; none if it returns none."""
        try:
            if isinstance(parameters, Mapping):  # a statement without parameters may have been made for its values alone
                prepared = self._preparations.find(statement, parameters)
                if prepared is not None:
                    return prepared.rows(self._driver.execute(prepared.sql, prepared.values(parameters)))
            result = self._connection.execute(statement, parameters)
            return result.fetchall() if result.returns_rows else ()
        except ENGINE_ERRORS as error:
            if is_clash(error):
                raise Clash from error
            raise_ours(error)

    async def run_long(self, statement: Executable) -> Sequence[Row]:
        """The rows that a read finds, beside all others."""
        return await (self.run(statement) if self._long_reads is None else self._long_reads.run(statement))

    async def damage(self) -> list[str]:
        """What SQLite finds wrong with its file."""
        try:
            rows = self._connection.execute(text(f"PRAGMA quick_check({_MOST_DAMAGE})")).fetchall()
        except ENGINE_ERRORS as error:
            if is_damage(error):  # so much that not even this can be read
                return [str(getattr(error, "orig", error))]
            raise_ours(error)
        return [row[0] for row in rows if row[0] != "ok"]

    async def hold(self, name: str) -> None:
        """Nothing to do: there is one writer, and nobody comes between."""

    def insert_new(self, table: Table) -> Executable:
        """INSERT a row unless it is there."""
        return insert_new(sqlite_insert, table)

    def insert_or_replace(self, table: Table) -> Executable:
        """INSERT a row or replace it."""
        return insert_or_replace(sqlite_insert, table)
