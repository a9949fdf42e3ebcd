"""Writing a library down as an archive: a moment of its database, then the stored bytes that it refers to, then the manifest."""

import asyncio
import base64
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from spark_assets import __version__
from spark_assets.domain import blob_names
from spark_assets.domain.archive import LINES, Kind, Manifest, Part, Seal, Stored, Table, manifest_name, part_name
from spark_assets.domain.errors import StorageFull
from spark_assets.operations.erased_blobs import Library
from spark_assets.operations.erasure_record import MEDIA_TYPE, write_record
from spark_assets.operations.holding import holding
from spark_assets.operations.staging import discard_file
from spark_assets.operations.transfer import Present, fetched, in_order, named_hash
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.ports.moving import Archive, Movable, Snapshot, Wanted

PART: Final = 8 * 2**20
"""Bytes after which a part ends and another one begins."""
_UNKNOWN: Final = "application/octet-stream"
_STORED: Final = "stored"


class Writing(msgspec.Struct, frozen=True):
    """What is written where."""

    library: Library
    movable: Movable
    schema: str
    archive: Archive
    archive_id: str
    report: Callable[[str], None]
    """Told now and then how far it is."""


class _Found(msgspec.Struct):
    """What was found while the rows passed by, and the bytes."""

    taken_at: int = 0
    last_event: int = 0
    seals: dict[str, Seal] = {}
    blobs: int = 0
    bytes: int = 0
    gone: int = 0
    missing: int = 0


async def write_archive(writing: Writing) -> Manifest:
    """Write the library down as it is at one moment, while it goes on working; the sweeper is held meanwhile.

    Without its manifest, which is the last thing to be written, what is there is no archive. Raises StorageFull, Unavailable.
    """
    library, found = writing.library, _Found()
    wanted = library.spool / f"wanted-{uuid.uuid4().hex}"
    try:
        async with holding(library.database, library.clock, f"archive {writing.archive_id}"):
            tables = await _write_tables(writing, wanted, found)
            await write_record(library)
            lists = await _write_blobs(writing, wanted, found)
            await _write_record_of_erasures(writing)
    finally:
        discard_file(wanted)
    manifest = _manifest(writing, found, tables, lists)
    await _put(writing, msgspec.json.format(msgspec.json.encode(manifest), indent=1), manifest_name(writing.archive_id), MEDIA_TYPE)
    return manifest


def _manifest(writing: Writing, found: _Found, tables: tuple[Table, ...], lists: tuple[Part, ...]) -> Manifest:
    return Manifest(
        id=writing.archive_id,
        taken_at=found.taken_at,
        version=__version__,
        schema=writing.schema,
        tables=tables,
        last_event=found.last_event,
        seals=found.seals,
        lists=lists,
        blobs=found.blobs,
        bytes=found.bytes,
        gone=found.gone,
        missing=found.missing,
    )


async def _write_tables(writing: Writing, wanted: Path, found: _Found) -> tuple[Table, ...]:
    """The rows, and to a file beside the spool, what they refer to: the moment is over before the first byte is copied."""
    tables = []
    found.taken_at = writing.library.clock.now()
    async with writing.movable.snapshot() as snapshot:
        for table in snapshot.tables:
            tables.append(await _write_table(writing, snapshot, table, found))
            if tables[-1].rows:
                writing.report(f"{table.name}: {tables[-1].rows} rows")
        found.last_event = await snapshot.last_event()
        with wanted.open("wb") as file:
            async for several in snapshot.wanted():
                file.writelines(msgspec.json.encode(one) + b"\n" for one in several)
    return tuple(tables)


async def _write_table(writing: Writing, snapshot: Snapshot, table: Table, found: _Found) -> Table:
    sealed = [column.name for column in table.columns if column.kind is Kind.SEALED]
    parts = Parts(writing, table.name)
    async for rows in snapshot.rows(table):
        for row in rows:
            for name in sealed:
                if name in row:
                    _count_seal(writing.movable, row[name], found)
            await parts.add(row)
    return Table(table.name, table.columns, await parts.end())


def _count_seal(movable: Movable, value: bytes, found: _Found) -> None:
    """One that nothing opens is worth nothing here already, so nobody needs to open it elsewhere."""
    key_id = movable.key_of(value)
    if key_id is not None:
        known = found.seals.get(key_id)
        found.seals[key_id] = Seal(1, value) if known is None else Seal(known.count + 1, known.sample)


