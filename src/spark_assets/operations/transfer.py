"""Stored bytes on their way from one place to another: through a spool file, hashed as they pass."""

import asyncio
import hashlib
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from spark_assets.domain import blob_names
from spark_assets.domain.errors import StorageFull
from spark_assets.operations.staging import discard_file
from spark_assets.ports.moving import Archive

AT_ONCE: Final = 16
"""Blobs under way at the same time: most of it is waiting for a disk or a store."""
_BLOCK: Final = 2**20
"""Bytes gathered before they are written down: a hop to a thread costs more than a small write."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Fetched(msgspec.Struct, frozen=True):
    """Bytes in a spool file."""

    path: Path
    size: int
    sha256: str


@asynccontextmanager
async def fetched(source: Archive, name: str, length: int, spool: Path) -> AsyncIterator[Fetched]:
    """The bytes under the name, `length` at most, in a file that is gone in the end. Raises BlobNotFound, StorageFull, Unavailable."""
    path = spool / f"moved-{uuid.uuid4().hex}"
    try:
        size, digest = await _write(source, name, length, path)
        yield Fetched(path, size, digest)
    finally:
        discard_file(path)


async def digest_of(source: Archive, name: str, length: int) -> tuple[int, str]:
    """How many bytes there are under the name, `length` at most, and their SHA-256. Raises BlobNotFound, Unavailable."""
    size, digest = 0, hashlib.sha256()
    async for piece in source.read(name, 0, length):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


class Present:
    """What a place holds, looked up folder by folder: one listing for thousands of names, and one folder's names in memory."""

    def __init__(self, place: Archive) -> None:
        self._place = place
        self._folder: str | None = None
        self._sizes: dict[str, int] = {}

    async def size(self, name: str) -> int | None:
        """Bytes under the name when its folder was looked at; None if there were none. Ask in order of name."""
        folder = name[: name.rindex("/") + 1]
        if folder != self._folder:
            self._sizes = {found.name: found.size async for found in self._place.list(folder)}
            self._folder = folder
        return self._sizes.get(name)


async def in_order(
    items: AsyncIterator[_Item], work: Callable[[_Item], Awaitable[_Result]], at_once: int = AT_ONCE
) -> AsyncIterator[_Result]:
    """What becomes of each item, in their order, with several worked on at the same time. The first error ends it all."""
    waiting: deque[asyncio.Task[_Result]] = deque()
    try:
        async for item in items:
            waiting.append(asyncio.ensure_future(work(item)))
            if len(waiting) >= at_once:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def named_hash(name: str) -> str | None:
    """The SHA-256 that the name of an original promises; None for all others."""
    return blob_names.hash_in(name) if name.startswith(blob_names.ORIGINALS) else None


async def _write(source: Archive, name: str, length: int, path: Path) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    block = bytearray()
    try:
        with path.open("xb") as file:
            async for piece in source.read(name, 0, length):
                size += len(piece)
                digest.update(piece)
                block += piece
                if len(block) >= _BLOCK:
                    await asyncio.to_thread(file.write, block)
                    block = bytearray()
            file.write(block)
    except OSError as error:
        raise StorageFull from error
    return size, digest.hexdigest()
