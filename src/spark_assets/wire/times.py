"""Times as text."""

from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime


def utc_seconds(microseconds: int) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ` for Unix microseconds."""
    return f"{_whole(microseconds // 1_000_000)}Z"


def rfc3339(microseconds: int) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ` for Unix microseconds."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_whole(seconds)}.{rest:06d}Z"


def http_date(microseconds: int) -> str:
    """The form of `Last-Modified` for Unix microseconds, in whole seconds."""
    return formatdate(microseconds // 1_000_000, usegmt=True)


def read_http_date(text: str) -> float | None:
    """The Unix seconds that a header such as `If-Modified-Since` means; None for what is no date."""
    try:
        found = parsedate_to_datetime(text)
        return None if found.tzinfo is None else found.timestamp()
    except (ValueError, OverflowError):
        return None


def _whole(seconds: int) -> str:
    """Not with strftime, which writes the year 999 with three digits."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")
