"""How values look on a page."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

_UNKNOWN: Final = "\N{EN DASH}"
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: int | None) -> str:
    """Bytes as people read them; a dash where they are not known."""
    if count is None:
        return _UNKNOWN
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {_UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """`m:ss`, or `h:mm:ss`."""
    if seconds is None:
        return _UNKNOWN
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def moment(text: str | None) -> str:
    """A time in RFC 3339 as date and minute in UTC."""
    if not text:
        return _UNKNOWN
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def written(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def took(task: Mapping[str, Any]) -> str:
    """How long a task took that has ended."""
    if not task["completed_at"]:
        return _UNKNOWN
    seconds = (datetime.fromisoformat(task["completed_at"]) - datetime.fromisoformat(task["created_at"])).total_seconds()
    return duration(seconds) if seconds >= 60 else f"{seconds:.{1 if seconds >= 1 else 2}f} s"


FILTERS: Final[dict[str, Callable[..., Any]]] = {"size": size, "duration": duration, "moment": moment, "written": written, "took": took}
"""By the name that templates call them."""
