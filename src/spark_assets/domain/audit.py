"""The audit trail: who did what to which ID, when, from where. IDs and counts, never names or values.

Entries are numbered, and each is sealed with the one before: whoever changes, removes or inserts one breaks the chain.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from spark_assets.domain.usage import MICRO

OPERATOR: Final = "operator"
"""The actor of what is done on the command line."""
HOUSEKEEPING: Final = "housekeeping"
"""The actor of what the service does by itself."""

Details = Mapping[str, Any]
"""IDs and counts, as JSON."""


class Origin(msgspec.Struct, frozen=True):
    """Where a request came from; nothing of it is known of what is done on the command line, or by the service itself."""

    address: str | None = None
    """The client's, as the server saw it."""
    request_id: str | None = None


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
    address: str | None = None
    """The client's; None on the command line and for the service itself."""
    request_id: str | None = None
    sequence: int = 0
    """From 1, without a gap; given when it is written."""
    previous_hash: str = ""
    """The hash of the entry before; 64 zeros for the first of all."""
    hash: str = ""
    """Of all the other values."""


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are meant."""

    project_ids: tuple[str, ...] | None = None
    """Those of these projects; None: those of all projects."""
    with_service: bool = False
    """Those that belong to no project, too."""
    action: str | None = None
    subject: str | None = None


FIRST_PREVIOUS: Final = "0" * 64
"""What the first entry of all has for the hash of the one before."""


def shown(entry: AuditEntry) -> dict[str, Any]:
    """The entry as it is sealed and exported: its values, with the time as `YYYY-MM-DDTHH:MM:SS.ffffffZ`."""
    seconds, rest = divmod(entry.created_at, MICRO)
    values = {name: getattr(entry, name) for name in AuditEntry.__struct_fields__}
    return values | {"created_at": f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"}


def sealed(entry: AuditEntry, sequence: int, previous_hash: str) -> AuditEntry:
    """The entry with its place in the chain."""
    placed = replace(entry, sequence=sequence, previous_hash=previous_hash)
    return replace(placed, hash=hash_of(placed))


def hash_of(entry: AuditEntry) -> str:
    """SHA-256 in hex of the exported entry without `hash`: JSON in UTF-8, its keys sorted, without spaces."""
    values = shown(entry)
    del values["hash"]
    return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()


def flaw(entry: AuditEntry, previous: AuditEntry | None) -> str | None:
    """What is wrong with an entry behind that one; the oldest that is kept has none before it, and stands for itself."""
    if hash_of(entry) != entry.hash:
        return "was changed"
    if previous is None:
        return None
    if entry.sequence != previous.sequence + 1:
        return f"does not follow number {previous.sequence}: others were removed"
    return None if entry.previous_hash == previous.hash else "is not sealed with the one before it"
