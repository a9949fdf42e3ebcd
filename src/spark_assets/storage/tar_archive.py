"""A library in one file: a tar archive, written from front to back and read without an index in memory."""

import asyncio
import os
import tarfile
import time
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from spark_assets.domain.archive import BadArchive
from spark_assets.domain.errors import StorageFull
from spark_assets.ports.blobs import BlobNotFound, StoredBlob
from spark_assets.storage.durable_files import sync_folder

PIECE: Final = 2**20
"""Bytes handed on at once while reading."""
_MODE: Final = 0o640
_BATCH: Final = 1000


class _Place(NamedTuple):
    """Where a file lies in the archive."""

    name: str
    offset: int
    size: int
    written_at: float


class TarWriter:
    """An archive in the making, under a name of its own; it gets the real one when it is finished."""

    def __init__(self, path: Path) -> None:
        """Raises BadArchive."""
        self._path: Final = path
        self._draft: Final = path.with_name(f"{path.name}.part")
        self._turn: Final = asyncio.Lock()
        try:
            self._file: IO[bytes] = self._draft.open("wb")
        except OSError as error:
            raise BadArchive(f"{path} cannot be written: {error.strerror}") from None
        self._tar: Final = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed by `finish`

    async def put(self, path: Path, name: str, media_type: str) -> None:
        """Append a file. Raises StorageFull."""
        async with self._turn:
            await asyncio.to_thread(self._append, path, name)

    async def size(self, name: str) -> int:
        """Nothing is looked up in what is being written. Raises BlobNotFound."""
        raise BlobNotFound(name)

    def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Nothing is read from it either. Raises BlobNotFound."""
        raise BlobNotFound(name)

    def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """Nothing."""
        return _nothing()

    async def finish(self) -> None:
        """Bring it to the disk, and give it its name. Raises StorageFull."""
        await asyncio.to_thread(self._finish)

    def discard(self) -> None:
        """Remove what was not finished."""
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def _append(self, path: Path, name: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.mode, entry.mtime = _MODE, int(time.time())
        try:
            with path.open("rb") as file:
                entry.size = os.fstat(file.fileno()).st_size
                self._tar.addfile(entry, file)
        except OSError as error:
            raise StorageFull from error
        self._tar.members.clear()  # type: ignore[attr-defined]  # else it would remember every one

    def _finish(self) -> None:
        try:
            self._tar.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._draft.rename(self._path)
            sync_folder(self._path.absolute().parent)
        except OSError as error:
            raise StorageFull from error


class TarReader:
    """An archive in a file. Whoever asks for names in the order in which they were written reads it once through."""

    def __init__(self, path: Path) -> None:
        """Raises BadArchive for a file that is missing, or no such archive."""
        self._turn: Final = asyncio.Lock()
        self._path: Final = path
        self._places = self._walk()
        self._next = next(self._places, None)
        self._descriptor: Final = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    async def put(self, path: Path, name: str, media_type: str) -> None:
        """It is there to be read alone. Raises BadArchive."""
        raise BadArchive("an archive in a file is written once")

    async def size(self, name: str) -> int:
        """Bytes of a file in it. Raises BlobNotFound, BadArchive."""
        return (await self._find(name)).size

    async def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start`, at most `length` of them. Raises BlobNotFound, BadArchive."""
        place = await self._find(name)
        position, end = place.offset + start, place.offset + min(place.size, start + length)
        while position < end:
            piece = await asyncio.to_thread(os.pread, self._descriptor, min(PIECE, end - position), position)
            if not piece:
                raise BadArchive(f"{self._path} is cut short")
            position += len(piece)
            yield piece

    async def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """Every file whose name begins with the prefix. Raises BadArchive."""
        with closing(self._walk()) as places:
            while batch := await asyncio.to_thread(lambda: [*islice(places, _BATCH)]):
                for place in batch:
                    if place.name.startswith(prefix):
                        yield StoredBlob(place.name, place.size, place.written_at)

    async def close(self) -> None:
        """Let go of the file."""
        self._places.close()
        os.close(self._descriptor)

    async def _find(self, name: str) -> _Place:
        async with self._turn:
            found = await asyncio.to_thread(self._seek, name)
        if found is None:
            raise BlobNotFound(name)
        return found

    def _seek(self, name: str) -> _Place | None:
        """From where the last one was found to the end, then from the front: in order of writing, nothing is passed twice."""
        for _ in range(2):
            while self._next is not None:
                if self._next.name == name:
                    return self._next
                self._next = next(self._places, None)
            self._places = self._walk()
            self._next = next(self._places, None)
        return None

    def _walk(self) -> Generator[_Place, None, None]:
        """Every file in it, by its header alone. Raises BadArchive where it is cut short or damaged."""
        try:
            with tarfile.open(self._path, "r:") as tar:
                while (entry := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # else it would remember every one
                    if entry.isfile():
                        yield _Place(entry.name, entry.offset_data, entry.size, float(entry.mtime))
        except (tarfile.TarError, OSError) as error:
            raise BadArchive(f"{self._path} is cut short, or no archive: {error}") from None


async def _nothing() -> AsyncIterator[StoredBlob]:
    for found in cast(tuple[StoredBlob, ...], ()):
        yield found
