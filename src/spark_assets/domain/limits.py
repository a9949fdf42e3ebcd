"""How much one key may ask for, and the profiles that an operator can name."""

from typing import Final

import msgspec

from spark_assets.domain.parameters import (
    CREATE_ASSET,
    CREATE_GROUP,
    DELETE_ASSET,
    DELETE_GROUP,
    GET_ASSET,
    GET_GROUP,
    LIST_ASSETS,
    LIST_GROUPS,
    UPDATE_ASSET,
    UPDATE_GROUP,
)


class Limits(msgspec.Struct, frozen=True):
    """What one key may do; what is not named is not limited. Only operations are: never polls, never delivery."""

    requests_per_second: dict[str, int] = {}
    """By the operation's model; each is counted by itself."""
    creations_in_progress: int | None = None
    """Assets whose ingestion is not over."""


OFF: Final = Limits()

_CHANGES_AND_LISTS: Final = 30
_READINGS: Final = 100
"""Requests per second of one account, as the vendor's limits of the Assets API are documented."""

ARK: Final = Limits(
    dict.fromkeys(
        (
            operation.model
            for operation in (
                CREATE_ASSET,
                CREATE_GROUP,
                LIST_ASSETS,
                LIST_GROUPS,
                UPDATE_ASSET,
                UPDATE_GROUP,
                DELETE_ASSET,
                DELETE_GROUP,
            )
        ),
        _CHANGES_AND_LISTS,
    )
    | dict.fromkeys((GET_ASSET.model, GET_GROUP.model), _READINGS)
)

PROFILES: Final = {"off": OFF, "ark": ARK}
