"""The audit trail: who did what to keys, projects, quotas, and what was removed for good. IDs and counts, never names or values."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

OPERATOR: Final = "operator"
"""The actor of what is done on the command line."""
HOUSEKEEPING: Final = "housekeeping"
"""The actor of what the service does by itself."""

Details = Mapping[str, Any]
"""IDs and counts, as JSON."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done."""

    id: str
    actor: str
    """A key's ID, `operator` for the command line, `housekeeping` for the service itself."""
    action: str
    """What was done to what, such as `key.created`."""
    project_id: str | None
    """None for what belongs to no project."""
    subject: str | None
    """The ID of what it was done to, or of the erasure."""
    details: Details | None
    created_at: int
    """Unix microseconds."""


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are meant."""

    project_ids: tuple[str, ...] | None = None
    """Those of these projects; None: those of all projects."""
    with_service: bool = False
    """Those that belong to no project, too."""
    action: str | None = None
