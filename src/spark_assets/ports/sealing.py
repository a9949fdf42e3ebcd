"""What `secrets rotate` asks of the database."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec


class Sealed(msgspec.Struct, frozen=True):
    """A sealed value, as it is stored in a row of one place."""

    row: tuple[Any, ...]
    """The key of the row."""
    value: bytes


class SealedValues(Protocol):
    """Everything that is encrypted at rest, wherever it is."""

    @property
    def places(self) -> Sequence[str]:
        """Where there is any; what is copied from one place to another is in the earlier of them first."""

    async def count(self) -> dict[str, int]:
        """How many values each key has sealed, by its ID, of keys that are not known here too; 0 for one that is known and has none."""

    async def outdated(self, place: str, after: Sealed | None, limit: int) -> list[Sealed]:
        """At most so many values of a place that another key than the first has sealed, behind that one."""

    async def seal_anew(self, place: str, outdated: Sequence[Sealed]) -> int:
        """Seal them with the first key; how many. One that was changed meanwhile, or cannot be opened, is left as it is."""
