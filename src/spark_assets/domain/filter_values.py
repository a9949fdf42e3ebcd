"""How the parameters of lists are read: filters, page numbers, sorting."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.group import GroupType
from spark_assets.domain.listing import LIVENESS_GROUPS, MOST_GROUPS, AssetFilter, GroupFilter
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameter_values import EXTERNAL_ID_LENGTH, NAME_LENGTH, TAG_COUNT, TAG_LENGTH, limited

Reader = Callable[[str, Any], Any]
_GROUP_TYPES: Final = (*(kind.value for kind in GroupType), LIVENESS_GROUPS)
MOST_CHOICES: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SHA256_LENGTH: Final = 64
ID_LENGTH: Final = 128
"""Far longer than any ID."""


def whole(low: int, high: int | None = None) -> Reader:
    """A whole number of at least `low` and at most `high`."""

    def read(name: str, value: Any) -> int:
        if type(value) is float and value.is_integer():  # JSON knows one kind of number: 10.0 is 10
            value = int(value)
        if type(value) is not int or value < low or (high is not None and value > high):
            limits = f"at least {low}" if high is None else f"from {low} to {high}"
            raise InvalidParameter(name, f"{name} must be a whole number {limits}")
        return value

    return read


def read_asset_filter(name: str, value: Any) -> AssetFilter:
    """An object with any of the keys that select assets."""
    return AssetFilter(**_read_keys(name, value, ASSET_KEYS))


def read_group_filter(name: str, value: Any) -> GroupFilter:
    """An object with any of the keys that select groups."""
    return GroupFilter(**_read_keys(name, value, GROUP_KEYS))


def _read_keys(name: str, value: Any, keys: dict[str, tuple[str, Reader]]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParameter(name, f"{name} must be an object")
    spelled = {key.casefold(): key for key in keys}
    found = {}
    for key, item in value.items():
        known = keys.get(key)
        if known is None and key.casefold() in spelled:
            raise InvalidParameter(name, f"the key is spelled {spelled[key.casefold()]}, not {key}")
        if known is not None and item is not None:
            field, read = known
            found[field] = read(f"{name}.{key}", item)
    return found


def _refuse(path: str, message: str) -> InvalidParameter:
    """The parameter at fault is the whole filter; the message names the key."""
    return InvalidParameter(_parameter_of(path), f"{path} {message}")


def _parameter_of(path: str) -> str:
    return path.partition(".")[0]


def _text(length: int) -> Callable[[str, Any], str]:
    """Text under the limits of what it is compared with: a longer one could never be found."""
    read_limited = limited(length)

    def read(path: str, value: Any) -> str:
        try:
            return read_limited(path, value)
        except InvalidParameter as error:
            raise InvalidParameter(_parameter_of(path), error.message) from None

    return read


def _texts(most: int, length: int) -> Reader:
    read_text = _text(length)

    def read(path: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise _refuse(path, f"must be an array of at most {most} strings")
        return tuple(dict.fromkeys(read_text(path, item) for item in value))

    return read


def _choices(kind: type[Enum]) -> Reader:
    members = {member.value: member for member in kind}

    def read(path: str, value: Any) -> tuple[Enum, ...]:
        if (
            not isinstance(value, list)
            or len(value) > MOST_CHOICES
            or any(not isinstance(item, str) or item not in members for item in value)
        ):
            raise _refuse(path, f"must be an array of {', '.join(members)}")
        return tuple(members[item] for item in value)

    return read


def _group_type(path: str, value: Any) -> str:
    if value not in _GROUP_TYPES:
        raise _refuse(path, f"must be one of {', '.join(_GROUP_TYPES)}")
    return str(value)


_short: Final = _text(_SHA256_LENGTH)


def _hash(path: str, value: Any) -> str:
    text = _short(path, value).lower()
    if len(text) != _SHA256_LENGTH or not all(character in "0123456789abcdef" for character in text):
        raise _refuse(path, f"must be a SHA-256 of {_SHA256_LENGTH} hexadecimal digits")
    return text


def _time(path: str, value: Any) -> int:
    try:
        moment = datetime.fromisoformat(_short(path, value))
    except ValueError:
        raise _refuse(path, "must be a time such as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise _refuse(path, "must say its time zone, such as the Z of 2026-01-31T12:00:00Z")
    return (moment - _EPOCH) // _MICROSECOND


GROUP_KEYS: Final[dict[str, tuple[str, Reader]]] = {
    "GroupIds": ("group_ids", _texts(MOST_GROUPS, ID_LENGTH)),
    "GroupType": ("group_type", _group_type),
    "Name": ("name", _text(NAME_LENGTH)),
}
"""The keys that select groups, likewise of GroupFilter."""
ASSET_KEYS: Final[dict[str, tuple[str, Reader]]] = {
    **GROUP_KEYS,
    "Statuses": ("statuses", _choices(AssetStatus)),
    "AssetTypes": ("types", _choices(AssetType)),
    "Tags": ("tags", _texts(TAG_COUNT, TAG_LENGTH)),
    "ExternalId": ("external_id", _text(EXTERNAL_ID_LENGTH)),
    "Sha256": ("sha256", _hash),
    "CreatedAfter": ("created_after", _time),
    "CreatedBefore": ("created_before", _time),
}
"""The keys that select assets: the field of AssetFilter that each becomes, and how its value is read."""
