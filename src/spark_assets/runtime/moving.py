"""What a move of a library needs: the database as a whole, places beside the library's own store, a schema of a certain age."""

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from spark_assets.db import schema
from spark_assets.db.sealing import Sealer
from spark_assets.db.sqlite import sqlite_engine
from spark_assets.domain.archive import BadArchive
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.moving import Archive, Movable
from spark_assets.runtime.databases import migrate_database, schema_of
from spark_assets.runtime.secrets import encryption_keys
from spark_assets.settings import BadSettings, Settings
from spark_assets.storage.local import LocalBlobStore
from spark_assets.storage.location import StorageKind, StorageLocation, parse_storage_url
from spark_assets.storage.objects import ObjectBlobStore
from spark_assets.storage.tar_archive import TarReader, TarWriter

SCHEMA: Final = schema.HEAD
"""Of a library that is ready: archives of it have the same."""
_PRIVATE: Final = 0o700


def open_movable(settings: Settings) -> Movable:
    """The database that the settings name, as a whole."""
    sealer = Sealer(encryption_keys(settings))
    if settings.is_embedded:
        from spark_assets.db.sqlite_moving import SqliteMoving  # noqa: PLC0415  # a server never needs it

        return SqliteMoving(sqlite_engine(str(settings.sqlite_path)), sealer)
    from spark_assets.db.postgres import postgres_engine  # noqa: PLC0415
    from spark_assets.db.postgres_moving import PostgresMoving  # noqa: PLC0415

    return PostgresMoving(postgres_engine(settings.database_url.get_secret_value(), longest_pause=None), sealer)


def open_place(settings: Settings, address: str, options: Path | None, *, is_new: bool = False) -> BlobStore:
    """A store by its address, or by the path of a folder, beside the library's own.

    `options`: a TOML file with settings of that store, as obstore names them, where the environment's are those of another one.
    A folder that is missing is made if it `is_new`. Raises BadSettings.
    """
    try:
        location = parse_storage_url(address if "://" in address else Path(address).expanduser().absolute().as_uri())
    except ValueError as error:
        raise BadSettings(f"{address.partition('?')[0]} cannot be used: {error}") from None
    if location.kind is StorageKind.FOLDER:
        return _open_folder(location, is_new=is_new)
    chosen = {} if options is None else _read_options(options)
    endpoint = chosen.pop("endpoint", None) or (settings.s3_endpoint if options is None and location.kind is StorageKind.S3 else None)
    try:
        return ObjectBlobStore(location, endpoint=endpoint, credentials=chosen)
    except ValueError as error:
        raise BadSettings(f"{address} cannot be used: {error}") from None


@asynccontextmanager
async def writing_file(path: Path) -> AsyncIterator[Archive]:
    """An archive in one file, which has its name only once it is whole. Raises BadSettings, StorageFull."""
    if path.exists():  # noqa: ASYNC240  # nothing else runs yet
        raise BadSettings(f"{path} is there already: name another file")
    writer = TarWriter(path)
    try:
        yield writer
        await writer.finish()
    finally:
        writer.discard()


def open_archive(settings: Settings, address: str, options: Path | None) -> BlobStore | TarReader:
    """A place that is read alone: a file that ends in .tar, else as `open_place` has it. Raises BadSettings, Unavailable."""
    return TarReader(Path(address)) if address.endswith(".tar") else open_place(settings, address, options)


def _open_folder(location: StorageLocation, *, is_new: bool) -> BlobStore:
    assert location.path is not None
    try:
        if is_new:
            location.path.mkdir(_PRIVATE, parents=True, exist_ok=True)
        if not location.path.is_dir():
            raise BadSettings(f"{location.path} is no folder")
    except OSError as error:
        raise BadSettings(f"{location.path} cannot be used: {error.strerror}") from None
    return LocalBlobStore(location.path)


def _read_options(path: Path) -> dict[str, str]:
    try:
        found = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"{path} cannot be used as options of a store: {error}") from None
    return {name: str(value) for name, value in found.items()}


def prepare_schema(settings: Settings, wanted: str) -> None:
    """Give an empty database the schema of an archive; its own migration comes after the rows. Raises BadArchive, BadSettings."""
    if wanted > schema.HEAD:
        raise BadArchive(f"the archive has schema {wanted}, this version of spark-assets knows {schema.HEAD}; use the newer version")
    found = schema_of(settings).version
    if found is None:
        migrate_database(settings, wanted)
    elif found != wanted:
        raise BadArchive(f"the archive has schema {wanted} and this database {found}: name a new database, which is then migrated after it")
