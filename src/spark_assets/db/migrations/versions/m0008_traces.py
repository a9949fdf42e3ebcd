"""What tells a later step which trace it belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
changes = "expands"


def upgrade() -> None:
    for table in ("tasks", "deliveries"):
        op.add_column(table, sa.Column("traceparent", sa.String(length=64), nullable=True))
