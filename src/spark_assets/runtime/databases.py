"""Opening the database that the settings name, and bringing its schema up to date."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Final

from spark_assets.db import schema, schema_changes
from spark_assets.db.faults import ENGINE_ERRORS
from spark_assets.db.sealing import Sealer
from spark_assets.db.sqlite import SqliteDatabase, sqlite_engine
from spark_assets.ports.metrics import SILENCE, Metrics
from spark_assets.ports.queue import JobDispatcher
from spark_assets.ports.unit_of_work import Database
from spark_assets.runtime.secrets import encryption_keys
from spark_assets.settings import BadSettings, Settings

_IMPORT: Final = "SELECT reason FROM holds WHERE id = 'import'"
"""The mark of whoever fills a library, as `operations.holding` has it."""


def prepare_database(settings: Settings) -> None:
    """Migrate if that is needed and AUTO_MIGRATE allows it. Raises BadSettings, NewerSchema, OlderCodeRuns."""
    if needs_migration(settings):
        if not settings.auto_migrate:
            raise BadSettings("the database schema is not up to date and SPARK_ASSETS_AUTO_MIGRATE is off; run 'spark-assets migrate'")
        migrate_database(settings)


def prepare_whole_database(settings: Settings) -> None:
    """The same for what has to know all that is in the database. Raises BadSettings, NewerSchema, OlderCodeRuns."""
    refuse_newer(settings)
    prepare_database(settings)


def refuse_newer(settings: Settings) -> None:
    """Raises NewerSchema if there may be more in the database than this code knows, though it may run on it; BadSettings."""
    schema.check_whole(schema_of(settings))


def needs_migration(settings: Settings) -> bool:
    """Whether the schema is behind the code. Raises BadSettings if the database cannot be reached, NewerSchema."""
    return not schema.is_enough(schema_of(settings))


def describe_schema(settings: Settings) -> str:
    """A sentence on the database's schema, and on which code may run on it. Raises BadSettings if it cannot be reached."""
    found = schema_of(settings)
    newer = f", newer than this version, which knows {schema.HEAD}" if found.version != schema.HEAD else ""
    return f"schema {found.version}{newer}; its floor is {found.oldest_code}: code that knows {found.oldest_code} or newer may run on it"


def schema_of(settings: Settings) -> schema.Schema:
    """What the database says of its schema. Raises BadSettings if it cannot be reached."""
    try:
        return _sqlite_schema(settings) if settings.is_embedded else asyncio.run(_postgres_schema(settings))
    except ENGINE_ERRORS as error:
        raise _unreachable(error) from None


def migrate_database(settings: Settings, version: str | None = None) -> bool:
    """Bring the schema up to this version, or up to date, one process at a time; whether anything was to be done.

    Raises BadSettings if the database cannot be reached, NewerSchema, OlderCodeRuns, HeldUp.
    """
    try:
        if settings.is_embedded:
            return _migrate_sqlite(settings, version)
        from spark_assets.runtime.postgres_migrations import migrate_postgres  # noqa: PLC0415  # asyncpg, where it is used

        return asyncio.run(migrate_postgres(_url(settings), version))
    except ENGINE_ERRORS as error:
        raise _unreachable(error) from None


def open_database(settings: Settings, dispatcher: JobDispatcher, metrics: Metrics = SILENCE) -> Database:
    """The database adapter; its schema must be one that this code may run on."""
    sealer = Sealer(encryption_keys(settings))
    if settings.is_embedded:
        return SqliteDatabase(sqlite_engine(str(settings.sqlite_path)), sealer, dispatcher, metrics=metrics)
    from spark_assets.db.postgres import PostgresDatabase, postgres_engine  # noqa: PLC0415  # asyncpg is loaded only where it is used

    return PostgresDatabase(postgres_engine(_url(settings)), sealer, dispatcher, metrics)


def refuse_unfinished(settings: Settings) -> None:
    """Raises BadSettings for a library that is being filled from an archive, or whose filling was broken off."""
    found = _sqlite_import(settings) if settings.is_embedded else asyncio.run(_postgres_import(settings))
    if found:
        raise BadSettings(f"the library is not whole: it is being filled from the archive {found}; run 'import' or 'restore' again")


def _sqlite_import(settings: Settings) -> str | None:
    with closing(sqlite3.connect(settings.sqlite_path, timeout=10)) as connection:
        row = connection.execute(_IMPORT).fetchone()
        return None if row is None else str(row[0])


async def _postgres_import(settings: Settings) -> str | None:
    from spark_assets.db.postgres import postgres_engine  # noqa: PLC0415

    engine = postgres_engine(_url(settings))
    try:
        async with engine.connect() as connection:
            return (await connection.exec_driver_sql(_IMPORT)).scalar()
    finally:
        await engine.dispose()


def _url(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


def _sqlite_schema(settings: Settings) -> schema.Schema:
    """One statement on the standard library's driver: a start that has nothing to migrate loads no engine for it."""
    if not settings.sqlite_path.exists():
        return schema.Schema()
    with closing(sqlite3.connect(settings.sqlite_path, timeout=10)) as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        return schema.schema_in(connection.execute(schema.READ).fetchone() if found else None)


def _migrate_sqlite(settings: Settings, wanted: str | None) -> bool:
    engine = sqlite_engine(str(settings.sqlite_path))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=10000")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        found = schema.read_schema(connection)
        is_behind = not schema.is_enough(found)
        if is_behind:
            if found.version is not None:
                _copy_aside(settings, found.version)
            schema_changes.migrate(connection, wanted)
        connection.exec_driver_sql("COMMIT")
    engine.dispose()
    return is_behind


def _copy_aside(settings: Settings, version: str) -> None:
    """Keep the database as it was before a migration."""
    source = settings.sqlite_path
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(source.with_name(f"{source.name}.before-{version}"))) as copy:
        old.backup(copy)


async def _postgres_schema(settings: Settings) -> schema.Schema:
    from spark_assets.db.postgres import postgres_engine  # noqa: PLC0415

    engine = postgres_engine(_url(settings))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(schema.read_schema)
    finally:
        await engine.dispose()


def _unreachable(error: Exception) -> BadSettings:
    said = str(getattr(error, "orig", None) or error).splitlines()
    reason = said[0] if said else "it does not answer in time"
    return BadSettings(f"SPARK_ASSETS_DATABASE_URL names a database that cannot be used: {reason}")
