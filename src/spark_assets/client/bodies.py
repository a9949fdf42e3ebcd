"""What requests say, put together alike for both clients."""

import base64
import mimetypes
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

_TYPES: Final = {"image": "Image", "video": "Video", "audio": "Audio"}
_UNKNOWN_TO_MIMETYPES: Final = {".heic": "Image", ".heif": "Image", ".webp": "Image"}
"""Endings that Python 3.11 has no media type for."""


def given(**values: Any) -> dict[str, Any]:
    """The values that are not UNSET: None is said, and clears."""
    return {name: value for name, value in values.items() if value is not UNSET}


def guess_type(name: str) -> str:
    """`Image`, `Video` or `Audio` by the ending of a file's name or a URL. Raises ValueError if it has none that is known."""
    path = name.partition("?")[0].partition("#")[0]
    ending = path[path.rfind(".") :].lower()
    found = _UNKNOWN_TO_MIMETYPES.get(ending) or _TYPES.get((mimetypes.guess_type(f"x{ending}")[0] or "").partition("/")[0])
    if found is None:
        raise ValueError(f"whether {name[:200]!r} is an Image, a Video or an Audio cannot be told by its ending; say type=...")
    return found


def upload_metadata(fields: Mapping[str, Any], file_name: str) -> str:
    """The header `Upload-Metadata` of tus: each value as text, or as JSON, in base64. What is no text in a file's name becomes `?`."""
    texts = {name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in fields.items()}
    pairs = {**texts, **({"filename": file_name} if file_name else {})}
    return ",".join(f"{name} {base64.b64encode(text.encode(errors='replace')).decode()}" for name, text in pairs.items())
