"""The schema: what the migrations make is what the code describes, on both engines, whoever migrates and how often."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection

from spark_assets.db import schema
from spark_assets.db.event_tables import events
from spark_assets.db.postgres import postgres_engine
from spark_assets.db.sqlite import sqlite_engine
from spark_assets.runtime.databases import migrate_database, needs_migration, prepare_database
from spark_assets.settings import BadSettings, Settings
from tests.factories.schemas import Shape, shape_of
from tests.factories.servers import PostgresServer

MIGRATIONS: Final = Path(schema.__file__).parent / "migrations"
KEYS: Final = "1:0123456789abcdef"
MIGRATE: Final = """
import sys
from pathlib import Path
from spark_assets.runtime.databases import prepare_database
from spark_assets.settings import Settings
print("started", flush=True)
sys.stdin.readline()
keys = "1:0123456789abcdef"
prepare_database(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2], signing_keys=keys, encryption_keys=keys))
"""


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a library whose database is still empty."""
    if request.param == "sqlite":
        yield _settings(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create_database()
        yield _settings(tmp_path, url)
        server.drop_database(url)


def _settings(home: Path, url: str = "") -> Settings:
    return Settings(home=home, database_url=SecretStr(url), signing_keys=SecretStr(KEYS), encryption_keys=SecretStr(KEYS))


def _on_connection(settings: Settings, work: Any) -> Any:
    """What `work` makes of a connection to the library's database."""
    if settings.is_embedded:
        engine = sqlite_engine(str(settings.sqlite_path))
        with engine.connect() as connection:
            return work(connection)

    async def run() -> Any:
        engine = postgres_engine(settings.database_url.get_secret_value())
        async with engine.connect() as connection:
            result = await connection.run_sync(work)
            await connection.commit()
        await engine.dispose()
        return result

    return asyncio.run(run())


def _differences(connection: Connection) -> list[Any]:
    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return name not in schema.OUTLIVED and (kind != "table" or not str(name).startswith("pgqueuer"))

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_ours})
    return list(compare_metadata(context, events.metadata))


def test_migrations_make_exactly_the_tables_that_the_code_describes(settings: Settings) -> None:
    migrate_database(settings, schema.HEAD)
    assert _on_connection(settings, _differences) == []


def test_what_is_made_at_once_is_what_the_migrations_leave(settings: Settings, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    migrate_database(settings, schema.HEAD)
    if settings.is_embedded:
        (tmp_path / "made").mkdir()
        made = _settings(tmp_path / "made")
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        made = _settings(tmp_path, server.create_database())
    migrate_database(made)
    assert _on_connection(made, _definitions) == _on_connection(settings, _definitions)
    assert _on_connection(made, shape_of) == _on_connection(settings, _without_the_outlived)
    rows = "SELECT version_num, floor, id, name FROM alembic_version, projects"
    found = [_on_connection(one, lambda connection: connection.exec_driver_sql(rows).fetchall()) for one in (made, settings)]
    assert found[0] == found[1]
    if not settings.is_embedded:
        server.drop_database(made.database_url.get_secret_value())


def _without_the_outlived(connection: Connection) -> Shape:
    shape = shape_of(connection)
    indexes = {
        table: {name: unique for name, unique in found.items() if name not in schema.OUTLIVED} for table, found in shape.indexes.items()
    }
    return shape._replace(indexes=indexes)


def _definitions(connection: Connection) -> dict[str, str]:
    """Each index by its name, as the engine wrote it down: with its columns, their order and its condition."""
    kept = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'pgqueuer%'",
    }
    found = connection.exec_driver_sql(kept[connection.dialect.name])
    return {name: " ".join(definition.split()) for name, definition in found if name not in schema.OUTLIVED}


def test_head_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_every_script_is_numbered_by_its_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    for script in ScriptDirectory.from_config(config).walk_revisions():
        assert Path(script.path).name.startswith(f"m{script.revision}_")


