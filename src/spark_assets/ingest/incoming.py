"""Bytes that were uploaded: taken out of the store into the spool file, as a download would have put them there."""

import asyncio
import hashlib
import os
from contextlib import closing
from pathlib import Path
from typing import Final

from spark_assets.domain import blob_names
from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.upload import Staged, read_staged
from spark_assets.ingest.state import Tools
from spark_assets.operations.staging import discard
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.ports.source import HEAD_LENGTH, Download, Progress, TooManyBytes

_GONE: Final = "the uploaded bytes are no longer stored; upload the file again"


async def collect(source: str, spool: Path, tools: Tools, *, largest: int, progress: Progress) -> Download:
    """The staged bytes in the spool file, hashed.

    Raises TooManyBytes past `largest` bytes, IngestFailure `DownloadFailed` (`incomplete`) for bytes that are gone or are not
    those that were promised, TransientFailure for a spool that cannot be written, Unavailable.
    """
    staged = read_staged(source)
    if staged.size > largest:
        raise TooManyBytes(staged.size)
    try:
        download = await _link(staged, spool, tools) or await _copy(staged, spool, tools, progress)
    except BlobNotFound:
        raise IngestFailure("DownloadFailed", _GONE, "incomplete") from None
    _check(staged, download)
    progress(download.size, staged.size)
    return download


async def clear(source: str, tools: Tools) -> None:
    """Remove the staged bytes of a task that has completed: they are stored under their hash now."""
    staged = read_staged(source)
    await discard(tools.blobs, staged.id, staged.parts)


async def _link(staged: Staged, spool: Path, tools: Tools) -> Download | None:
    """A second name for the file that holds them, where it is a file on the spool's disk: nothing is copied then."""
    path = tools.blobs.local_path(blob_names.incoming(staged.id, staged.parts[0])) if len(staged.parts) == 1 else None
    if path is None:
        return None
    try:
        await asyncio.to_thread(_make_link, path, spool)
    except OSError:  # another disk, one without links, or a spool that is gone: copied instead, which tells them apart
        return None
    try:
        return await asyncio.to_thread(_measure, spool)
    except OSError as error:
        raise _no_spool() from error


def _make_link(path: Path, spool: Path) -> None:
    spool.unlink(missing_ok=True)
    os.link(path, spool)
    os.utime(spool)  # the sweepers leave alone what was written a moment ago


def _measure(spool: Path) -> Download:
    with spool.open("rb") as file:
        head = file.read(HEAD_LENGTH)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Download(spool, file.tell(), sha256, head)


async def _copy(staged: Staged, spool: Path, tools: Tools, progress: Progress) -> Download:
    try:
        with closing(tools.open_spool(spool)) as file:
            for part in staged.parts:
                async for piece in tools.blobs.read(blob_names.incoming(staged.id, part), 0, staged.size + 1):
                    await file.add(piece)
                    if file.size > staged.size:
                        raise _other_bytes(f"more than the {staged.size} bytes that were announced")
                    progress(file.size, staged.size)
            sha256 = await file.finish()
            return Download(spool, file.size, sha256, file.head)
    except OSError as error:
        raise _no_spool() from error


def _no_spool() -> TransientFailure:
    return TransientFailure("InternalError", "the spool cannot be used for now", "storage_unavailable")


def _check(staged: Staged, download: Download) -> None:
    if download.size != staged.size:
        raise _other_bytes(f"{download.size} bytes, not the {staged.size} that were announced")
    if staged.sha256 is not None and download.sha256 != staged.sha256:
        raise _other_bytes("bytes with another SHA-256 than was announced")


def _other_bytes(found: str) -> IngestFailure:
    return IngestFailure("DownloadFailed", f"the store holds {found}; upload the file again", "incomplete")
