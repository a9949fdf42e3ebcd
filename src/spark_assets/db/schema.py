"""The schema's version: what the code needs, what the database has, and the way from one to the other.

Reading the version costs one statement; Alembic is imported only when there is something to do.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from spark_assets.domain.errors import OperatorError

HEAD: Final = "0007"
"""The newest migration; a test compares it with the scripts."""
OUTLIVED: Final = frozenset({"ix_tasks_unfinished"})
"""What this code has no use for, and the code before it has: it stays on PostgreSQL, where both may run beside each other."""
LOCK: Final = 5_274_021
"""The PostgreSQL advisory lock under which one process migrates."""


class NewerSchema(OperatorError):
    """The database was migrated by newer code than this."""


def schema_version(connection: Connection) -> str | None:
    """The migration the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def is_current(version: str | None) -> bool:
    """Whether a schema of this version is the one the code needs. Raises NewerSchema if it is newer."""
    if version is not None and version > HEAD:
        raise NewerSchema(f"the database has schema {version}, this version of spark-assets knows {HEAD}; use the newer version")
    return version == HEAD


def migrate(connection: Connection, version: str | None = None) -> None:
    """Bring the schema up to this version, or up to date, on this connection; the caller holds the lock and ends the transaction."""
    from alembic import command  # noqa: PLC0415  # 0.2 s that only a migration needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, version or HEAD)
