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
    created_at: str


class AuditList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[AuditBody]
    next_cursor: str | None
