"""${message}"""

from alembic import op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
changes = "expands"  # or "contracts", and then: floor = the oldest migration whose code does without what this one takes away


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
