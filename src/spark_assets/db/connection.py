"""One way to run a statement on either engine. What differs between them has its home here."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import Row, Table
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.base import Executable

from spark_assets.db.faults import ENGINE_ERRORS, raise_ours

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Insert = SqliteInsert | PostgresInsert


class Connection(Protocol):
    """Runs statements; an engine's errors leave as ours (Unavailable, StorageFull)."""

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row[Any]]:
        """The rows that the statement returns; none if it returns none."""

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows ON CONFLICT."""


class SqliteConnection:
    """Runs inline: a primary-key read costs less than a thread hop, so nothing is awaited."""

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row[Any]]:
        """The rows that the statement returns; none if it returns none."""
        try:
            result = self._connection.execute(statement, parameters)
            return result.fetchall() if result.returns_rows else ()
        except ENGINE_ERRORS as error:
            raise_ours(error)

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows ON CONFLICT."""
        return sqlite_insert(table)
