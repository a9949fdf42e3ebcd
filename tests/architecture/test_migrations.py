"""Migrations are of two kinds: those that only add, so that older code runs on, and those that take away, and say from which code on."""

import asyncio
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, event

from spark_assets.db import schema, schema_changes
from spark_assets.db.postgres import postgres_engine
from spark_assets.db.schema import NewerSchema, OlderCodeRuns, Schema
from spark_assets.runtime.databases import (
    describe_schema,
    migrate_database,
    needs_migration,
    prepare_database,
    prepare_whole_database,
    schema_of,
)
from spark_assets.settings import Settings
from tests.factories.databases import create_postgres_database, write_sqlite_file
from tests.factories.schemas import Shape, breakages, shape_of

MIGRATIONS: Final = Path(schema.__file__).parent / "migrations"
KEYS: Final = SecretStr("1:0123456789abcdef")
CHANGES_ROWS: Final = re.compile(r"\s*(UPDATE|DELETE FROM|TRUNCATE|INSERT INTO)\s+\"?(\w+)", re.IGNORECASE)


def config_of(scripts: Path, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.attributes["connection"] = connection
    return config


def in_order(scripts: Path) -> list[Script]:
    """The migrations, oldest first."""
    return list(reversed(list(ScriptDirectory.from_config(config_of(scripts)).walk_revisions())))


SCRIPTS: Final = in_order(MIGRATIONS)
QUEUE_TABLES: Final = ("0008", "1e5896acb7fcc9a781b6fa723d12b7f078dfb19ad061b5e2376e81b6dc863ee1")
"""A migration of ours, and the hash of the tables that PgQueuer declared when it was the newest."""


def test_other_tables_of_the_queue_come_with_a_migration_of_ours() -> None:
    """A start looks at our version alone: without one, only `spark-assets migrate` would bring them."""
    number, digest = QUEUE_TABLES
    found = hashlib.sha256(QueryBuilderEnvironment().build_install_query().encode()).hexdigest()
    assert found == digest, "add a migration, if only an empty one, and write down its number and this hash as QUEUE_TABLES"
    assert number <= schema.HEAD


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.revision)
def test_a_migration_says_whether_it_expands_or_contracts(script: Script) -> None:
    assert script.module.changes in {"expands", "contracts"}
    if script.module.changes == "expands":
        assert not hasattr(script.module, "floor"), "what only adds leaves the floor where it is"
    else:
        assert schema.FIRST_FLOOR <= script.module.floor <= script.revision, "the oldest migration whose code does without what is taken"


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """An empty database, on either engine, that does statements one after the other."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'library.db'}")
        yield engine
        engine.dispose()
    else:
        yield request.getfixturevalue("postgres_url")


def on(engine: Any, work: Callable[[Connection], None]) -> None:
    """Run on a connection of either engine, in one transaction, which is committed."""
    if not isinstance(engine, str):
        with engine.begin() as connection:
            work(connection)
        return

    async def run() -> None:
        opened = postgres_engine(engine)
        try:
            async with opened.begin() as connection:
                await connection.run_sync(work)
        finally:
            await opened.dispose()

    asyncio.run(run())


def look_at_step(connection: Connection, scripts: Path, revision: str, before: Shape) -> tuple[list[str], Shape]:
    """What older code could stumble over once this migration, the next one, was run; and the shape that it leaves."""
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda _c, _d, statement, *_rest: statements.append(statement))
    command.upgrade(config_of(scripts, connection), revision)
    done, after = list(statements), shape_of(connection)
    return breakages(before, after, is_shared=connection.dialect.name == "postgresql") + touched_rows(done, before), after


def touched_rows(statements: list[str], before: Shape) -> list[str]:
    """Tables whose rows, there before, a migration changes: code that runs beside it may be about to change them too."""
    touched = {match[2] for statement in statements if (match := CHANGES_ROWS.match(statement))}
    return [f"rows of {table} are changed" for table in sorted(touched & before.columns.keys())]


def test_an_expanding_migration_only_adds(engine: Any) -> None:
    def work(connection: Connection) -> None:
        shape = shape_of(connection)
        for script in SCRIPTS:
            found, shape = look_at_step(connection, MIGRATIONS, script.revision, shape)
            assert found == [] or script.module.changes == "contracts", script.revision

    on(engine, work)


BREAKING: Final = {
    "op.drop_table('rates')": "the table rates is gone",
    "op.drop_column('tasks', 'stage')": "tasks.stage changes or is gone",
    "op.alter_column('tasks', 'stage', new_column_name='step')": "tasks.stage changes or is gone",
    "op.alter_column('tasks', 'model', type_=sa.Text())": "tasks.model changes or is gone",
    "op.alter_column('tasks', 'stage', nullable=True)": "tasks.stage changes or is gone",
    "op.add_column('tasks', sa.Column('new', sa.Integer(), nullable=False))": "tasks.new must be given",
    "op.create_index('new', 'tasks', ['asset_id', 'model'], unique=True)": "new makes values of tasks unique",
    "op.create_check_constraint('new', 'tasks', 'attempts < 100')": "the constraints of tasks change",
    "op.drop_index('ix_tasks_failed', 'tasks')": "the index ix_tasks_failed of tasks is gone",
    "op.execute('UPDATE projects SET name = name')": "rows of projects are changed",
}
ADDING: Final = (
    "op.add_column('tasks', sa.Column('new', sa.Integer(), nullable=True))",
    "op.add_column('tasks', sa.Column('new', sa.Integer(), nullable=False, server_default='0'))",
    "op.create_index('new', 'tasks', ['model'])",
    "op.create_table('new', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('x', sa.Integer(), unique=True))",
)


def test_the_rule_finds_whatever_older_code_could_stumble_over(postgres_url: str, tmp_path: Path) -> None:
    """Each of these as a migration that comes after ours, undone before the next."""
    scripts = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    new = scripts / "versions" / "m9999_new.py"
    beginning = (
        f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '9999'\ndown_revision = '{schema.HEAD}'\nchanges = 'expands'\n"
    )

    def work(connection: Connection) -> None:
        schema_changes.migrate(connection)
        shape = shape_of(connection)
        for step, sentence in [*BREAKING.items(), *((step, None) for step in ADDING)]:
            new.write_text(f"{beginning}def upgrade():\n    {step}\n")
            with connection.begin_nested() as savepoint:
                found, _ = look_at_step(connection, scripts, "9999", shape)
                savepoint.rollback()
            if sentence is None:
                assert found == [], step
            else:
                assert [told for told in found if told.startswith(sentence)], (step, found)

    on(postgres_url, work)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a library whose database has the newest schema."""
    url = ""
    if request.param == "postgres":
        url = asyncio.run(create_postgres_database(request.getfixturevalue("postgres_server")))
    else:
        write_sqlite_file(tmp_path / "library.db")
    return Settings(home=tmp_path, database_url=SecretStr(url), signing_keys=KEYS, encryption_keys=KEYS)


