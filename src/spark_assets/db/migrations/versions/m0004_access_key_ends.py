"""When access keys end, and when they were last used."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
changes = "expands"


def upgrade() -> None:
    for name in ("expires_at", "last_used_at"):
        op.add_column("access_keys", sa.Column(name, sa.BigInteger(), nullable=True))
