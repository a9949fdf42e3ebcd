"""What few rows of a list are found by: failures, the trash, the tasks of an asset, the audit trail of a subject."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
changes = "expands"

_TRASH = sa.text("deleted_at IS NOT NULL")
_FAILED_ASSETS = sa.text("status = 'Failed' AND deleted_at IS NULL")
_FAILED = sa.text("status = 'failed'")
_OF_AN_ASSET = sa.text("asset_id IS NOT NULL")


def upgrade() -> None:
    for name, table, columns, condition in (
        ("ix_assets_failed", "assets", ["project_id", "created_at", "id"], _FAILED_ASSETS),
        ("ix_assets_trash_by_created_at", "assets", ["project_id", "created_at", "id"], _TRASH),
        ("ix_tasks_failed", "tasks", ["project_id", "created_at", "id"], _FAILED),
        ("ix_tasks_of_asset", "tasks", ["asset_id"], _OF_AN_ASSET),
        ("ix_deliveries_failed", "deliveries", ["webhook_id", "created_at", "id"], _FAILED),
    ):
        op.create_index(name, table, columns, unique=False, sqlite_where=condition, postgresql_where=condition)
    op.create_index("ix_audit_of_subject", "audit", ["subject", "created_at", "id"], unique=False)
