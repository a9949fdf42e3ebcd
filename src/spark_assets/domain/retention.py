"""How long what grows is kept. The usage ledger is not here: it is kept for good."""

from typing import Final

import msgspec

from spark_assets.domain.usage import MICRO

HOUR: Final = 3600 * MICRO
DAY: Final = 24 * HOUR


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds after which each kind is removed for good; the defaults are those of the settings."""

    tasks: int = 90 * DAY
    """Ended tasks, from their creation."""
    readings: int = DAY
    """Ended tasks of operations that only read, likewise."""
    sources: int = DAY
    """The source of a failed task, and the address to call back, from its end: for a retry."""
    answers: int = DAY
    """Answers to requests with an idempotency key."""
    trash: int = 7 * DAY
    """What was deleted."""
    events: int = 7 * DAY
    deliveries: int = 30 * DAY
    """Deliveries of webhooks that have ended."""
    audit: int = 365 * DAY
    """Entries of the audit trail."""
