"""Times as text."""

from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime


def utc_seconds(microseconds: int) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ` for Unix microseconds."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339(microseconds: int) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ` for Unix microseconds."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC).strftime('%Y-%m-%dT%H:%M:%S')}.{rest:06d}Z"


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
