"""How a connection to SQLite is set up: durable commits, foreign keys, transactions that are ours to begin and end."""

import sqlite3
import time
from typing import Final

from sqlalchemy import Connection, Engine

from spark_assets.db.faults import ENGINE_ERRORS, raise_ours

_WAL_ATTEMPTS: Final = 500
_WAL_PAUSE: Final = 0.002
"""Seconds between two of them."""
_PRAGMAS: Final = ("synchronous=FULL", "foreign_keys=ON", "cache_size=-4096", "busy_timeout=0")


def prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Set up a new connection, as a listener of the engine. Raises sqlite3.OperationalError if the file cannot be used."""
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=1000")
    _enter_wal(connection)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def connect(engine: Engine) -> Connection:
    """A connection whose transactions are ours to begin and end. Raises Unavailable."""
    try:
        return engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except ENGINE_ERRORS as error:
        raise_ours(error)


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Two that open a new file at once meet here, where SQLite heeds no busy timeout: so it is tried again."""
    for attempt in range(1, _WAL_ATTEMPTS + 1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == _WAL_ATTEMPTS:
                raise
            time.sleep(_WAL_PAUSE)
        else:
            return
