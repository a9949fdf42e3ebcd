"""How the arrays of our own REST surface are read."""

from collections.abc import Callable
from typing import Any

from spark_assets.domain.errors import InvalidParameter

Reader = Callable[[str, Any], Any]


def several(read_one: Reader, most: int, *, distinct: bool = False) -> Reader:
    """An array of 1 to `most` values. Repeated ones count once, or are refused where they must be `distinct`."""

    def read(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not 0 < len(value) <= most:
            raise InvalidParameter(name, f"{name} must be an array of 1 to {most} strings")
        found = tuple(dict.fromkeys(read_one(name, item) for item in value))
        if distinct and len(found) != len(value):
            raise InvalidParameter(name, f"{name} must not hold the same value twice")
        return found

    return read


def any_number_of(read_one: Reader, most: int) -> Reader:
    """The same, and an empty array."""
    read_some = several(read_one, most)
    return lambda name, value: () if value == [] else read_some(name, value)
