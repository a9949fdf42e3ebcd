"""What requests say, put together alike for both clients."""

import base64
import mimetypes
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx2
import msgspec
from msgspec import UNSET

from spark_assets.client.retrying import RetryPolicy

BASE_URL: Final = "http://127.0.0.1:8080"
"""Where `spark-assets serve` listens unless told otherwise."""
_MOST_ATTEMPTS: Final = 1000
_TYPES: Final = {"image": "Image", "video": "Video", "audio": "Audio"}
_UNKNOWN_TO_MIMETYPES: Final = {".heic": "Image", ".heif": "Image", ".webp": "Image"}
"""Endings that Python 3.11 has no media type for."""


def step(one: str) -> str:
    """An ID as one step of a path, whatever is in it. Raises ValueError for what can be none."""
    if one in {"", ".", ".."}:
        raise ValueError(f"{one!r} is no ID")
    return quote(one, safe="")


def several(values: str | Iterable[str]) -> tuple[str, ...]:
    """One text, or each of several: a single one is not taken for its letters."""
    return (values,) if isinstance(values, str) else tuple(values)


def checked_address(address: str) -> str:
    """An address that a server can have, without a slash at its end. Raises ValueError for anything else."""
    try:
        url = httpx2.URL(address)
        is_one = address.isprintable() and " " not in address and bool(url.host) and 0 < (url.port or 80) < 65_536
    except (httpx2.InvalidURL, ValueError):
        is_one = False
    if not is_one or not address.startswith(("http://", "https://")):
        raise ValueError(f"{address!r} is no address of a server: it begins with http:// or https://, such as {BASE_URL}")
    return address.rstrip("/")


def checked_key(key: str) -> str:
    """A key that can be sent. Raises ValueError, which does not show it, for anything else."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("the key holds what no key does: blanks, line ends or letters beyond ASCII; perhaps more than the key was copied")
    return key


def chosen_retries(attempts: int | None) -> RetryPolicy:
    """How often a request is sent at most: as said, else by SPARK_ASSETS_ATTEMPTS; who says it means every request. Raises ValueError."""
    text = os.environ.get("SPARK_ASSETS_ATTEMPTS") or ""
    if attempts is None and not text:
        return RetryPolicy()
    if attempts is None:
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_ATTEMPTS:
            raise ValueError(f"SPARK_ASSETS_ATTEMPTS says how often a request is sent at most: a whole number from 1 to {_MOST_ATTEMPTS}")
        attempts = int(text)
    return RetryPolicy(attempts, without_hope=attempts)


def given(**values: Any) -> dict[str, Any]:
    """The values that are not UNSET: None is said, and clears."""
    return {name: value for name, value in values.items() if value is not UNSET}


def guess_type(name: str) -> str:
    """`Image`, `Video` or `Audio` by the ending of a file's name or a URL. Raises ValueError if it has none that is known."""
    path = name.partition("?")[0].partition("#")[0]
    ending = path[path.rfind(".") :].lower()
    found = _UNKNOWN_TO_MIMETYPES.get(ending) or _TYPES.get((mimetypes.guess_type(f"x{ending}")[0] or "").partition("/")[0])
    if found is None:
        raise ValueError(f"whether {name[:200]!r} is an Image, a Video or an Audio cannot be told by its ending: say its type")
    return found


def upload_metadata(fields: Mapping[str, Any], file_name: str) -> str:
    """The header `Upload-Metadata` of tus: each value as text, or as JSON, in base64. What is no text in a file's name becomes `?`."""
    texts = {name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in fields.items()}
    pairs = {**texts, **({"filename": file_name} if file_name else {})}
    return ",".join(f"{name} {base64.b64encode(text.encode(errors='replace')).decode()}" for name, text in pairs.items())