async def _write_blobs(writing: Writing, wanted: Path, found: _Found) -> tuple[Part, ...]:
    parts, present = Parts(writing, _STORED), Present(writing.archive)

    async def copy(item: tuple[Wanted, bool]) -> Stored | None:
        return await _copy(writing, item, found)

    async for stored in in_order(_to_copy(writing, wanted, present), copy):
        if stored is not None:
            found.blobs += 1
            found.bytes += stored.size
            await parts.add(stored)
            if found.blobs % 1000 == 0:
                writing.report(f"{found.blobs} blobs, {found.bytes} bytes")
    return await parts.end()


async def _to_copy(writing: Writing, wanted: Path, present: Present) -> AsyncIterator[tuple[Wanted, bool]]:
    """What is to be in the archive, and whether its bytes are there already. First what goes soonest: uploaded parts."""
    async for blob in writing.library.blobs.list(blob_names.INCOMING):
        yield Wanted(blob.name, blob.size, _UNKNOWN), False
    with wanted.open("rb") as file:
        for line in file:
            one = msgspec.json.decode(line, type=Wanted)
            yield one, await present.size(one.name) == one.size


async def _copy(writing: Writing, item: tuple[Wanted, bool], found: _Found) -> Stored | None:
    wanted, is_there = item
    promised = named_hash(wanted.name)
    if is_there and promised is not None:
        return Stored(name=wanted.name, size=wanted.size, sha256=promised, media_type=wanted.media_type)
    try:
        async with fetched(writing.library.blobs, wanted.name, wanted.size + 1, writing.library.spool) as got:
            if got.size == wanted.size and promised in {None, got.sha256}:
                if not is_there:
                    await writing.archive.put(got.path, wanted.name, wanted.media_type)
                return Stored(name=wanted.name, size=got.size, sha256=got.sha256, media_type=wanted.media_type)
    except BlobNotFound:
        if not await _is_on_record(writing.library, wanted.name):
            found.gone += 1
            return None
    found.missing += 1
    return None


async def _is_on_record(library: Library, name: str) -> bool:
    """Whether the library still counts on the bytes; what was erased meanwhile is no loss."""
    sha256 = blob_names.hash_in(name)
    if sha256 is None:
        return False
    async with library.database.read() as repositories:
        return bool(await repositories.blobs.referenced([sha256]))


async def _write_record_of_erasures(writing: Writing) -> None:
    known = {blob.name async for blob in writing.archive.list(blob_names.ERASURES)}
    async for blob in writing.library.blobs.list(blob_names.ERASURES):
        if blob.name not in known:
            async with fetched(writing.library.blobs, blob.name, blob.size, writing.library.spool) as got:
                await writing.archive.put(got.path, blob.name, MEDIA_TYPE)


async def _put(writing: Writing, content: bytes | bytearray, name: str, media_type: str) -> None:
    path = writing.library.spool / f"moved-{uuid.uuid4().hex}"
    try:
        await asyncio.to_thread(path.write_bytes, content)
        await writing.archive.put(path, name, media_type)
    except OSError as error:
        raise StorageFull from error
    finally:
        discard_file(path)


class Parts:
    """Lines, written down in files of a bounded size."""

    def __init__(self, writing: Writing, content: str) -> None:
        self._writing = writing
        self._content = content
        self._done: list[Part] = []
        self._block = bytearray()
        self._lines = 0

    async def add(self, line: Any) -> None:
        """Add a line."""
        self._block += msgspec.json.encode(line, enc_hook=_encode)
        self._block += b"\n"
        self._lines += 1
        if len(self._block) >= PART:
            await self._end_part()

    async def end(self) -> tuple[Part, ...]:
        """All of them, once the last line is written."""
        if self._lines:
            await self._end_part()
        return tuple(self._done)

    async def _end_part(self) -> None:
        name = part_name(self._writing.archive_id, self._content, len(self._done) + 1)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(self._block).hexdigest())
        self._done.append(Part(name, self._lines, len(self._block), digest))
        await _put(self._writing, self._block, name, LINES)
        self._block, self._lines = bytearray(), 0


def _encode(value: Any) -> Any:
    if isinstance(value, memoryview):  # as a driver may give what is sealed
        return base64.b64encode(value).decode()
    raise TypeError(f"a row holds {type(value).__name__}")
