"""An engine's errors end here and leave as ours."""

import sqlite3
from typing import Final, NoReturn

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from spark_assets.domain.errors import SparkError, StorageFull, Unavailable

log = structlog.get_logger()

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
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
}


def raise_ours(error: Exception) -> NoReturn:
    """Raise Unavailable or StorageFull for an engine that is away or full; a fault of ours, such as a wrong statement, as it is."""
    ours = _translate(error)
    if ours is None:
        raise error
    log.warning("database_unavailable", error=type(error).__name__, code=ours.code)
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


def _of_sqlite(error: sqlite3.Error) -> SparkError | None:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StorageFull()
    if primary in _SQLITE_AWAY:
        return Unavailable("the database is locked or out of reach; try again shortly")
    return None