def write_down(settings: Settings, version: str, floor: str | None) -> None:
    """Let the database say this of its schema."""
    execute(settings, f"UPDATE alembic_version SET version_num = '{version}', floor = {'NULL' if floor is None else repr(floor)}")


def execute(settings: Settings, statement: str) -> None:
    """Run one statement on the library's database."""
    engine = create_engine(f"sqlite:///{settings.sqlite_path}") if settings.is_embedded else settings.database_url.get_secret_value()
    on(engine, lambda connection: connection.exec_driver_sql(statement).close())
    if not isinstance(engine, str):
        engine.dispose()


def test_migrations_write_down_the_floor_and_the_operator_is_told_of_it(settings: Settings) -> None:
    assert schema_of(settings) == Schema(schema.HEAD, schema.FIRST_FLOOR)
    assert describe_schema(settings) == (
        f"schema {schema.HEAD}; its floor is {schema.FIRST_FLOOR}: code that knows {schema.FIRST_FLOOR} or newer may run on it"
    )


def test_code_runs_on_a_newer_schema_whose_floor_it_reaches_and_leaves_it_as_it_is(settings: Settings) -> None:
    write_down(settings, "9998", schema.HEAD)
    assert not needs_migration(settings)
    prepare_database(settings)
    migrate_database(settings)
    assert schema_of(settings) == Schema("9998", schema.HEAD)
    assert f"newer than this version, which knows {schema.HEAD}" in describe_schema(settings)
    with pytest.raises(NewerSchema, match="does not know all that is in it"):
        prepare_whole_database(settings)


@pytest.mark.parametrize("floor", ["9997", None], ids=["above", "unknown"])
def test_code_below_the_floor_is_refused_and_told_which_it_takes(settings: Settings, floor: str | None) -> None:
    write_down(settings, "9998", floor)
    for refusing in (needs_migration, prepare_database, migrate_database, prepare_whole_database):
        with pytest.raises(NewerSchema, match=f"9998.*{floor or '9998'}.*{schema.HEAD}|does not know all"):
            refusing(settings)
    assert schema_of(settings) == Schema("9998", floor)


def test_a_schema_from_before_there_were_floors_is_as_good_as_new(settings: Settings) -> None:
    execute(settings, "ALTER TABLE alembic_version DROP COLUMN floor")
    assert not needs_migration(settings)
    assert (
        describe_schema(settings)
        == f"schema {schema.HEAD}; its floor is {schema.HEAD}: code that knows {schema.HEAD} or newer may run on it"
    )


async def test_nothing_is_taken_away_while_older_code_runs(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_assets.db.schema.FIRST_FLOOR", "9000")  # as if the last migration had contracted
    older, engine = postgres_engine(postgres_url), postgres_engine(postgres_url)
    async with older.connect() as running, engine.connect() as connection:
        assert (await running.exec_driver_sql("SHOW application_name")).scalar() == f"{schema.APPLICATION} {schema.HEAD}"
        with pytest.raises(OlderCodeRuns, match=f"not know 9000.*knows {schema.HEAD}.*nothing was changed"):
            await connection.run_sync(schema_changes.migrate, schema.HEAD)
        await connection.rollback()
        assert await connection.run_sync(schema.read_schema) == Schema()
    for opened in (older, engine):
        await opened.dispose()
