"""The tables of administration: quotas, rates, shares, sessions, idempotency keys, the audit trail, moves. Units as in `tables`."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from spark_assets.db.tables import metadata

quotas: Final = Table(
    "quotas",
    metadata,
    Column("project_id", ForeignKey("projects.id"), primary_key=True),
    Column("asset_limit", BigInteger),
    Column("group_limit", BigInteger),
    Column("byte_limit", BigInteger),
    Column("assets", BigInteger, nullable=False),
    Column("groups", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

rates: Final = Table(
    "rates",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("operation", String(64), primary_key=True),
    Column("second", BigInteger, nullable=False),
    Column("requests", Integer, nullable=False),
)

shares: Final = Table(
    "shares",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("asset_id", ForeignKey("assets.id"), nullable=False),
    Column("variant", String(16), nullable=False),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("token", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("ix_shares_by_created_at", "project_id", "created_at", "id"),
    Index("ix_shares_of_asset", "asset_id"),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("key_id", ForeignKey("api_keys.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    # What has expired, oldest first.
    Index("ix_sessions_expires_at", "expires_at"),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # What retention removes, oldest first.
    Index("ix_idempotency_keys_created_at", "created_at"),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("project_id", String(32)),
    Column("subject", String(64)),
    Column("details", Text),
    Column("address", String(64)),
    Column("request_id", String(64)),
    # Each entry is sealed with the one before: the hash is over all of its own values and over that one's hash.
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # The entries of a project, and all of them, newest first.
    Index("ix_audit_by_created_at", "project_id", "created_at", "id"),
    Index("ix_audit_all_by_created_at", "created_at", "id"),
    # The entries of one subject, newest first.
    Index("ix_audit_of_subject", "subject", "created_at", "id"),
)

# Who keeps the sweeper from removing bytes, and until when: whoever is killed meanwhile holds it no longer than that.
holds: Final = Table(
    "holds",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)

# What was erased and does not stand in the store's own record of it yet; JSON.
erased: Final = Table(
    "erased",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("entry", Text, nullable=False),
)

# What is added to the numbers of transactions, so that events follow those that another database had numbered.
event_bases: Final = Table(
    "event_bases",
    metadata,
    Column("transaction_id", BigInteger, primary_key=True, autoincrement=False),
)
