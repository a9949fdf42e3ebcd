"""The schema's version: what the code needs, what the database has, and which code may run on it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, inspect

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
APPLICATION_NAME: Final = f"{APPLICATION} {HEAD}"
"""The two together, said by every connection of ours: by it a migration that takes away finds what still runs."""
READ: Final = "SELECT * FROM alembic_version"
"""The version, and behind it the floor, which databases have not that were last migrated before there were floors."""


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
