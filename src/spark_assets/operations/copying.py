"""Copying a store: every blob to another one, hashed on the way and read back there. Broken off, it goes on where it was."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from spark_assets.domain import blob_names
from spark_assets.domain.usage import MICRO
from spark_assets.operations.erasure_record import MEDIA_TYPE
from spark_assets.operations.transfer import digest_of, fetched, in_order, named_hash
from spark_assets.ports.blobs import BlobNotFound, BlobStore, StoredBlob
from spark_assets.ports.clock import Clock
from spark_assets.ports.inspector import PREVIEW_FORMAT
from spark_assets.ports.unit_of_work import Database

_PAIRS: Final = [f"{number:02x}/" for number in range(256)]
FOLDERS: Final = (
    *(f"{blob_names.ORIGINALS}{pair}" for pair in _PAIRS),
    *(f"{blob_names.RENDITIONS}{pair}" for pair in _PAIRS),
    blob_names.INCOMING,
    blob_names.ERASURES,
)
"""A few at a time, so that only their names are in memory."""
_FOLDERS_AT_ONCE: Final = 8
_BLOBS_AT_ONCE: Final = 4
"""Of each folder."""
_PAGE: Final = 500
_UNKNOWN: Final = "application/octet-stream"
_OTHER_TYPES: Final = {blob_names.RENDITIONS: PREVIEW_FORMAT.media_type, blob_names.INCOMING: _UNKNOWN, blob_names.ERASURES: MEDIA_TYPE}
_SHOWN: Final = 20
"""Names of damaged blobs that are kept for the report."""


class Copying(msgspec.Struct, frozen=True):
    """What is copied where, and with what."""

    source: BlobStore
    target: BlobStore
    database: Database
    """Says which media type bytes have: a folder does not know."""
    spool: Path
    journal: Path
    """The folders that are done, a line each: what was read back there is not read again."""
    clock: Clock


class Copied(msgspec.Struct):
    """What became of the blobs."""

    copied: int = 0
    bytes: int = 0
    there: int = 0
    """They lay in the target already, and their bytes are the same."""
    known: int = 0
    """They had been read back by a call that was broken off."""
    gone: int = 0
    """They were removed from the source meanwhile."""
    damaged: int = 0
    """The source's bytes are not those that their name promises; they were not copied."""
    examples: list[str] = []
    """Names of damaged ones, the first few."""


class _Done(msgspec.Struct, frozen=True):
    """A line of the journal."""

    folder: str
    at: int


async def copy_store(copying: Copying, report: Callable[[Copied], None]) -> Copied:
    """Copy every blob, and read each back from the target, by hash. Nothing is ever removed from either.

    What lies in the target already is compared, not copied again. Run again, it copies what is new. Raises StorageFull, Unavailable.
    """
    copied = Copied()
    done = await asyncio.to_thread(_read_journal, copying.journal)

    async def work(folder: str) -> None:
        await _copy_folder(copying, folder, done.get(folder, 0), copied)
        await asyncio.to_thread(_write_journal, copying.journal, _Done(folder, copying.clock.now()))

    async for _ in in_order(_every_folder(), work, _FOLDERS_AT_ONCE):
        report(copied)
    return copied


async def _every_folder() -> AsyncIterator[str]:
    for folder in FOLDERS:
        yield folder


async def _copy_folder(copying: Copying, folder: str, done_at: int, copied: Copied) -> None:
    there = {blob.name: blob async for blob in copying.target.list(folder)}

    async def work(item: tuple[StoredBlob, str]) -> None:
        blob, media_type = item
        old = there.get(blob.name)
        if old is not None and old.size == blob.size and old.written_at * MICRO < done_at:
            copied.known += 1
        else:
            await _copy(copying, blob, media_type, old, copied)

    async for _ in in_order(_typed(copying, folder), work, _BLOBS_AT_ONCE):
        pass


async def _copy(copying: Copying, blob: StoredBlob, media_type: str, old: StoredBlob | None, copied: Copied) -> None:
    try:
        promised = named_hash(blob.name)
        if old is not None and promised is not None and await digest_of(copying.target, blob.name, blob.size + 1) == (blob.size, promised):
            copied.there += 1
            return
        async with fetched(copying.source, blob.name, blob.size + 1, copying.spool) as found:
            if promised not in {None, found.sha256} or found.size != blob.size:
                _tell_damage(copied, blob.name)
                return
            if old is not None and await digest_of(copying.target, blob.name, blob.size + 1) == (found.size, found.sha256):
                copied.there += 1
                return
            await _place(copying, blob.name, media_type, found.path, is_old=old is not None)
        if await digest_of(copying.target, blob.name, blob.size + 1) != (found.size, found.sha256):
            _tell_damage(copied, blob.name)
            return
        copied.copied += 1
        copied.bytes += blob.size
    except BlobNotFound:
        copied.gone += 1


async def _place(copying: Copying, name: str, media_type: str, path: Path, *, is_old: bool) -> None:
    """A store may keep bytes of the same length that it has under the name: what is wrong there goes first."""
    if is_old:
        await copying.target.delete(name)
    await copying.target.put(path, name, media_type)


def _tell_damage(copied: Copied, name: str) -> None:
    copied.damaged += 1
    if len(copied.examples) < _SHOWN:
        copied.examples.append(name)


async def _typed(copying: Copying, folder: str) -> AsyncIterator[tuple[StoredBlob, str]]:
    """The blobs of the folder with their media types."""
    page: list[StoredBlob] = []
    async for blob in copying.source.list(folder):
        page.append(blob)
        if len(page) == _PAGE:
            for item in await _types(copying, folder, page):
                yield item
            page = []
    for item in await _types(copying, folder, page):
        yield item


async def _types(copying: Copying, folder: str, page: Sequence[StoredBlob]) -> list[tuple[StoredBlob, str]]:
    other = _OTHER_TYPES.get(folder[: folder.index("/") + 1])
    if other is not None or not page:
        return [(blob, other or _UNKNOWN) for blob in page]
    hashes = {blob.name: named_hash(blob.name) for blob in page}
    async with copying.database.read() as repositories:
        formats = await repositories.blobs.formats_of([sha256 for sha256 in hashes.values() if sha256 is not None])
    types = {sha256: found.media_type for sha256, found in formats.items()}
    return [(blob, types.get(hashes[blob.name] or "", _UNKNOWN)) for blob in page]


def _read_journal(journal: Path) -> dict[str, int]:
    """When each folder was done; a last line that was broken off counts for nothing."""
    done = {}
    for line in journal.read_text().splitlines() if journal.exists() else []:
        try:
            entry = msgspec.json.decode(line, type=_Done)
        except msgspec.MsgspecError:
            continue
        done[entry.folder] = entry.at
    return done


def _write_journal(journal: Path, entry: _Done) -> None:
    with journal.open("ab") as file:
        file.write(msgspec.json.encode(entry) + b"\n")
