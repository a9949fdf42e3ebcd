"""When something may end: in the future, and not so far off that the date could not be written."""

from typing import Final

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.usage import DAY

LONGEST_EXPIRY: Final = 36_525 * DAY
"""Microseconds: a hundred years."""


def check_expiry(expires_at: int | None, now: int) -> int | None:
    """The time itself, in Unix microseconds; None stands for never. Raises InvalidParameter `ExpiresAt`."""
    if expires_at is None or now < expires_at <= now + LONGEST_EXPIRY:
        return expires_at
    when = "in the past" if expires_at <= now else "more than a hundred years away"
    raise InvalidParameter("ExpiresAt", f"ExpiresAt is {when}; give a time in the future, or none at all")
