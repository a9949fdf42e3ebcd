"""Where bytes are kept."""

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Protocol

import msgspec


class StoredBlob(msgspec.Struct, frozen=True):
    """One entry of a listing: its name, its size in bytes, when it was last written (Unix seconds)."""

    name: str
    size: int
    written_at: float


class UploadTarget(msgspec.Struct, frozen=True):
    """An address on the store itself that takes one PUT, and the headers that must come with it."""

    url: str
    headers: dict[str, str]


class BlobNotFound(Exception):
    """Nothing is stored under that name."""


class BlobStore(Protocol):
    """Bytes under names such as `originals/ab/abcd...`; what exists under a name never changes its content."""

    def prepare(self, path: Path) -> Awaitable[bool] | None:
        """Begin what can be begun before the name is known, for a `put` that is likely to follow; the file stays as it is.

        Whoever calls it hands what it gives to that `put`, or forgets it.
        """

    async def put(self, path: Path, name: str, media_type: str, prepared: Awaitable[bool] | None = None) -> None:
        """Store the file's bytes under the name, durably before returning; the file may be moved away.

        Storing the same name again is allowed and renews `written_at`. Raises StorageFull, Unavailable.
        """

    async def size(self, name: str) -> int:
        """Bytes stored under the name. Raises BlobNotFound, Unavailable."""

    def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start`, `length` of them, in pieces. Raises BlobNotFound, Unavailable."""

    def local_path(self, name: str) -> Path | None:
        """The file that holds the bytes, where there is one on this machine."""

    async def presigned_url(self, name: str, expires_in: int) -> str | None:
        """An address on the store itself that serves the bytes for so many seconds; None where stores have none."""

    async def presigned_upload(self, name: str, expires_in: int) -> UploadTarget | None:
        """Where anybody may store bytes under the name for so many seconds; None where stores have no addresses. Raises Unavailable."""

    async def download(self, name: str, path: Path) -> None:
        """Copy the bytes to a file. Raises BlobNotFound, Unavailable."""

    async def delete(self, name: str) -> None:
        """Remove the bytes; nothing happens if there are none. Raises Unavailable."""

    def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """Every blob whose name begins with the prefix."""

    async def check(self) -> None:
        """Prove that the store can be reached and written to. Raises Unavailable, StorageFull."""

    async def close(self) -> None:
        """Let go of connections."""
