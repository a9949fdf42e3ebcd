"""The tables. Times are Unix microseconds, sizes bytes, money micro-dollars; IDs are primary keys."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    false,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_LIVING: Final = text("deleted_at IS NULL")
_TRASH: Final = text("deleted_at IS NOT NULL")
_FAILED_ASSETS: Final = text("status = 'Failed' AND deleted_at IS NULL")
_FAILED: Final = text("status = 'failed'")
_OF_AN_ASSET: Final = text("asset_id IS NOT NULL")

projects: Final = Table(
    "projects",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Index("uq_projects_name", "name", unique=True, sqlite_where=_LIVING, postgresql_where=_LIVING),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("hint", String(16), nullable=False),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("project_ids", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)

access_keys: Final = Table(
    "access_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("project_ids", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)

groups: Final = Table(
    "groups",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("type", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    # One for each order that groups are listed in.
    *(
        Index(f"ix_groups_by_{column}", "project_id", column, "id", sqlite_where=_LIVING, postgresql_where=_LIVING)
        for column in ("created_at", "updated_at")
    ),
    # What the trash still holds.
    Index("ix_groups_trash", "deleted_at", sqlite_where=_TRASH, postgresql_where=_TRASH),
)

blobs: Final = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

renditions: Final = Table(
    "renditions",
    metadata,
    Column("blob_sha256", String(64), primary_key=True),
    Column("variant", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(64), nullable=False),
)

assets: Final = Table(
    "assets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("group_id", ForeignKey("groups.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("type", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("moderation", String(16), nullable=False),
    Column("external_id", Text),
    Column("metadata", Text),
    Column("task_id", String(32)),
    Column("blob_sha256", ForeignKey("blobs.sha256")),
    Column("size", BigInteger),
    Column("format", String(16)),
    Column("width", Integer),
    Column("height", Integer),
    Column("frame_count", Integer),
    Column("duration", Float),
    Column("frame_rate", Float),
    Column("codec", String(32)),
    Column("has_audio", Boolean),
    Column("rendition_pending", Boolean, nullable=False, server_default=false()),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("error_reason", String(64)),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    # One for each order that assets are listed in; the last one also serves the assets of one group among millions, newest first.
    *(
        Index(f"ix_assets_by_{columns[0]}", "project_id", *columns, "id", sqlite_where=_LIVING, postgresql_where=_LIVING)
        for columns in (("created_at",), ("updated_at",), ("group_id", "created_at"))
    ),
    # What the trash still holds: what was deleted first, and in the order of a list.
    Index("ix_assets_trash", "deleted_at", sqlite_where=_TRASH, postgresql_where=_TRASH),
    Index("ix_assets_trash_by_created_at", "project_id", "created_at", "id", sqlite_where=_TRASH, postgresql_where=_TRASH),
    # What has failed: few rows among millions, in the order of a list.
    Index("ix_assets_failed", "project_id", "created_at", "id", sqlite_where=_FAILED_ASSETS, postgresql_where=_FAILED_ASSETS),
    # What a start must enqueue again: renditions that were still to be made.
    Index("ix_assets_pending", "id", sqlite_where=text("rendition_pending"), postgresql_where=text("rendition_pending")),
    Index(
        "uq_assets_external_id",
        "project_id",
        "external_id",
        unique=True,
        sqlite_where=text("external_id IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=text("external_id IS NOT NULL AND deleted_at IS NULL"),
    ),
    # Which assets share bytes: asked by the sweeper and by renditions, and within one project by an ingest.
    Index(
        "ix_assets_blob",
        "blob_sha256",
        "project_id",
        sqlite_where=text("blob_sha256 IS NOT NULL"),
        postgresql_where=text("blob_sha256 IS NOT NULL"),
    ),
)

tags: Final = Table(
    "tags",
    metadata,
    Column("asset_id", ForeignKey("assets.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Index("ix_tags_tag", "tag", "asset_id"),
)

tasks: Final = Table(
    "tasks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("model", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("asset_id", String(64)),
    Column("group_id", String(64)),
    Column("source", LargeBinary),
    Column("source_host", String(255)),
    Column("callback", LargeBinary),
    Column("retry_of", String(32)),
    Column("stage", String(16), nullable=False),
    Column("progress", Float, nullable=False),
    Column("bytes_received", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("result", Text),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("error_reason", String(64)),
    Column("cost", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("uploaded_at", BigInteger),
    Column("completed_at", BigInteger),
    Column("erased_at", BigInteger),
    Column("line", SmallInteger, nullable=False, server_default=text("0")),
    Column("traceparent", String(64)),
    # The tasks of a project, newest first.
    Index("ix_tasks_by_created_at", "project_id", "created_at", "id"),
    # The same of those that have failed.
    Index("ix_tasks_failed", "project_id", "created_at", "id", sqlite_where=_FAILED, postgresql_where=_FAILED),
    # The tasks of one asset.
    Index("ix_tasks_of_asset", "asset_id", sqlite_where=_OF_AN_ASSET, postgresql_where=_OF_AN_ASSET),
    # What waits in which line, what a start must enqueue again, how much is not over: few rows among millions.
    Index(
        "ix_tasks_lines",
        "project_id",
        "line",
        "id",
        sqlite_where=text("status = 'in_progress'"),
        postgresql_where=text("status = 'in_progress'"),
    ),
    # What the sweeper forgets: sources kept for a retry.
    Index(
        "ix_tasks_sources",
        "completed_at",
        sqlite_where=text("source IS NOT NULL AND completed_at IS NOT NULL"),
        postgresql_where=text("source IS NOT NULL AND completed_at IS NOT NULL"),
    ),
    # What retention removes first: answers of operations that were over at once.
    Index("ix_tasks_answers", "created_at", sqlite_where=text("result IS NOT NULL"), postgresql_where=text("result IS NOT NULL")),
)

usage: Final = Table(
    "usage",
    metadata,
    Column("task_id", String(32), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("model", String(64), nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # What a project cost within a time.
    Index("ix_usage_by_time", "project_id", "created_at"),
)
