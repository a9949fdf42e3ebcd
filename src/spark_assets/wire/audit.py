"""Shapes of our own REST surface: the audit trail."""

from typing import Any

import msgspec


class AuditBody(msgspec.Struct):
    """One thing that was done. There are IDs and counts in it, never names or values."""

    id: str
    actor: str
    """A key's ID, `operator` for the command line, `housekeeping` for the server itself."""
    action: str
    project_id: str | None
    subject: str | None
    """The ID of what it was done to, or of the erasure."""
    details: dict[str, Any] | None
    address: str | None
    """The client's; null on the command line and for the server itself."""
    request_id: str | None
    sequence: int
    """From 1, without a gap."""
    previous_hash: str
    """The hash of the entry before; 64 zeros for the first of all."""
    hash: str
    """SHA-256 of this entry without `hash`: JSON in UTF-8, its keys sorted, without spaces."""
    created_at: str


class AuditList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[AuditBody]
    next_cursor: str | None
