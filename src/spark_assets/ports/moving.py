"""How a whole library is read at one moment, and how an empty one is filled."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from spark_assets.domain.archive import Table
from spark_assets.ports.blobs import StoredBlob

Line = dict[str, Any]
"""A row: its columns that are not null, by name."""


class Wanted(msgspec.Struct, frozen=True):
    """Stored bytes that a database refers to."""

    name: str
    size: int
    media_type: str


class Snapshot(Protocol):
    """What a database held at one moment, whatever is written meanwhile."""

    @property
    def tables(self) -> Sequence[Table]:
        """Those that are moved, in an order in which no row comes before one that it refers to."""

    def rows(self, table: Table) -> AsyncIterator[Sequence[Line]]:
        """All rows, a few at a time."""

    def wanted(self) -> AsyncIterator[Sequence[Wanted]]:
        """The originals, then the renditions, each in order of name."""

    async def last_event(self) -> int:
        """The highest number that was ever given to an event."""


class Intake(Protocol):
    """A database that is being filled, in one transaction."""

    async def add(self, table: Table, rows: Sequence[Line]) -> None:
        """Add rows, whose columns may be those of an older schema."""

    async def finish(self, last_event: int) -> None:
        """Make all durable; new events are numbered above that number, and above those that came along. Raises Unavailable, StorageFull."""


class Movable(Protocol):
    """A database as a whole."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """What is committed now. Raises Unavailable."""

    def intake(self) -> AbstractAsyncContextManager[Intake]:
        """To fill it, for as long as this lasts; undone unless it is finished. Raises Unavailable."""

    async def is_empty(self) -> bool:
        """Whether it holds nothing but the project that every new library has. Raises Unavailable."""

    def key_of(self, sealed: bytes) -> str | None:
        """The ID of the key that opens a sealed value; None if none does."""

    async def close(self) -> None:
        """Let go of connections."""


class Archive(Protocol):
    """Files under names, as a blob store has them: every blob store is one."""

    async def put(self, path: Path, name: str, media_type: str) -> None:
        """Keep the file's bytes under the name; the file may be moved away. Raises StorageFull, Unavailable."""

    async def size(self, name: str) -> int:
        """Bytes kept under the name. Raises BlobNotFound, Unavailable."""

    def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start`, `length` of them, in pieces. Raises BlobNotFound, Unavailable."""

    def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """Everything whose name begins with the prefix. Raises Unavailable."""
