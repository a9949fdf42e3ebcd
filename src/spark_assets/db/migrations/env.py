"""Run by Alembic: migrates over the connection that `schema.migrate` hands in."""

from alembic import context

from spark_assets.db import administration_tables, event_tables
from spark_assets.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()

__all__ = ["administration_tables", "event_tables"]
"""They add their tables to the metadata."""
