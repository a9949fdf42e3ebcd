"""What is alike on both engines when a whole database is read or filled: which tables, their columns, the statements."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Boolean, Float, Integer, LargeBinary, Select, column, exists, func, insert, or_, select, table
from sqlalchemy import Table as SqlTable
from sqlalchemy.sql.dml import Insert
from sqlalchemy.types import BigInteger, Text, TypeEngine

from spark_assets.db.administration_tables import erased, event_bases, holds, rates, sessions
from spark_assets.db.connection import Row
from spark_assets.db.event_tables import events
from spark_assets.db.tables import assets, blobs, metadata, projects, renditions
from spark_assets.domain import blob_names
from spark_assets.domain.archive import Column, Kind, Table
from spark_assets.domain.media import MediaFormat
from spark_assets.domain.project import DEFAULT_PROJECT
from spark_assets.ports.moving import Line, Wanted

PAGE: Final = 1000
"""Rows at a time."""
_STAY: Final = (rates, sessions, holds, erased, event_bases)
"""What means nothing elsewhere: counters of this minute, who is signed in, holds, what waits for this store's record of erasures."""
MOVED: Final = tuple(found for found in metadata.sorted_tables if found not in _STAY)
"""The tables that are moved, in an order in which no row comes before one that it refers to."""

_BY_NAME: Final = {found.name: found for found in MOVED}
_TYPES: Final[dict[Kind, type[TypeEngine[Any]]]] = {
    Kind.TEXT: Text,
    Kind.INTEGER: BigInteger,
    Kind.REAL: Float,
    Kind.BOOLEAN: Boolean,
    Kind.SEALED: LargeBinary,
}
_FORMAT: Final = select(assets.c.format).where(assets.c.blob_sha256 == blobs.c.sha256).limit(1).scalar_subquery()
ORIGINALS: Final = select(blobs.c.sha256, blobs.c.size, _FORMAT.label("format")).where(blobs.c.state == "stored").order_by(blobs.c.sha256)
RENDITIONS: Final = select(renditions.c.name, renditions.c.size, renditions.c.media_type).order_by(renditions.c.name)
HIGHEST_TRANSACTION: Final = select(func.coalesce(func.max(events.c.transaction_id), 0))
DROP_DEFAULT: Final = projects.delete().where(projects.c.name == DEFAULT_PROJECT)
NEW_BASE: Final = insert(event_bases)
IS_FILLED: Final = select(
    or_(
        exists().where(projects.c.name != DEFAULT_PROJECT),
        *(exists(select(*found.primary_key.columns)) for found in MOVED if found is not projects),
    )
)
_UNKNOWN: Final = "application/octet-stream"


def moved_tables() -> tuple[Table, ...]:
    """The tables that are moved, without their rows."""
    return tuple(Table(str(found.name), tuple(Column(str(one.name), _kind(one.type)) for one in found.columns)) for found in MOVED)


def all_rows(name: str) -> Select[Any]:
    """Every row of a table, in order of its key."""
    found: SqlTable = _BY_NAME[name]
    return select(found).order_by(*found.primary_key.columns)


def inserting(found: Table) -> Insert:
    """INSERT into the table as the archive describes it, which may be older than the code."""
    return insert(table(found.name, *(column(one.name, _TYPES[one.kind]) for one in found.columns)))


def lines(rows: Iterable[Row]) -> list[Line]:
    """Rows without what is null."""
    return [{name: value for name, value in row._mapping.items() if value is not None} for row in rows]


def filled(found: Table, rows: Sequence[Line]) -> list[dict[str, Any]]:
    """Rows with a value for every column."""
    return [{one.name: row.get(one.name) for one in found.columns} for row in rows]


def wanted_originals(rows: Iterable[Row]) -> list[Wanted]:
    """The bytes of blobs."""
    return [Wanted(blob_names.original(row.sha256), row.size, _media_type(row.format)) for row in rows]


def wanted_renditions(rows: Iterable[Row]) -> list[Wanted]:
    """The bytes of renditions."""
    return [Wanted(row.name, row.size, row.media_type) for row in rows]


def _media_type(found: str | None) -> str:
    return MediaFormat(found).media_type if found else _UNKNOWN


def _kind(type_: TypeEngine[Any]) -> Kind:
    if isinstance(type_, Boolean):
        return Kind.BOOLEAN
    if isinstance(type_, Float):
        return Kind.REAL
    if isinstance(type_, Integer):
        return Kind.INTEGER
    return Kind.SEALED if isinstance(type_, LargeBinary) else Kind.TEXT
