"""Identifiers: how they look, and how new ones are made.

Assets and groups follow the vendor's form, tasks the xid form, requests the form seen in result texts.
None of them is a secret; uniqueness is the database's, so a maker of rows tries again when an ID is taken.
"""

import base64
import itertools
import os
import secrets
from datetime import UTC, datetime
from typing import Final

SUFFIX_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_FAIR: Final = 256 - 256 % len(SUFFIX_ALPHABET)
"""A random byte below this stands for each character equally often; others are thrown away."""
_CHARACTERS: Final = bytes(ord(SUFFIX_ALPHABET[byte % len(SUFFIX_ALPHABET)]) for byte in range(256))
_UNFAIR: Final = bytes(range(_FAIR, 256))
_XID_LENGTH: Final = 20
_MICROSECONDS: Final = 1_000_000


class TaskIds:
    """Makes task IDs: 20 characters of `0-9a-v`, sortable by the second they were made in.

    Like an xid: 4 bytes of Unix time, 5 that belong to this process, 3 of a counter from a random start.
    """

    def __init__(self) -> None:
        self._process = os.urandom(5)
        self._counter = itertools.count(secrets.randbelow(2**24))

    def new(self, now: int) -> str:
        """An ID for a task created at `now` (Unix microseconds)."""
        counter = next(self._counter) & 0xFFFFFF
        return _task_id(now, self._process + counter.to_bytes(3, "big"))


def earliest_task_id(at: int) -> str:
    """Not above the ID of any task that was created in the second of `at` (Unix microseconds) or later, and above all others."""
    return _task_id(at, bytes(8))


def _task_id(now: int, rest: bytes) -> str:
    twelve = (now // _MICROSECONDS).to_bytes(4, "big") + rest
    return base64.b32hexencode(twelve)[:_XID_LENGTH].lower().decode()


def new_asset_id(now: int) -> str:
    """`asset-YYYYMMDDHHMMSS-xxxxx` for the time `now` (Unix microseconds, shown in UTC)."""
    return _dated("asset", now)


def new_group_id(now: int) -> str:
    """`group-YYYYMMDDHHMMSS-xxxxx` for the time `now` (Unix microseconds, shown in UTC)."""
    return _dated("group", now)


def new_project_id() -> str:
    """`project-` and 12 characters; projects are named by people and found by name."""
    return f"project-{_suffix(12)}"


def new_key_id() -> str:
    """`key-` and 12 characters: the public handle of an API key."""
    return f"key-{_suffix(12)}"


def new_share_id() -> str:
    """`share-` and 12 characters: the handle by which a share is revoked."""
    return f"share-{_suffix(12)}"


def new_upload_id() -> str:
    """`upload-` and 16 characters: the handle by which an upload is continued."""
    return f"upload-{_suffix(16)}"


def new_webhook_id() -> str:
    """`webhook-` and 12 characters."""
    return f"webhook-{_suffix(12)}"


def new_request_id(now: int) -> str:
    """`YYYYMMDDHHMMSS` and 20 upper-case hex digits."""
    return f"{_stamp(now)}{os.urandom(10).hex().upper()}"


def _dated(noun: str, now: int) -> str:
    return f"{noun}-{_stamp(now)}-{_suffix(5)}"


_last_stamp: tuple[int, str] = (0, "19700101000000")


def _stamp(now: int) -> str:
    """The second as 14 digits; remembered, since thousands of IDs are made within one second."""
    global _last_stamp
    second = now // _MICROSECONDS
    remembered, text = _last_stamp
    if remembered != second:
        text = datetime.fromtimestamp(second, UTC).strftime("%Y%m%d%H%M%S")
        _last_stamp = (second, text)
    return text


def _suffix(length: int) -> str:
    """Random characters, each equally likely."""
    characters = b""
    while len(characters) < length:
        characters += os.urandom(length + 4).translate(_CHARACTERS, _UNFAIR)
    return characters[:length].decode()
