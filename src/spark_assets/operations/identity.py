"""Adding rows whose ID is drawn by chance."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from spark_assets.domain.errors import Unavailable
from spark_assets.ports.repositories import Taken

Thing = TypeVar("Thing")

_TRIES: Final = 20
"""Five characters of suffix are 14 million values a second: even at 10,000 a second a second try is rare."""


async def add_with_fresh_id(build: Callable[[], Thing], add: Callable[[Thing], Awaitable[None]]) -> Thing:
    """Build and add until the ID is not taken. Raises Taken for any other value, Unavailable when luck runs out."""
    for _ in range(_TRIES):
        thing = build()
        try:
            await add(thing)
        except Taken as taken:
            if taken.what != "id":
                raise
            continue
        return thing
    raise Unavailable("too many things are being created within this second; try again")
