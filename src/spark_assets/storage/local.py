"""Blobs in a folder of this machine."""

import asyncio
import errno
import os
import stat
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import structlog

from spark_assets.domain import blob_names
from spark_assets.domain.errors import SparkError, StorageFull, Unavailable
from spark_assets.ports.blobs import BlobNotFound, StoredBlob, UploadTarget
from spark_assets.storage import durable_files
from spark_assets.storage.disk_room import DiskRoom
from spark_assets.storage.folder_walk import walk
from spark_assets.storage.keeper import THREADS, Keeper
from spark_assets.storage.publication import Publisher

PIECE: Final = 256 * 1024
"""Bytes handed on at once while reading."""
LEFTOVER_AGE: Final = 3600.0
"""Seconds after which a temporary file belongs to no running copy any more."""

_BATCH: Final = 1000

_P = ParamSpec("_P")
_T = TypeVar("_T")
_log = structlog.get_logger()


class LocalBlobStore:
    """A BlobStore in one folder.

    The folder itself must exist: a missing one is taken for a disk that is not mounted, and never made, so that blobs do
    not end up beside it. All that is below is made as needed. `reserve`: bytes of the file system that must stay free.
    """

    def __init__(self, root: Path, *, reserve: int = 0, keeper: Keeper | None = None) -> None:
        """`keeper`: what publishes files, in a process of its own; without it, threads of this one do."""
        self._root: Final = root
        self._keeper: Final = keeper
        self._publisher: Final = Publisher(root)
        self._threads: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._room: Final = DiskRoom([root], reserve)

    def prepare(self, path: Path) -> Awaitable[bool] | None:
        """Sync the file's bytes while something else is done with it."""
        return None if self._keeper is None else asyncio.ensure_future(_is_synced(self._keeper, path))

    async def put(self, path: Path, name: str, media_type: str, prepared: Awaitable[bool] | None = None) -> None:
        """Move the file to its name, durably; a file on another file system is copied and then removed.

        If as many bytes are stored under the name already, they stay and only their time is renewed.
        Raises StorageFull, Unavailable.
        """
        target = self._path(name)
        is_synced = prepared is not None and await prepared
        if self._keeper is None:
            await self._run(self._publisher.publish, path, target, is_synced=is_synced)
            return
        try:
            await self._keeper.publish(path, target, is_synced=is_synced)
        except OSError as error:
            raise _explain(error) from error

    async def size(self, name: str) -> int:
        """Bytes stored under the name. Raises BlobNotFound, Unavailable."""
        try:
            found = self._path(name).lstat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._absence(name) from error
        except OSError as error:
            raise _explain(error) from error
        if not stat.S_ISREG(found.st_mode):
            raise BlobNotFound(name)
        return found.st_size

    def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start`, at most `length` of them; nothing past the end. Raises BlobNotFound, Unavailable.

        A blob that is deleted meanwhile is still read to its end.
        """
        return self._pieces(name, self._path(name), start, start + length)

    def local_path(self, name: str) -> Path | None:
        """The file that holds the bytes; None if there is none under the name."""
        path = self._path(name)
        return path if path.is_file() else None

    async def presigned_url(self, name: str, expires_in: int) -> str | None:
        """None: a folder has no addresses."""
        return None

    async def presigned_upload(self, name: str, expires_in: int) -> UploadTarget | None:
        """None: a folder has no addresses."""
        return None

    async def download(self, name: str, path: Path) -> None:
        """Copy the bytes to a file; none is left after a failure. Raises BlobNotFound, StorageFull, Unavailable.

        A cancelled copy runs to its end in its thread.
        """
        await self.size(name)
        await self._run(durable_files.copy_out, self._path(name), path)

    async def delete(self, name: str) -> None:
        """Remove the bytes; nothing happens if there are none. Raises Unavailable."""
        await self._run(self._remove, name, self._path(name))

    def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """Every blob whose name begins with the prefix, sorted by name. Raises Unavailable."""
        return self._listing(blob_names.require_prefix(prefix))

    async def check(self) -> None:
        """Prove, with a file written, synced and removed, that the folder takes new blobs and has room for them.

        Removes what interrupted copies left behind. Raises Unavailable, StorageFull.
        """
        await self._run(self._probe)
        if not self.has_room():
            raise StorageFull

    def has_room(self) -> bool:
        """Whether more than the reserve is free; asks the file system at most once a second. Raises Unavailable."""
        return self._room.has_room()

    async def close(self) -> None:
        """Let running operations end, and their threads."""
        if self._keeper is not None:
            await self._keeper.close()
        await asyncio.to_thread(self._threads.shutdown)

    def _path(self, name: str) -> Path:
        return self._root / blob_names.require_name(name)

    async def _run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await asyncio.wrap_future(self._threads.submit(function, *args, **kwargs))
        except OSError as error:
            raise _explain(error) from error

    def _absence(self, name: str) -> Exception:
        """What a missing file means: if the whole folder is gone, its blobs are only out of reach."""
        if self._root.is_dir():
            return BlobNotFound(name)
        return _explain(FileNotFoundError(errno.ENOENT, "the folder is missing"))

    async def _pieces(self, name: str, path: Path, position: int, end: int) -> AsyncIterator[bytes]:
        descriptor = self._open(name, path)
        is_small = end - position <= PIECE
        running: Future[bytes] | None = None
        try:
            while position < end:
                wanted = min(PIECE, end - position)
                if is_small:
                    piece = os.pread(descriptor, wanted, position)
                else:
                    running = self._threads.submit(os.pread, descriptor, wanted, position)
                    piece = await asyncio.wrap_future(running)
                if not piece:
                    return
                position += len(piece)
                yield piece
        except OSError as error:
            raise _explain(error) from error
        finally:
            _close(descriptor, running)

    def _open(self, name: str, path: Path) -> int:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._absence(name) from error
        except OSError as error:
            raise _explain(error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BlobNotFound(name)
        return descriptor

    def _remove(self, name: str, path: Path) -> None:
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError) as error:
            absence = self._absence(name)
            if not isinstance(absence, BlobNotFound):
                raise absence from error
            return

    async def _listing(self, prefix: str) -> AsyncIterator[StoredBlob]:
        blobs = walk(self._root, prefix)
        while batch := await self._run(lambda: [*islice(blobs, _BATCH)]):
            for blob in batch:
                yield blob

    def _probe(self) -> None:
        folder = self._publisher.incoming()
        oldest = time.time() - LEFTOVER_AGE
        for leftover in folder.glob("*.part"):
            with suppress(FileNotFoundError):
                if leftover.stat().st_mtime < oldest:
                    leftover.unlink()
        probe = folder / f"{uuid.uuid4().hex}.part"
        try:
            probe.write_bytes(b"probe")
            durable_files.sync_file(probe)
        finally:
            probe.unlink(missing_ok=True)
        durable_files.sync_folder(folder)


async def _is_synced(keeper: Keeper, path: Path) -> bool:
    """Sync the file; False where that fails, for whoever publishes it tries again, and tells."""
    try:
        await keeper.sync(path)
    except OSError:
        return False
    return True


def _close(descriptor: int, running: Future[bytes] | None) -> None:
    """Close the file, after the thread that may still be reading from it on behalf of a cancelled caller."""
    if running is None:
        os.close(descriptor)
    else:
        running.add_done_callback(lambda _: os.close(descriptor))


def _explain(error: OSError) -> SparkError:
    """The error for the caller; which file and what exactly is for the log."""
    _log.warning("blob_folder_failed", error=errno.errorcode.get(error.errno or 0, "unknown"), path=error.filename)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return StorageFull()
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return Unavailable("the folder for blobs does not allow this for now: it is read-only or belongs to another user")
        case errno.ENOENT | errno.ENOTDIR | errno.ENODEV | errno.ESTALE:
            return Unavailable("the folder for blobs, or the file to be stored in it, is missing for now")
        case _:
            return Unavailable("the disk that holds the blobs fails for now; the server's log says how")
