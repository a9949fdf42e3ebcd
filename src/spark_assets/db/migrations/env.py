"""Run by Alembic over the connection that `schema_changes.migrate` hands in; after each step it writes down how old code may be."""

from typing import Any

from alembic import context
from sqlalchemy import inspect, text

from spark_assets.db import administration_tables, event_tables
from spark_assets.db.schema import FIRST_FLOOR
from spark_assets.db.tables import metadata


def record_floor(*, ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    """Raise the floor to what the migration that was just run says; the table that holds it is Alembic's, the column is ours."""
    connection = ctx.connection
    if "floor" not in {column["name"] for column in inspect(connection).get_columns("alembic_version")}:
        connection.execute(text("ALTER TABLE alembic_version ADD COLUMN floor VARCHAR(32)"))
    floor = getattr(step.up_revision.module, "floor", FIRST_FLOOR)
    connection.execute(text("UPDATE alembic_version SET floor = :floor WHERE floor IS NULL OR floor < :floor"), {"floor": floor})


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
    on_version_apply=record_floor,  # type: ignore[arg-type]  # Alembic calls it by keywords, whatever its stub says
)
context.run_migrations()

__all__ = ["administration_tables", "event_tables"]
"""They add their tables to the metadata."""
