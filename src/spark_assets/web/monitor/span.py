"""The span of time that a statement covers."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.usage import DAY, MICRO

LONGEST_DAYS: Final = 366
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DATE_LENGTH: Final = 10
_MOST_DIGITS: Final = 11
"""Of Unix seconds: until the year 5138."""


def read_span(query: Mapping[str, str], now: int) -> tuple[int, int]:
    """From `start` to just before `end`, in Unix microseconds; an `end` that is a date takes that whole day in.

    Without `start` it begins with the month (UTC) in which it ends, without `end` it ends with today.
    Raises InvalidParameter `start` or `end`.
    """
    end = _moment("end", query["end"], days=1) if "end" in query else (now // DAY + 1) * DAY
    start = _moment("start", query["start"]) if "start" in query else _month_of(end - 1)
    if start >= end:
        raise InvalidParameter("start", "start must lie before end")
    if end - start > LONGEST_DAYS * DAY:
        raise InvalidParameter("start", f"start and end lie more than {LONGEST_DAYS} days apart; ask for less at once")
    return start, end


def _moment(name: str, text: str, days: int = 0) -> int:
    """Unix microseconds; `days` are added to what is only a date. What names no time zone is meant in UTC, as clients document it."""
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text) * MICRO
    try:
        if len(text) == _DATE_LENGTH:
            return ((date.fromisoformat(text) - _EPOCH.date()).days + days) * DAY
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidParameter(name, f"{name} must be a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z") from None
    return (moment - _EPOCH) // _MICROSECOND


def _month_of(moment: int) -> int:
    day = _EPOCH.date() + timedelta(days=moment // DAY)
    return (day.replace(day=1) - _EPOCH.date()).days * DAY
