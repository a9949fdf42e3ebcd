"""The schema's version: what the code needs, what the database has, the way from one to the other, and which code may run on it.

Reading the version costs one statement; Alembic is imported only when there is something to migrate.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, inspect, text

from spark_assets.domain.errors import OperatorError

HEAD: Final = "0008"
"""The newest migration; a test compares it with the scripts. What else is said of a version of the code goes by this number."""
FIRST_FLOOR: Final = "0007"
"""The oldest code that looks at a floor at all: what came before it refuses every schema that is newer than itself."""
FLOOR: Final = FIRST_FLOOR
"""The oldest code that may run on the schema that this code makes; a test compares it with the scripts."""
OUTLIVED: Final = frozenset({"ix_tasks_unfinished"})
"""What this code has no use for, and the code before it has: it stays on PostgreSQL, where both may run beside each other."""
LOCK: Final = 5_274_021
"""The PostgreSQL advisory lock under which one process migrates."""
APPLICATION: Final = "spark-assets"
"""What PostgreSQL calls a connection of ours, followed by the newest migration that its code knows."""
READ: Final = "SELECT * FROM alembic_version"
"""The version, and behind it the floor, which databases have not that were last migrated before there were floors."""
_CONNECTED: Final = text("SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()")


class NewerSchema(OperatorError):
    """The database was migrated by newer code than this, and this code may not do with it what was asked."""


class OlderCodeRuns(OperatorError):
    """A migration would take away what processes of an older version, which run, still use."""


class Schema(NamedTuple):
    """What a database says of its schema."""

    version: str | None = None
    """The migration that it is at; None for an empty one."""
    floor: str | None = None
    """The oldest code that may run on it, by the newest migration which that code knows; None: none but code that knows this version."""

    @property
    def oldest_code(self) -> str:
        """The floor, or what stands for it."""
        return self.floor or self.version or HEAD


def read_schema(connection: Connection) -> Schema:
    """What the database says."""
    if not inspect(connection).has_table("alembic_version"):
        return Schema()
    return schema_in(connection.exec_driver_sql(READ).first())


def schema_in(row: Sequence[object] | None) -> Schema:
    """What a row of `READ` says."""
    return Schema() if row is None else Schema(*(None if value is None else str(value) for value in row[:2]))


def is_enough(found: Schema) -> bool:
    """Whether this code can run on the schema as it is; if not, it is behind. Raises NewerSchema if newer code is needed."""
    if found.version is None or found.version <= HEAD:
        return found.version == HEAD
    if found.oldest_code > HEAD:
        raise NewerSchema(
            f"the database has schema {found.version}, on which versions of spark-assets may run that know {found.oldest_code} or newer,"
            f" and this one knows {HEAD}; use a newer version"
        )
    return True


def check_whole(found: Schema) -> None:
    """Raises NewerSchema if there may be more in the database than this code knows, for whoever must not miss any of it."""
    if found.version is not None and found.version > HEAD:
        raise NewerSchema(
            f"the database has schema {found.version}, this version of spark-assets knows {HEAD}: it serves on it, but does not know all"
            " that is in it; use the newer version for this"
        )


def migrate(connection: Connection, version: str | None = None) -> None:
    """Bring the schema up to this version, or up to date, on this connection; the caller holds the lock and ends the transaction.

    What is empty is not led through all versions, unless one is named. Raises OlderCodeRuns, and the transaction is then to be undone.
    """
    if version is None and read_schema(connection).version is None:
        from spark_assets.db.creation import create_schema  # noqa: PLC0415  # the tables, which reading a version does without

        create_schema(connection)
        return
    from alembic import command  # noqa: PLC0415  # 0.2 s that only a migration needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, version or HEAD)
    if connection.dialect.name == "postgresql":
        _refuse_beside_older_code(connection)


def _refuse_beside_older_code(connection: Connection) -> None:
    floor = read_schema(connection).oldest_code
    names = [name for (name,) in connection.execute(_CONNECTED) if name and name.partition(" ")[0] == APPLICATION]
    older = sorted(known for known in {name.partition(" ")[2] for name in names} if known < floor)
    if older:
        known = ", ".join(number or "of no floor" for number in older)
        raise OlderCodeRuns(
            f"the migration takes away what code uses that does not know {floor}, and such code runs (it knows {known}): replace those"
            f" processes by a version that knows {floor}, or stop them; nothing was changed"
        )
