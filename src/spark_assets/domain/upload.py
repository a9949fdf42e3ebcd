"""Bytes that come in by hand: staged in the store until an ingest has taken them."""

from enum import Enum
from typing import Final

import msgspec

from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.usage import MICRO

RETENTION: Final = 24 * 3600 * MICRO
"""How long an unfinished upload is kept after its last byte, unless the operator settled otherwise."""
PART_SIZE: Final = 8 * 2**20
"""Bytes after which a part of an upload is made durable, so that a broken connection loses no more."""
MOST_PARTS: Final = 4_000
"""Parts of one upload: 200 MB in pieces of 50 KB, or 1 GiB in pieces of 270 KB."""
MOST_OPEN: Final = 100
"""Uploads of one key that may be open at once: each may hold bytes that no quota counts yet."""
LEASE: Final = 5 * MICRO
"""How long an upload is held by a request that says nothing: a client whose connection broke may go on after that."""
_SCHEME: Final = "incoming:"


class UploadKind(Enum):
    """The ways in that are no URL."""

    FORM = "form"
    DATA = "data"
    TUS = "tus"
    PRESIGNED = "presigned"


class UploadStatus(Enum):
    """An upload is open until its bytes have become a task."""

    OPEN = "open"
    COMPLETE = "complete"


class Staged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the bytes of a task lie: the source of an ingest that fetches nothing."""

    id: str
    """The upload's."""
    parts: tuple[str, ...]
    """In order: what tells the names of its parts apart."""
    size: int
    """Bytes, all parts together."""
    sha256: str | None = None
    """Lower-case hex, where it is known or was promised."""

    @property
    def source(self) -> str:
        """The text that a task keeps instead of an address; no client can send it, for it is no address."""
        return f"{_SCHEME}{msgspec.json.encode(self).decode()}"


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload. Times are Unix microseconds."""

    id: str
    project_id: str
    key_id: str
    kind: UploadKind
    status: UploadStatus
    length: int
    """Bytes that were announced."""
    offset: int = 0
    """Bytes that are durable."""
    parts: tuple[str, ...] = ()
    command: str = ""
    """JSON of what the client said of the asset: kept sealed. Of a complete one, what is still told of it."""
    task_id: str | None = None
    created_at: int
    expires_at: int

    @property
    def is_whole(self) -> bool:
        """Whether every byte has arrived."""
        return self.offset == self.length


def is_staged(source: str) -> bool:
    """Whether the source of a task is staged bytes and no address."""
    return source.startswith(_SCHEME)


def read_staged(source: str) -> Staged:
    """The staged bytes that a source names. Raises IngestFailure `InternalError` for a text that this version does not understand."""
    try:
        return msgspec.json.decode(source.removeprefix(_SCHEME), type=Staged)
    except msgspec.MsgspecError:
        message = "the place of the uploaded bytes cannot be read; upload them again"
        raise IngestFailure("InternalError", message, "attempts_exhausted") from None
