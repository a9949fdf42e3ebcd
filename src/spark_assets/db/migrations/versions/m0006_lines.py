"""Ingests wait in lines, one of each project and kind."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
changes = "expands"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("line", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.create_index(
        "ix_tasks_lines",
        "tasks",
        ["project_id", "line", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'in_progress'"),
        postgresql_where=sa.text("status = 'in_progress'"),
    )
    if op.get_bind().dialect.name == "sqlite":  # nobody else uses the file; on PostgreSQL the version before this one still does
        op.drop_index("ix_tasks_unfinished", table_name="tasks")
