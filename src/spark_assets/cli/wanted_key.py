"""What is said of a key of either kind that shall be made."""

from collections.abc import Sequence
from typing import NamedTuple

from spark_assets.domain.api_key import Scope


class WantedKey(NamedTuple):
    """What a new key shall be."""

    name: str
    scopes: Sequence[Scope]
    projects: Sequence[str]
    seconds: int | None
    """Until it ends."""
