"""An engine's errors end here and leave as ours."""

import sqlite3
from typing import Final, NoReturn

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from spark_assets.domain.errors import SparkError, StorageFull, Unavailable

log = structlog.get_logger()


class Clash(Exception):
    """A unique value is taken: by another transaction since it was asked for, or by two rows of one statement."""


ENGINE_ERRORS: Final = (DBAPIError, PoolTimeout, sqlite3.Error, OSError)
"""What a driver may raise while its engine is away, locked or full."""

_POSTGRES_FULL: Final = "53100"
"""SQLSTATE disk_full."""
_POSTGRES_AWAY: Final = ("08", "40", "53", "57", "58")
"""SQLSTATE classes: connection exception, transaction rollback (deadlock), insufficient resources, operator intervention, system error."""
_SQLITE_AWAY: Final = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
_TAKEN: Final = "23505"
"""SQLSTATE unique_violation."""
_SQLITE_TAKEN: Final = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
_SQLITE_DAMAGED: Final = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def raise_ours(error: Exception) -> NoReturn:
    """Raise Unavailable or StorageFull for an engine that is away or full; a fault of ours, such as a wrong statement, as it is."""
    ours = _translate(error)
    if ours is None:
        raise error
    log.warning("database_unavailable", error=type(error).__name__, code=ours.code, reason=_reason(error))
    raise ours from error


def _translate(error: Exception) -> SparkError | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original)
    state = str(getattr(original, "sqlstate", None) or "")
    if state == _POSTGRES_FULL:
        return StorageFull()
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or state.startswith(_POSTGRES_AWAY) or isinstance(error, (PoolTimeout, OSError)):
        return Unavailable("the database cannot be reached; try again shortly")
    return None


def state_of(error: Exception) -> str | None:
    """SQLSTATE, whoever tells it."""
    return getattr(getattr(error, "orig", error), "sqlstate", None)


def is_clash(error: Exception) -> bool:
    """Whether the error says that a unique value is taken."""
    return state_of(error) == _TAKEN or getattr(getattr(error, "orig", error), "sqlite_errorcode", None) in _SQLITE_TAKEN


def is_damage(error: Exception) -> bool:
    """Whether the error says that the file itself is damaged."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return (getattr(original, "sqlite_errorcode", None) or 0) & 0xFF in _SQLITE_DAMAGED


def _reason(error: Exception) -> str | None:
    """The engine's own name for it, such as SQLITE_CORRUPT or 57P01: a busy file and a damaged one want different remedies."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)


def _of_sqlite(error: sqlite3.Error) -> SparkError | None:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StorageFull()
    if primary in _SQLITE_DAMAGED:
        return Unavailable("the database file is damaged: whoever runs the service must put it back from a backup")
    if primary in _SQLITE_AWAY:
        return Unavailable("the database is locked or out of reach; try again shortly")
    return None
