"""Run by Alembic: migrates over the connection that `schema.migrate` hands in."""

from alembic import context

from spark_assets.db.administration_tables import audit  # the last table: by now the metadata knows all

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=audit.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