def test_an_empty_database_needs_a_migration_and_a_migrated_one_does_not(settings: Settings) -> None:
    assert needs_migration(settings)
    prepare_database(settings)
    assert not needs_migration(settings)
    prepare_database(settings)
    assert _on_connection(settings, schema.read_schema).version == schema.HEAD


def test_a_migrated_library_has_the_default_project_once(settings: Settings) -> None:
    for _ in range(2):
        migrate_database(settings)
    query = "SELECT id, name FROM projects"
    found = _on_connection(settings, lambda connection: connection.exec_driver_sql(query).fetchall())
    assert [tuple(row) for row in found] == [("project-default", "default")]


def test_a_migration_of_postgresql_makes_the_tables_of_the_queue(postgres_url: str, tmp_path: Path) -> None:
    migrate_database(_settings(tmp_path, postgres_url))
    migrate_database(_settings(tmp_path, postgres_url))

    async def count() -> int:
        connection = await asyncpg.connect(postgres_url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM pgqueuer"))
        finally:
            await connection.close()

    assert asyncio.run(count()) == 0


def test_access_keys_of_an_older_library_have_no_end_and_were_not_used_yet(settings: Settings) -> None:
    migrate_database(settings, "0003")
    columns = "id, name, secret, scopes, created_at"
    add = f"INSERT INTO access_keys ({columns}) VALUES ('AKOLD', 'sdk', 'sealed', '[]', 1)"
    _on_connection(settings, lambda connection: (connection.exec_driver_sql(add), connection.commit()))
    migrate_database(settings)
    query = f"SELECT {columns}, expires_at, last_used_at, revoked_at FROM access_keys"
    found = _on_connection(settings, lambda connection: connection.exec_driver_sql(query).fetchall())
    assert [(row[0], row[1], row[-3:]) for row in map(tuple, found)] == [("AKOLD", "sdk", (None, None, None))]


def test_two_migrations_at_once_leave_one_schema(settings: Settings) -> None:
    url = settings.database_url.get_secret_value()
    command = [sys.executable, "-c", MIGRATE, str(settings.home), url]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    try:
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == b"started\n"
        for process in both:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        outcomes = [process.communicate(timeout=30) for process in both]
    finally:
        for process in both:
            process.kill()
            process.wait()
    assert [process.returncode for process in both] == [0, 0], outcomes
    assert _on_connection(settings, _differences) == []


def test_a_copy_is_kept_before_a_migration_of_sqlite(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with closing(sqlite3.connect(settings.sqlite_path)) as old:
        old.executescript(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL); INSERT INTO alembic_version VALUES ('0000');"
            "CREATE TABLE keepsake (what TEXT); INSERT INTO keepsake VALUES ('precious');"
        )
    with pytest.raises(Exception, match="0000"):  # there is no such migration, so that this one fails after the copy
        migrate_database(settings)
    copy = settings.sqlite_path.with_name("library.db.before-0000")
    for path in (copy, settings.sqlite_path):
        with closing(sqlite3.connect(path)) as kept:
            assert kept.execute("SELECT what FROM keepsake").fetchall() == [("precious",)]
            assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [("0000",)]


def test_no_copy_is_made_of_an_empty_database(tmp_path: Path) -> None:
    migrate_database(_settings(tmp_path))
    assert list(tmp_path.glob("*before*")) == []


def test_with_auto_migrate_off_a_schema_that_is_behind_stops_the_start(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, auto_migrate=False)
    with pytest.raises(BadSettings, match="SPARK_ASSETS_AUTO_MIGRATE"):
        prepare_database(settings)
    migrate_database(settings)
    prepare_database(settings)


def test_a_database_that_cannot_be_reached_is_named_as_the_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="SPARK_ASSETS_DATABASE_URL"):
        needs_migration(_settings(tmp_path, "postgresql://postgres@127.0.0.1:1/nothing"))
    (tmp_path / "library.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(BadSettings, match="SPARK_ASSETS_DATABASE_URL"):
        needs_migration(_settings(tmp_path))
