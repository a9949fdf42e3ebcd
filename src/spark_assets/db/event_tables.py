"""The tables of what comes in and what goes out: uploads, events, webhooks and their deliveries. Units as in `tables`."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from spark_assets.db.tables import metadata

_WAITING: Final = text("status = 'waiting'")
_FAILED: Final = text("status = 'failed'")

uploads: Final = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    # JSON: what tells the names of its parts apart, in order.
    Column("parts", Text, nullable=False),
    Column("command", LargeBinary, nullable=False),
    # The request that is adding to it, and until when it may be without a word.
    Column("holder", String(32)),
    Column("held_until", BigInteger),
    Column("task_id", String(32)),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    # What the sweeper removes, oldest first.
    Index("ix_uploads_expires_at", "expires_at"),
)

events: Final = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    # The number of the transaction on PostgreSQL, 0 on SQLite: what commits later must not be passed over by who reads on.
    Column("transaction_id", BigInteger, nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("type", String(32), nullable=False),
    Column("asset_id", String(64)),
    Column("group_id", String(64)),
    Column("task_id", String(32)),
    Column("data", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # A project's events in the order in which they are told.
    Index("ix_events_in_order", "project_id", "transaction_id", "id"),
    # What goes when an asset is erased.
    Index("ix_events_asset", "asset_id"),
    sqlite_autoincrement=True,
)

webhooks: Final = Table(
    "webhooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("url", LargeBinary),
    Column("description", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("secrets", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("disabled_reason", Text),
    Column("deleted_at", BigInteger),
    Index("ix_webhooks_by_created_at", "project_id", "created_at", "id"),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("webhook_id", ForeignKey("webhooks.id"), nullable=False),
    Column("place", String(64), nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("type", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    Column("callback", LargeBinary),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("answer_status", Integer),
    Column("failure", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("traceparent", String(64)),
    # The deliveries of one webhook, newest first.
    Index("ix_deliveries_by_created_at", "webhook_id", "created_at", "id"),
    # The same of those that have failed.
    Index("ix_deliveries_failed", "webhook_id", "created_at", "id", sqlite_where=_FAILED, postgresql_where=_FAILED),
    # What is still to be delivered: few rows among millions.
    Index("ix_deliveries_waiting", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    # The same of one place.
    Index("ix_deliveries_of_place", "place", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    # What must go before it, of the same subject.
    Index("ix_deliveries_subject", "webhook_id", "subject", "created_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    # Those that tell of something, which go when that is erased.
    Index("ix_deliveries_of_subject", "subject"),
    # What retention removes, oldest first.
    Index("ix_deliveries_created_at", "created_at"),
)
