"""How the values of parameters are read: each reader returns the form that operations use, or raises InvalidParameter."""

import json
import unicodedata
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from spark_assets.domain.asset import ModerationStrategy
from spark_assets.domain.data_uri import is_data_uri
from spark_assets.domain.errors import InvalidParameter

NAME_LENGTH: Final = 64
DESCRIPTION_LENGTH: Final = 300
TAG_COUNT: Final = 32
TAG_LENGTH: Final = 64
EXTERNAL_ID_LENGTH: Final = 128
METADATA_BYTES: Final = 8 * 1024
URL_LENGTH: Final = 8_192
PLAIN: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""What `limited` accepts, as a regular expression of JSON schema."""
TITLE: Final = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
"""What `title` accepts."""

_JSON_NAMES: Final = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "an array", dict: "an object"}


def read_text(name: str, value: Any) -> str:
    """A string."""
    if type(value) is not str:
        raise InvalidParameter(name, f"{name} must be a string, not {_JSON_NAMES.get(type(value), 'something else')}")
    return value


def limited(length: int) -> Callable[[str, Any], str]:
    """Text of at most `length` code points after NFC, without control characters, kept as sent."""

    def read(name: str, value: Any) -> str:
        text = read_text(name, value)
        if not (text.isascii() and text.isprintable()) and any(unicodedata.category(character) == "Cc" for character in text):
            raise InvalidParameter(name, f"{name} must not contain control characters")
        count = len(text) if text.isascii() else len(unicodedata.normalize("NFC", text))
        if count > length:
            raise InvalidParameter(name, f"{name} has {count} characters; at most {length} are allowed")
        return text

    return read


def title(length: int) -> Callable[[str, Any], str]:
    """Limited text that is not blank."""
    read_limited = limited(length)

    def read(name: str, value: Any) -> str:
        text = read_limited(name, value)
        if not text.strip():
            raise InvalidParameter(name, f"{name} must not be blank")
        return text

    return read


def or_none(read: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """What `read` accepts, or an empty string, which stands for nothing."""
    return lambda name, value: None if value == "" else read(name, value)


def choice(kind: type[Enum], without: tuple[Enum, ...] = ()) -> Callable[[str, Any], Enum]:
    """One of an enumeration's values."""
    members = {member.value: member for member in kind if member not in without}

    def read(name: str, value: Any) -> Enum:
        member = members.get(read_text(name, value))
        if member is None:
            raise InvalidParameter(name, f"{name} must be one of {', '.join(members)}")
        return member

    return read


def read_moderation(name: str, value: Any) -> ModerationStrategy:
    """An object whose `Strategy` is one of the strategies, or absent."""
    if not isinstance(value, dict):
        raise InvalidParameter(name, f'{name} must be an object such as {{"Strategy": "Default"}}')
    strategy = value.get("Strategy")
    for key in value:
        if key != "Strategy" and key.casefold() == "strategy":
            raise InvalidParameter(name, f"{name} has the key Strategy, not {key}")
    if strategy is None:
        return ModerationStrategy.DEFAULT
    try:
        return ModerationStrategy(strategy)
    except ValueError:
        raise InvalidParameter(name, f"{name}.Strategy must be one of Default, Skip") from None


_tag = title(TAG_LENGTH)


def read_tags(name: str, value: Any) -> tuple[str, ...]:
    """An array of labels; repeated ones count once."""
    if not isinstance(value, list):
        raise InvalidParameter(name, f"{name} must be an array of strings")
    tags = tuple(dict.fromkeys(_tag(name, item) for item in value))
    if len(tags) > TAG_COUNT:
        raise InvalidParameter(name, f"{name} has {len(tags)} tags; at most {TAG_COUNT} are allowed")
    return tags


def read_metadata(name: str, value: Any) -> dict[str, Any]:
    """A JSON object of limited size."""
    if not isinstance(value, dict):
        raise InvalidParameter(name, f"{name} must be an object")
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > METADATA_BYTES:
        raise InvalidParameter(name, f"{name} has {size} bytes as JSON; at most {METADATA_BYTES} are allowed")
    return value


def read_url(name: str, value: Any) -> str:
    """A string of limited length, or a `data:` URI, which the body's length limits; whether it can be fetched, the source says."""
    text = read_text(name, value)
    if len(text) > URL_LENGTH and not is_data_uri(text):
        raise InvalidParameter(name, f"{name} has {len(text)} characters; at most {URL_LENGTH} are allowed")
    return text


def read_opaque_id(name: str, value: Any) -> str:
    """An ID is compared as opaque text: one that no ID could look like is simply not found."""
    return read_text(name, value)
