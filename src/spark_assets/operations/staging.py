"""Staging: bytes that come in by hand go through a spool file into the store, durably, before anybody is told so."""

import errno
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from spark_assets.domain import blob_names
from spark_assets.domain.errors import SparkError, StorageFull, Unavailable
from spark_assets.domain.upload import Staged
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.source import OpenSpool, SpoolFile

log = structlog.get_logger()

_MEDIA_TYPE = "application/octet-stream"
"""Of staged bytes: what they really are is found out by their ingest."""
_PROBE = 64 * 1024
"""Bytes of a file that proves that the spool can be written."""


class Staging(msgspec.Struct, frozen=True):
    """Where received bytes go."""

    blobs: BlobStore
    spool: Path
    open_spool: OpenSpool


class IncomingPart:
    """A part of an upload under way: written to a spool file, and then kept in the store or dropped."""

    def __init__(self, staging: Staging, upload_id: str) -> None:
        self._staging = staging
        self._upload_id = upload_id
        self.token = secrets.token_hex(6)
        """Tells this part's name apart from every other's, so that a late writer never replaces what is recorded."""
        self._path = staging.spool / f"{upload_id}.{self.token}"
        self._file: SpoolFile = staging.open_spool(self._path)
        self.sha256 = ""
        """Of the whole part, once it is kept."""

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.size

    async def add(self, piece: bytes) -> None:
        """Take the next piece. Raises StorageFull, Unavailable."""
        try:
            await self._file.add(piece)
        except OSError as error:
            raise _explain(error) from error

    async def keep(self) -> None:
        """Bring the part into the store; it is durable on return. Raises StorageFull, Unavailable."""
        try:
            self.sha256 = await self._file.finish()
        except OSError as error:
            raise _explain(error) from error
        self._file.close()
        reach(Failpoint.PART_SPOOLED)
        await self._staging.blobs.put(self._path, blob_names.incoming(self._upload_id, self.token), _MEDIA_TYPE)
        reach(Failpoint.PART_KEPT)

    def close(self) -> None:
        """Let go of the spool file, in any case."""
        self._file.close()
        discard_file(self._path)


@asynccontextmanager
async def receiving(staging: Staging, upload_id: str) -> AsyncIterator[IncomingPart]:
    """A new part, whose spool file is gone in the end."""
    part = IncomingPart(staging, upload_id)
    try:
        yield part
    finally:
        part.close()


async def stage_bytes(staging: Staging, upload_id: str, content: bytes) -> Staged:
    """Stage bytes that are at hand. Raises StorageFull, Unavailable."""
    async with receiving(staging, upload_id) as part:
        await part.add(content)
        await part.keep()
        return Staged(id=upload_id, parts=(part.token,), size=part.size, sha256=part.sha256)


def discard_file(path: Path) -> None:
    """Remove a spool file, if it is there; where the folder is read-only or gone, the sweeper of old spool files comes later.

    It never raises: what it is called after, or instead of, is what counts.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("spool_file_left_to_sweeper", error=errno.errorcode.get(error.errno or 0, "unknown"), file=path.name)


def spool_takes_bytes(spool: Path) -> bool:
    """Whether the spool folder takes a small file now; blocks on the disk."""
    probe = spool / f"probe-{secrets.token_hex(6)}"
    try:
        try:
            probe.write_bytes(bytes(_PROBE))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        log.warning("spool_failed", error=errno.errorcode.get(error.errno or 0, "unknown"))
        return False
    return True


async def discard(blobs: BlobStore, upload_id: str, parts: tuple[str, ...]) -> None:
    """Remove staged bytes as far as the store allows now; a sweep removes the rest."""
    try:
        for part in parts:
            await blobs.delete(blob_names.incoming(upload_id, part))
    except SparkError as error:
        log.warning("staged_bytes_left_to_sweeper", upload_id=upload_id, code=error.code)


def _explain(error: OSError) -> SparkError:
    log.warning("spool_failed", error=errno.errorcode.get(error.errno or 0, "unknown"))
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull()
    return Unavailable("the server cannot write received bytes down for now; try again shortly")
