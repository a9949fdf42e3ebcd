"""The names under which bytes are kept, and the rule that keeps a name inside its store.

Names are made of the SHA-256 of the original, so equal bytes share a name. The two characters after the first
folder spread the blobs over 256 folders: no folder of a large library becomes slow to search.
"""

import re
from typing import Final

ORIGINALS: Final = "originals/"
"""The prefix of every original."""
RENDITIONS: Final = "renditions/"
"""The prefix of everything made from originals."""
INCOMING: Final = "incoming/"
"""The prefix of bytes that were uploaded and not yet ingested."""
ERASURES: Final = "erasures/"
"""The prefix of the record of erasures."""
LONGEST_NAME: Final = 512
"""Characters; object stores allow 1,024 bytes for prefix and name together."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SEGMENT: Final = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,127}")
_HASHED: Final = re.compile(
    r"(?P<folder>originals|renditions)/(?P<start>[0-9a-f]{2})/(?P<sha256>(?P=start)[0-9a-f]{62})(?P<rest>-[a-z0-9_.-]+)?"
)
_PREFIX: Final = re.compile(r"[a-z0-9._/-]*")


class InvalidBlobName(ValueError):
    """The name is not one that a store accepts; it might point out of the store."""


def original(sha256: str) -> str:
    """Name of the bytes with this SHA-256 (64 lower-case hex digits), as received. Raises InvalidBlobName."""
    _require(_SHA256, sha256)
    return f"{ORIGINALS}{sha256[:2]}/{sha256}"


def rendition(sha256: str, variant: str, extension: str) -> str:
    """Name of a variant (`poster`, `waveform`) made from the original with this SHA-256; the extension has no dot.

    Raises InvalidBlobName.
    """
    _require(_SHA256, sha256)
    return f"{RENDITIONS}{sha256[:2]}/{sha256}-{_require(_WORD, variant)}.{_require(_WORD, extension)}"


def incoming(upload_id: str, part: str) -> str:
    """Name of a part of an upload. Raises InvalidBlobName."""
    return f"{INCOMING}{_require(_WORD, upload_id)}.{_require(_WORD, part)}"


def erasure(entry_id: str) -> str:
    """Name of an entry of the record of erasures. Raises InvalidBlobName."""
    return f"{ERASURES}{_require(_WORD, entry_id)}.json"


def upload_of(name: str) -> str:
    """The upload that a part with this name belongs to."""
    return name.removeprefix(INCOMING).partition(".")[0]


def require_name(name: str) -> str:
    """The name itself, if it cannot leave its store.

    Only `a-z 0-9 . _ - /`; relative; no empty segment, and none that begins with a dot, so neither `..` nor a store's
    own hidden folder can be named. Raises InvalidBlobName.
    """
    if len(name) > LONGEST_NAME or not all(_SEGMENT.fullmatch(segment) for segment in name.split("/")):
        raise InvalidBlobName("a blob name is made of segments of a-z, 0-9, '.', '_' and '-', none of which begins with a dot")
    return name


def require_prefix(prefix: str) -> str:
    """The prefix itself, if some name may begin with it; the empty one stands for every name. Raises InvalidBlobName."""
    folder, _, rest = prefix.rpartition("/")
    if folder or prefix.startswith("/"):
        require_name(folder)
    if rest.startswith(".") or len(prefix) > LONGEST_NAME:
        raise InvalidBlobName("a prefix must be the beginning of a blob name")
    _require(_PREFIX, rest)
    return prefix


def is_name(text: str) -> bool:
    """Whether a store accepts the text as a name."""
    try:
        require_name(text)
    except InvalidBlobName:
        return False
    return True


def _require(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise InvalidBlobName("this cannot be part of a blob name")
    return text


def hash_in(name: str) -> str | None:
    """The hash in the name of an original or of a rendition; None for any other name, such as a file that somebody put there."""
    found = _HASHED.fullmatch(name)
    if found is None or (found["rest"] is None) != (f"{found['folder']}/" == ORIGINALS):
        return None
    return found["sha256"]
