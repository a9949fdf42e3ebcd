"""Archives: a whole library written down, for another engine or for later. How one is laid out, and what its manifest says.

    backups/<id>/<table>-00001.jsonl    the rows of a table, one JSON object a line, without what is null; bytes are base64
    backups/<id>/stored-00001.jsonl     which stored bytes belong to it: name, size, SHA-256, media type
    originals/..., renditions/..., incoming/...     those bytes, as the library's own store names them
    erasures/...                        the record of erasures
    backups/<id>/manifest.json          written last: what has none is no archive

One place may hold many of them: stored bytes and the record are shared.
"""

from enum import Enum
from typing import Final

import msgspec

from spark_assets.domain.errors import OperatorError

FORMAT: Final = 1
"""Raised when an older version of the code could not read what is written."""
ARCHIVES: Final = "backups/"
MANIFEST: Final = "manifest.json"
LINES: Final = "application/x-ndjson"
"""The media type of a part."""


class BadArchive(OperatorError):
    """An archive cannot be used; the message is one sentence that says why."""


class Kind(Enum):
    """What a column holds, on every engine."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    SEALED = "sealed"
    """Bytes that are encrypted with one of the ENCRYPTION_KEYS, and stay so."""


class Column(msgspec.Struct, frozen=True):
    """A column of a table."""

    name: str
    kind: Kind


class Part(msgspec.Struct, frozen=True):
    """A file of lines."""

    name: str
    lines: int
    size: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """A table, and where its rows are."""

    name: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...] = ()

    @property
    def rows(self) -> int:
        """How many."""
        return sum(part.lines for part in self.parts)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """Stored bytes: a line of the list of them."""

    name: str
    size: int
    sha256: str
    media_type: str


class Seal(msgspec.Struct, frozen=True):
    """Values that open with one key: how many, and one of them, by which other keys can be told to be the wrong ones."""

    count: int
    sample: bytes


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds."""

    format: int = FORMAT
    id: str
    taken_at: int
    """Unix microseconds: the moment whose rows it holds."""
    version: str
    """Of the code that wrote it."""
    schema: str
    tables: tuple[Table, ...]
    """In an order in which no row comes before one that it refers to."""
    last_event: int
    """The highest number that was ever given to an event."""
    seals: dict[str, Seal]
    """By the ID of the key."""
    lists: tuple[Part, ...]
    """Of stored bytes."""
    blobs: int
    bytes: int
    """Of the stored bytes."""
    gone: int = 0
    """Stored bytes that were erased, or not needed any more, before they could be copied."""
    missing: int = 0
    """Stored bytes that the library itself had lost, or that had changed."""

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)


def manifest_name(archive_id: str) -> str:
    """Where the manifest of an archive lies."""
    return f"{ARCHIVES}{archive_id}/{MANIFEST}"


def part_name(archive_id: str, content: str, number: int) -> str:
    """Where a part lies: the rows of a table, or `stored`."""
    return f"{ARCHIVES}{archive_id}/{content}-{number:05}.jsonl"


def archive_of(name: str) -> str:
    """The ID of the archive that a manifest or a part belongs to."""
    return name.removeprefix(ARCHIVES).partition("/")[0]


def read_manifest(content: bytes) -> Manifest:
    """The manifest in the file. Raises BadArchive for one that this version of the code cannot read."""
    try:
        format_of = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("format", msgspec.Raw(b"0"))
        if msgspec.json.decode(format_of, type=int) > FORMAT:
            raise BadArchive("the archive was written by a newer version of spark-assets; use that one")
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BadArchive(f"the manifest of the archive is damaged: {error}") from None
