"""The way from the schema that a database has to the one that the code needs.

What is empty gets the tables at once, as the code describes them: what the migrations would leave, without running them.
Alembic is imported only when there is something to migrate.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Connection, MetaData, String, Table, text
from sqlalchemy.schema import CreateIndex, CreateTable

from spark_assets.db import administration_tables, event_tables
from spark_assets.db.schema import APPLICATION, FIRST_FLOOR, FLOOR, HEAD, OlderCodeRuns, read_schema
from spark_assets.db.tables import metadata, projects

if TYPE_CHECKING:
    from alembic.config import Config

DEFAULT_PROJECT: Final = ("project-default", "default")
"""ID and name of the project that every library begins with."""
_CONNECTED: Final = text("SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()")


def migrate(connection: Connection, version: str | None = None) -> None:
    """Bring the schema up to this version, or up to date, on this connection; the caller holds the lock and ends the transaction.

    What is empty is not led through all versions, unless one is named. Raises OlderCodeRuns, and the transaction is then to be undone.
    """
    if version is None and read_schema(connection).version is None:
        _create(connection)
        return
    from alembic import command  # noqa: PLC0415  # 0.2 s that only a migration needs

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, version or HEAD)
    if connection.dialect.name == "postgresql":
        _refuse_below(connection, read_schema(connection).oldest_code)  # what has come up meanwhile


def refuse_beside_older_code(connection: Connection, version: str | None = None) -> None:
    """Raises OlderCodeRuns if the way up to this version, or up to date, takes away what code uses that is connected.

    Changes nothing. PostgreSQL only.
    """
    found = read_schema(connection)
    if found.version is None:
        return
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as above

    steps = ScriptDirectory.from_config(_config()).iterate_revisions(version or HEAD, found.version)
    floors = {getattr(step.module, "floor", FIRST_FLOOR) for step in steps}
    _refuse_below(connection, max({*floors, found.floor or FIRST_FLOOR}))


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _create(connection: Connection) -> None:
    """Make the tables, with the default project, and write down which version they are.

    Indexes are made by name, always in the same order: of two that serve a query as well, SQLite takes the younger.
    """
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index))
    project_id, name = DEFAULT_PROJECT
    connection.execute(projects.insert().values(id=project_id, name=name, created_at=time.time_ns() // 1000))
    version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True), Column("floor", String(32)))
    version.primary_key.name = "alembic_version_pkc"  # as Alembic calls it
    version.create(connection)
    connection.execute(version.insert().values(version_num=HEAD, floor=FLOOR))


def _refuse_below(connection: Connection, floor: str) -> None:
    names = [name for (name,) in connection.execute(_CONNECTED) if name and name.partition(" ")[0] == APPLICATION]
    older = sorted(known for known in {name.partition(" ")[2] for name in names} if known < floor)
    if older:
        known = ", ".join(number or "of no floor" for number in older)
        raise OlderCodeRuns(
            f"the migration takes away what code uses that does not know {floor}, and such code runs (it knows {known}): replace those"
            f" processes by a version that knows {floor}, or stop them; nothing was changed"
        )


__all__ = ["DEFAULT_PROJECT", "administration_tables", "event_tables", "migrate"]
"""The modules of tables add theirs to the metadata."""
