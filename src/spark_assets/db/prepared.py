"""Statements of SQLAlchemy Core, compiled once and then run on the bare driver of SQLite.

SQLAlchemy spends about 60 microseconds on a statement that it has compiled before, the bare driver 8; four statements
stand between a client and the answer to a creation. Statements whose text depends on their values (`IN` with a list)
keep to SQLAlchemy's own way.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Connection, Select
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

_DIALECT: Final = sqlite_dialect(paramstyle="qmark")
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
        self._sql = str(compiled)
        self._binds = [(name, None) if name in names else (None, constants[name]) for name in compiled.positiontup]
        columns = [entry.keyname for entry in compiled._result_columns]
        self._row = _row_maker(columns)

    def run(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> list[Any]:
        """The rows, with their columns as attributes."""
        values = [constant if name is None else parameters[name] for name, constant in self._binds]
        return [self._row(row) for row in driver.execute(self._sql, values)]


def _row_maker(columns: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    row_type: Any = cast(Any, namedtuple)("Row", columns, rename=True)
    return cast(Callable[[Iterable[Any]], Any], row_type._make)


class Preparations:
    """The statements prepared so far."""

    def __init__(self) -> None:
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
            prepared = self._prepared[key] = _prepare(statement, names)
            return prepared


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection."""
    return cast(sqlite3.Connection, cast(Any, connection.connection).driver_connection)


def _prepare(statement: Executable, names: tuple[str, ...]) -> Prepared | None:
    columns = None if isinstance(statement, Select) else list(names)
    compiled = cast(ClauseElement, statement).compile(dialect=_DIALECT, column_keys=columns)
    assert isinstance(compiled, SQLCompiler)
    depends_on_values = any(bind.expanding or bind in compiled.literal_execute_params for bind in compiled.binds.values())
    return None if depends_on_values else Prepared(compiled, names)
