"""Whole libraries for tests of moves: a database of either engine, a folder of bytes, and a row in every table."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, insert

from spark_assets.db import moving
from spark_assets.db.postgres import postgres_engine
from spark_assets.db.postgres_moving import PostgresMoving
from spark_assets.db.sealing import Sealer
from spark_assets.db.sqlite import sqlite_engine
from spark_assets.db.sqlite_moving import SqliteMoving
from spark_assets.domain import blob_names
from spark_assets.operations.erased_blobs import Library
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.moving import Line, Movable
from spark_assets.storage.local import LocalBlobStore
from tests.factories import records
from tests.factories.clocks import SetClock
from tests.factories.databases import SEALER, create_postgres_database, drop_postgres_database, open_postgres, open_sqlite
from tests.factories.servers import PostgresServer

CONTENT: Final = b"the bytes of every asset in these tests"
PREVIEW: Final = b"a thumbnail"
SHA256: Final = records.sha256_of(CONTENT)
ORIGINAL: Final = blob_names.original(SHA256)
THUMBNAIL: Final = blob_names.rendition(SHA256, "thumbnail", "jpg")
ENGINES: Final = ("sqlite", "postgres")

_FIXED: Final[dict[str, dict[str, Any]]] = {
    "blobs": {"sha256": SHA256, "size": len(CONTENT), "state": "stored"},
    "renditions": {"blob_sha256": SHA256, "variant": "thumbnail", "name": THUMBNAIL, "size": len(PREVIEW), "media_type": "image/jpeg"},
    "assets": {"format": "jpeg", "size": len(CONTENT), "deleted_at": None},
    "projects": {"deleted_at": None},
    "groups": {"type": "AIGC", "deleted_at": None},
}


class Whole(msgspec.Struct, frozen=True):
    """A library, and its database as a whole."""

    library: Library
    movable: Movable
    run: Callable[[Any, Any], Any]
    """Runs one statement of SQLAlchemy with parameters, and commits it."""


@asynccontextmanager
async def whole(engine: str, folder: Path, server: Callable[[], PostgresServer], sealer: Sealer = SEALER) -> AsyncIterator[Whole]:
    """An empty library on that engine."""
    for name in ("blobs", "spool"):
        (folder / name).mkdir(parents=True)
    blobs: BlobStore = LocalBlobStore(folder / "blobs")
    clock, spool = SetClock(records.NOW), folder / "spool"
    if engine == "sqlite":
        path = folder / "library.db"
        async with open_sqlite(path) as database:
            opened = sqlite_engine(str(path))

            async def run(statement: Any, parameters: Any) -> None:
                with opened.connect() as connection:
                    connection.execute(statement, parameters)
                    connection.commit()

            movable: Movable = SqliteMoving(sqlite_engine(str(path)), sealer)
            yield Whole(Library(database, blobs, clock, spool), movable, run)
            await movable.close()
            opened.dispose()
    else:
        url = await create_postgres_database(server())
        async with open_postgres(url) as database:
            other = postgres_engine(url)

            async def run_there(statement: Any, parameters: Any) -> None:
                async with other.begin() as connection:
                    await connection.execute(statement, parameters)

            movable = PostgresMoving(postgres_engine(url), sealer)
            yield Whole(Library(database, blobs, clock, spool), movable, run_there)
            await movable.close()
            await other.dispose()
        await drop_postgres_database(server(), url)
    await blobs.close()


async def fill(filled: Whole) -> None:
    """A row in every table that is moved, with a value in every column, and the bytes that they refer to."""
    ids: dict[str, Any] = {}
    for table in moving.MOVED:
        row = {column.name: _value(table.name, column, ids) for column in table.columns} | _FIXED.get(table.name, {})
        await filled.run(insert(table), row)
        ids |= {f"{table.name}.{column.name}": row[column.name] for column in table.columns}
    for name, content in ((ORIGINAL, CONTENT), (THUMBNAIL, PREVIEW)):
        await store(filled.library, name, content)


async def store(library: Library, name: str, content: bytes) -> None:
    """Put bytes into the store."""
    path = library.spool / "given"
    path.write_bytes(content)
    await library.blobs.put(path, name, "image/jpeg")


async def all_rows(movable: Movable) -> dict[str, list[Line]]:
    """Every row of every table that is moved."""
    async with movable.snapshot() as snapshot:
        return {table.name: [row async for rows in snapshot.rows(table) for row in rows] for table in snapshot.tables}


def _value(table: str, column: "Column[Any]", ids: dict[str, Any]) -> Any:
    for key in column.foreign_keys:
        return ids[key.target_fullname]
    if isinstance(column.type, LargeBinary):
        return SEALER.seal(f"{table} {column.name}")
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Float):
        return 0.1 + 0.2
    if isinstance(column.type, Integer):
        return len(column.name) * (2**31 + 1) if column.type.__class__.__name__ == "BigInteger" else len(column.name)
    return f"{table} “{column.name}” \N{SNOWMAN}"[: column.type.length or 99]  # type: ignore[attr-defined]  # it is a String
