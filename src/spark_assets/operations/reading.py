"""Filling an empty library from an archive: first the stored bytes, each by its hash, then all rows in one transaction."""

import base64
import binascii
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from spark_assets.domain.archive import (
    ARCHIVES,
    MANIFEST,
    BadArchive,
    Column,
    Kind,
    Manifest,
    Part,
    Stored,
    Table,
    archive_of,
    manifest_name,
    read_manifest,
)
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations.erased_blobs import Library
from spark_assets.operations.transfer import Present, fetched, in_order
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.ports.moving import Archive, Intake, Line, Movable

_BATCH: Final = 1000
"""Rows that are added at once."""
_LARGEST_MANIFEST: Final = 256 * 2**20

_Shape = TypeVar("_Shape")


class Reading(msgspec.Struct, frozen=True):
    """What is read from where."""

    archive: Archive
    manifest: Manifest
    library: Library
    movable: Movable
    report: Callable[[str], None]
    """Told now and then how far it is."""


class Taken(msgspec.Struct):
    """How many stored bytes came along, and how many lay in the store already."""

    blobs: int = 0
    bytes: int = 0
    there: int = 0


async def manifests(archive: Archive) -> list[Manifest]:
    """What is whole in the place, the oldest first. Raises BadArchive, Unavailable."""
    found = [archive_of(blob.name) async for blob in archive.list(ARCHIVES) if blob.name.endswith(f"/{MANIFEST}")]
    return sorted([await manifest_of(archive, archive_id) for archive_id in found], key=lambda manifest: manifest.taken_at)


async def manifest_of(archive: Archive, archive_id: str) -> Manifest:
    """What an archive says of itself. Raises BadArchive, also if there is none of that ID or if it was never finished; Unavailable."""
    try:
        content = b"".join([piece async for piece in archive.read(manifest_name(archive_id), 0, _LARGEST_MANIFEST)])
    except BlobNotFound:
        raise BadArchive(f"there is no whole archive {archive_id}: its manifest is missing") from None
    return read_manifest(content)


def check_keys(manifest: Manifest, movable: Movable) -> None:
    """Raises BadArchive unless the keys at hand open what is sealed in the archive."""
    strange = sorted(key_id for key_id, seal in manifest.seals.items() if movable.key_of(seal.sample) is None)
    if strange:
        count = sum(manifest.seals[key_id].count for key_id in strange)
        raise BadArchive(
            f"{count} sealed values of the archive do not open: set ENCRYPTION_KEYS to those of the library that it was made of "
            f"(IDs: {', '.join(strange)}), or copy the file encryption-keys of that library's home to this one"
        )


async def take_blobs(reading: Reading) -> Taken:
    """Put into the store what the archive holds and the store does not; run again, it goes on.

    Raises BadArchive for bytes with another hash than the archive says, StorageFull, Unavailable.
    """
    taken, present = Taken(), Present(reading.library.blobs)

    async def work(item: tuple[Stored, bool]) -> None:
        stored, is_there = item
        if is_there:
            taken.there += 1
        else:
            await _take(reading, stored)
            taken.blobs += 1
            taken.bytes += stored.size
        if (taken.blobs + taken.there) % 1000 == 0:
            reading.report(f"{taken.blobs + taken.there} of {reading.manifest.blobs} blobs")

    async for _ in in_order(_to_take(reading, present), work):
        pass
    if taken.blobs + taken.there != reading.manifest.blobs:
        raise BadArchive(f"the archive lists {taken.blobs + taken.there} blobs, and its manifest says {reading.manifest.blobs}")
    return taken


async def _to_take(reading: Reading, present: Present) -> AsyncIterator[tuple[Stored, bool]]:
    for part in reading.manifest.lists:
        async for stored in _lines(reading, part, Stored):
            yield stored, await present.size(stored.name) == stored.size


async def _take(reading: Reading, stored: Stored) -> None:
    try:
        async with fetched(reading.archive, stored.name, stored.size + 1, reading.library.spool) as got:
            if (got.size, got.sha256) != (stored.size, stored.sha256):
                raise BadArchive(f"the archive is damaged: {stored.name} has another hash than it should have")
            await reading.library.blobs.put(got.path, stored.name, stored.media_type)
    except BlobNotFound:
        raise BadArchive(f"the archive is damaged: {stored.name} is missing") from None


async def take_rows(reading: Reading) -> None:
    """All rows, or none. Raises BadArchive if a part is damaged, or if not as much opens as did when it was written; Unavailable."""
    opened: dict[str, int] = {}
    async with reading.movable.intake() as intake:
        for table in reading.manifest.tables:
            await _take_table(reading, intake, table, opened)
            if table.rows:
                reading.report(f"{table.name}: {table.rows} rows")
        expected = {key_id: seal.count for key_id, seal in reading.manifest.seals.items()}
        if opened != expected:
            raise BadArchive(f"of the archive's sealed values other ones open than did when it was written: {opened}, not {expected}")
        reach(Failpoint.ROWS_TAKEN)
        await intake.finish(reading.manifest.last_event)
        reach(Failpoint.ROWS_COMMITTED)


async def _take_table(reading: Reading, intake: Intake, table: Table, opened: dict[str, int]) -> None:
    sealed = [column for column in table.columns if column.kind is Kind.SEALED]
    for part in table.parts:
        rows: list[Line] = []
        async for row in _lines(reading, part, dict[str, Any]):
            _unfold(row, sealed, reading.movable, opened)
            rows.append(row)
            if len(rows) == _BATCH:
                await intake.add(table, rows)
                rows = []
        if rows:
            await intake.add(table, rows)


def _unfold(row: Line, sealed: list[Column], movable: Movable, opened: dict[str, int]) -> None:
    for column in sealed:
        if column.name in row:
            try:
                row[column.name] = base64.b64decode(row[column.name], validate=True)
            except (binascii.Error, TypeError) as error:
                raise BadArchive(f"the archive is damaged: a value of {column.name} is no base64") from error
            key_id = movable.key_of(row[column.name])
            if key_id is not None:
                opened[key_id] = opened.get(key_id, 0) + 1


async def _lines(reading: Reading, part: Part, shape: type[_Shape]) -> AsyncIterator[_Shape]:
    """The lines of a part, all of which is hashed before the first one counts."""
    try:
        async with fetched(reading.archive, part.name, part.size + 1, reading.library.spool) as got:
            if (got.size, got.sha256) != (part.size, part.sha256):
                raise BadArchive(f"the archive is damaged: {part.name} has another hash than its manifest says")
            for line in _split(got.path):
                yield msgspec.json.decode(line, type=shape)
    except BlobNotFound:
        raise BadArchive(f"the archive is damaged: {part.name} is missing") from None
    except msgspec.MsgspecError as error:
        raise BadArchive(f"the archive is damaged: {part.name}: {error}") from None


def _split(path: Path) -> list[bytes]:
    """A part is small enough to be held."""
    return path.read_bytes().splitlines()
