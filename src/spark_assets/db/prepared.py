"""Statements of SQLAlchemy Core, compiled once and then run on the bare driver.

SQLAlchemy spends about 60 microseconds on a statement that it has compiled before, SQLite's bare driver 8; on PostgreSQL
it is 87 and 42. A handful of statements stands between a client and the answer to a creation. SQLAlchemy's own way is left to
texts, to statements whose text depends on their values (`IN` with a list), and to those with values that it would come up
with itself. Values pass as they are: the columns have plain types, and a truth value of SQLite is 0 or 1.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Connection, Dialect, Select, TextClause
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

_MOST: Final = 500
"""Statements remembered; the code has fewer than a hundred."""


class Prepared:
    """One statement for one set of parameter names."""

    def __init__(self, compiled: SQLCompiler, names: tuple[str, ...]) -> None:
        assert compiled.positiontup is not None
        missing = [bind.key for bind in compiled.binds.values() if bind.required and bind.key not in names]
        if missing:
            raise TypeError(f"the statement needs a value for {missing[0]}")
        constants = compiled.params
        self.sql = str(compiled)
        self._binds = [(name, None) if name in names else (None, constants[name]) for name in compiled.positiontup]
        columns = [entry.keyname for entry in compiled._result_columns]
        self._row = _row_maker(columns)

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """What stands in the places of the text, in their order."""
        return [constant if name is None else parameters[name] for name, constant in self._binds]

    def rows(self, fetched: Iterable[Iterable[Any]]) -> list[Any]:
        """The rows that the driver gave, with their columns as attributes."""
        return [self._row(row) for row in fetched]


def _row_maker(columns: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    row_type: Any = cast(Any, namedtuple)("Row", columns, rename=True)
    return cast(Callable[[Iterable[Any]], Any], row_type._make)


class Preparations:
    """The statements prepared so far, for the driver of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prepared: dict[tuple[Executable, tuple[str, ...]], Prepared | None] = {}

    def find(self, statement: Executable, parameters: Mapping[str, Any]) -> Prepared | None:
        """The prepared form; None for a statement that has to take SQLAlchemy's way."""
        names = tuple(parameters)
        key = (statement, names)
        try:
            return self._prepared[key]
        except KeyError:
            if len(self._prepared) >= _MOST:
                self._prepared.clear()
            prepared = self._prepared[key] = _prepare(statement, names, self._dialect)
            return prepared


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection."""
    return cast(sqlite3.Connection, cast(Any, connection.connection).driver_connection)


def _prepare(statement: Executable, names: tuple[str, ...], dialect: Dialect) -> Prepared | None:
    if isinstance(statement, TextClause):
        return None
    columns = None if isinstance(statement, Select) else list(names)
    compiled = cast(ClauseElement, statement).compile(dialect=dialect, column_keys=columns)
    assert isinstance(compiled, SQLCompiler)
    depends_on_values = any(bind.expanding or bind in compiled.literal_execute_params for bind in compiled.binds.values())
    has_defaults = compiled.insert_prefetch or compiled.update_prefetch  # values that SQLAlchemy would come up with
    return None if depends_on_values or has_defaults else Prepared(compiled, names)
