"""Blobs in an object store: S3 and its relatives, Google Cloud Storage, Azure Blob Storage."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import obstore
import structlog
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, S3Store

from spark_assets.domain import blob_names
from spark_assets.domain.errors import StorageFull, Unavailable
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.blobs import BlobNotFound, StoredBlob, UploadTarget
from spark_assets.storage.durable_files import discard_spooled
from spark_assets.storage.location import StorageKind, StorageLocation

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import ClientConfig, RetryConfig

PIECE: Final = 256 * 1024
"""Bytes handed on at once, at least, while reading."""
INLINE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "video/mp4", "audio/mpeg", "audio/wav"})
"""Media types that every browser shows and none executes; all others are stored to be saved as a file."""

_CONNECT_TIMEOUT: Final = timedelta(seconds=2)
_SILENCE: Final = timedelta(seconds=4)
"""Longest wait for the next bytes of an answer."""
_UPLOAD_TIMEOUT: Final = timedelta(seconds=30)
"""For one part of an upload, answer included."""
_DOWNLOAD_TIMEOUT: Final = timedelta(hours=24)
"""For one answer: a slow reader may take its time, silence is bounded by `_SILENCE`."""
_PATIENCE: Final = 6.0
"""Seconds for an operation without a body, all retries included."""
_SLOWEST_UPLOAD: Final = 256 * 1024
"""Bytes per second below which an upload counts as stuck."""
_PART: Final = 5 * 2**20
"""Bytes of one part: the smallest that S3 allows."""
_PARTS_AT_ONCE: Final = 2
_WRITE_SIZE: Final = 4 * 2**20
_BATCH: Final = 1000
_RETRIES: Final["RetryConfig"] = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=3),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
}

_Store = S3Store | GCSStore | AzureStore
_T = TypeVar("_T")
_log = structlog.get_logger()


class ObjectBlobStore:
    """A BlobStore in a bucket.

    `endpoint`: address of a server that is not the vendor's own; only one that says `http://` is spoken to without TLS.
    `credentials`: settings in obstore's own spelling (`access_key_id`, `secret_access_key`, `region`, `account_name`, ...);
    what they leave open comes from the vendor's environment variables. `inline_types`: media types that a presigned
    address shows; all others it offers as a file to save. Raises ValueError for settings that are not understood.

    A server that cannot be reached is reported within seconds, and used again as soon as it answers. An upload in parts that
    breaks off may leave parts behind that no listing shows: the bucket should have a rule that ends unfinished uploads.
    """

    def __init__(
        self,
        location: StorageLocation,
        *,
        endpoint: str | None = None,
        credentials: Mapping[str, str] | None = None,
        inline_types: frozenset[str] = INLINE_TYPES,
    ) -> None:
        settings = dict(credentials or {})
        self._store: Final = _open(location, endpoint, settings, {"timeout": _DOWNLOAD_TIMEOUT, "read_timeout": _SILENCE})
        self._uploads: Final = _open(location, endpoint, settings, {"timeout": _UPLOAD_TIMEOUT})
        self._inline_types: Final = inline_types
        self._upload_headers: Final = {"x-ms-blob-type": "BlockBlob"} if location.kind is StorageKind.AZURE else {}
        self._answers_ranges = True

    def prepare(self, path: Path) -> Awaitable[bool] | None:
        """None: nothing can be begun before the name is known."""
        return None

    async def put(self, path: Path, name: str, media_type: str, prepared: Awaitable[bool] | None = None) -> None:
        """Store the file's bytes, with their type, and remove the file. Raises StorageFull, Unavailable.

        Equal names hold equal bytes, so storing one again overwrites it; nothing relies on conditional writes, which some servers ignore.
        """
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
        except OSError as error:
            raise Unavailable("the file to be stored is missing, or out of reach") from error
        attributes = {"Content-Type": media_type, "Content-Disposition": "inline" if media_type in self._inline_types else "attachment"}
        target = blob_names.require_name(name)
        upload = obstore.put_async(self._uploads, target, path, attributes=attributes, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)
        reach(Failpoint.OBJECT_OFFERED)
        await _write(upload, _PATIENCE + size / _SLOWEST_UPLOAD)
        reach(Failpoint.OBJECT_PUT)
        await asyncio.to_thread(discard_spooled, path)

    async def size(self, name: str) -> int:
        """Bytes stored under the name. Raises BlobNotFound, Unavailable."""
        found = await _ask(obstore.head_async(self._store, blob_names.require_name(name)), name)
        return found["size"]

    def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start`, at most `length` of them; nothing past the end. Raises BlobNotFound, Unavailable."""
        return self._pieces(blob_names.require_name(name), start, length)

    def local_path(self, name: str) -> Path | None:
        """None: the bytes are elsewhere."""
        blob_names.require_name(name)
        return None

    async def presigned_url(self, name: str, expires_in: int) -> str | None:
        """An address that serves the bytes for so many seconds to whoever has it; whether there are any is not asked.

        Raises Unavailable, also when the store's credentials cannot sign.
        """
        blob_names.require_name(name)
        return await _ask(obstore.sign_async(self._store, "GET", name, timedelta(seconds=expires_in)), name)

    async def presigned_upload(self, name: str, expires_in: int) -> UploadTarget | None:
        """An address that takes bytes under the name for so many seconds. Raises Unavailable, also when nothing can be signed."""
        url = await _ask(obstore.sign_async(self._store, "PUT", blob_names.require_name(name), timedelta(seconds=expires_in)), name)
        return UploadTarget(url, self._upload_headers)

    async def download(self, name: str, path: Path) -> None:
        """Copy the bytes to a file; none is left after a failure. Raises BlobNotFound, StorageFull, Unavailable."""
        found = await _ask(obstore.get_async(self._store, blob_names.require_name(name)), name)
        try:
            with await asyncio.to_thread(path.open, "wb") as file:
                async with aclosing(_stream(found, _WRITE_SIZE)) as pieces:
                    async for piece in pieces:
                        await asyncio.to_thread(file.write, piece)
        except BaseException as error:
            await asyncio.to_thread(discard_spooled, path)
            if isinstance(error, OSError):
                raise StorageFull from error
            raise

    async def delete(self, name: str) -> None:
        """Remove the bytes; nothing happens if there are none. Raises Unavailable."""
        try:
            await _ask(obstore.delete_async(self._store, blob_names.require_name(name)), name)
        except BlobNotFound:
            return

    def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """Every blob whose name begins with the prefix, in the store's own order. Raises Unavailable."""
        return self._listing(blob_names.require_prefix(prefix))

    async def check(self) -> None:
        """Prove that the bucket takes and gives up an object. Raises Unavailable, StorageFull."""
        name = f"probes/{uuid.uuid4().hex}"
        await _write(obstore.put_async(self._uploads, name, b"probe"), _PATIENCE)
        await self.delete(name)

    async def close(self) -> None:
        """Nothing to do: connections are closed when the store itself is let go."""

    async def _pieces(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        if length <= 0:
            await self.size(name)
            return
        try:
            found, skipped = await self._get(name, start, start + length)
        except _PastTheEnd:
            return
        async with aclosing(_stream(found, PIECE)) as pieces:
            async for piece in pieces:
                wanted = piece[skipped : skipped + length]
                skipped = max(0, skipped - len(piece))
                length -= len(wanted)
                if wanted:
                    yield wanted
                if not length:
                    return

    async def _get(self, name: str, start: int, end: int) -> "tuple[GetResult, int]":
        """An answer, and how many of its bytes lie before `start`.

        Some servers answer 200 to a range, which obstore rightly refuses: from those the whole object is read.
        """
        if self._answers_ranges:
            try:
                return await _ask(obstore.get_async(self._store, name, options={"range": (start, end)}), name), 0
            except _RangesIgnored:
                _log.warning("object_store_ignores_ranges", effect="parts of blobs are cut out of whole ones")
                self._answers_ranges = False
        found = await _ask(obstore.get_async(self._store, name), name)
        if start >= found.meta["size"]:
            raise _PastTheEnd
        return found, start

    async def _listing(self, prefix: str) -> AsyncIterator[StoredBlob]:
        # The store's own prefix ends at a slash; the rest of ours is compared here.
        folder = prefix.rpartition("/")[0]
        batches = aiter(obstore.list(self._store, f"{folder}/" if folder else None, chunk_size=_BATCH))
        while (batch := await _ask(anext(batches, None), prefix)) is not None:
            for entry in batch:
                if entry["path"].startswith(prefix):
                    yield StoredBlob(entry["path"], entry["size"], entry["last_modified"].timestamp())


class _RangesIgnored(Exception):
    """The server sent the whole object where a part was asked for."""


class _PastTheEnd(Exception):
    """The part asked for begins where the object has ended."""


def _open(location: StorageLocation, endpoint: str | None, settings: Mapping[str, str], timeouts: "ClientConfig") -> _Store:
    client: ClientConfig = {"connect_timeout": _CONNECT_TIMEOUT, "allow_http": _is_plain(endpoint), **timeouts}
    shared: dict[str, Any] = {"prefix": location.prefix or None, "client_options": client, "retry_config": _RETRIES}
    address = {} if endpoint is None else {"base_url" if location.kind is StorageKind.GOOGLE else "endpoint": endpoint}
    config: Any = {**address, **settings}
    try:
        match location.kind:
            case StorageKind.S3:
                # Deletion one by one is what every S3 server knows.
                config = {"disable_bulk_delete": "true", **config}
                return S3Store(location.bucket, config=config, **shared)
            case StorageKind.GOOGLE:
                return GCSStore(location.bucket, config=config, **shared)
            case StorageKind.AZURE:
                return AzureStore(location.bucket, config=config, **shared)
            case StorageKind.FOLDER:
                raise ValueError("a folder is not an object store")
    except BaseError as error:
        raise ValueError(f"the object store's settings are not understood: {_headline(error)}") from error


def _is_plain(endpoint: str | None) -> bool:
    return endpoint is not None and endpoint.lower().startswith("http://")


async def _stream(found: "GetResult", size: int) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in found.stream(min_chunk_size=size):
            yield piece
    except (BaseError, OSError) as error:
        raise _explain(error, found.meta["path"]) from error


async def _ask(request: Awaitable[_T], name: str) -> _T:
    """The answer to a request without a body, within `_PATIENCE`."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await request
    except (BaseError, OSError) as error:
        raise _explain(error, name) from error


async def _write(upload: Awaitable[object], seconds: float) -> None:
    """Let an upload end in time; an absent bucket is a store that is away, not a missing blob."""
    try:
        async with asyncio.timeout(seconds):
            await upload
    except (BaseError, OSError) as error:
        reason = _explain(error, "")
        raise Unavailable(_NO_BUCKET) if isinstance(reason, BlobNotFound) else reason from error


_NO_BUCKET: Final = "the bucket for blobs does not exist for now"
_ABSENT_BUCKETS: Final = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")
_FULL: Final = ("507 Insufficient Storage", "QuotaExceeded", "StorageFull", "InsufficientStorage")


def _explain(error: Exception, name: str) -> Exception:
    """Our error for one of the vendor's, which tells most causes apart by its text alone."""
    text = str(error)
    if isinstance(error, FileNotFoundError):
        return Unavailable(_NO_BUCKET) if _has(text, _ABSENT_BUCKETS) else BlobNotFound(name)
    if "NotPartial" in text:
        return _RangesIgnored()
    if "416 Range Not Satisfiable" in text or "StartTooLarge" in text:  # the latter where an answer came, as Azure's emulator gives one
        return _PastTheEnd()
    _log.warning("object_store_failed", error=type(error).__name__, detail=_headline(error))
    if _has(text, _FULL):
        return StorageFull()
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return Unavailable("the object store does not accept the server's credentials for this")
    return Unavailable("the object store cannot be reached for now")


def _headline(error: Exception) -> str:
    """What the vendor says first: neither the dump that follows nor the query of an address, which may be signed."""
    return str(error).partition("\n")[0].partition("?")[0]


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
