"""The record of erasures: what went, by ID, beside the bytes, where no restore of the database rolls it back.

An erasure notes what it removes in its own transactions; what was noted is then written to the store, once, under a name that
never comes again. So the record says exactly what was removed, and a store that is away holds up no erasure.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
import structlog

from spark_assets.domain import blob_names
from spark_assets.domain.erasure import Erased
from spark_assets.domain.errors import SparkError, Unavailable
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations.erased_blobs import Library
from spark_assets.operations.staging import discard_file
from spark_assets.ports.blobs import BlobNotFound, BlobStore
from spark_assets.ports.moving import Archive
from spark_assets.ports.unit_of_work import Database

log = structlog.get_logger()

MEDIA_TYPE: Final = "application/json"
_STEP: Final = 100


async def write_record(library: Library) -> None:
    """Write to the store what was noted and is not there yet. What a store that is away does not take is written later."""
    try:
        while await _write_some(library):
            pass
    except SparkError as error:
        log.warning("erasure_record_postponed", code=error.code)


async def _write_some(library: Library) -> bool:
    async with library.database.read() as repositories:
        noted = await repositories.erasure.noted(_STEP)
    for entry in noted:
        await put_entry(library, entry)
    if noted:
        reach(Failpoint.ERASURE_RECORDED)
        async with library.database.begin() as uow:
            await uow.erasure.forget_noted([entry.id for entry in noted])
            await uow.commit()
    return len(noted) == _STEP


async def put_entry(library: Library, entry: Erased) -> None:
    """Add an entry to the record; to add it again changes nothing. Raises StorageFull, Unavailable."""
    path = library.spool / f"erased-{entry.id}.json"
    try:
        await asyncio.to_thread(path.write_bytes, msgspec.json.encode(entry))
        await library.blobs.put(path, blob_names.erasure(entry.id), MEDIA_TYPE)
    except OSError as error:
        raise Unavailable("the server cannot write to its spool for now; try again shortly") from error
    finally:
        discard_file(path)


async def read_record(blobs: Archive) -> AsyncIterator[Erased]:
    """Every entry of the record that lies in the store. Raises Unavailable, also for one that cannot be read."""
    async for found in blobs.list(blob_names.ERASURES):
        try:
            content = b"".join([piece async for piece in blobs.read(found.name, 0, found.size)])
            yield msgspec.json.decode(content, type=Erased)
        except BlobNotFound:
            continue
        except msgspec.MsgspecError as error:
            raise Unavailable(f"{found.name} is no entry of a record of erasures: {error}") from None


async def adopt_record(library: Library, source: Archive) -> int:
    """Take over what the record in another store says that ours does not; how many entries."""
    known = {found.name async for found in library.blobs.list(blob_names.ERASURES)}
    adopted = 0
    async for entry in read_record(source):
        if blob_names.erasure(entry.id) not in known:
            await put_entry(library, entry)
            adopted += 1
    return adopted


async def undone(database: Database, blobs: BlobStore) -> AsyncIterator[str]:
    """IDs of assets that were erased and are there again, as they are after a restore of an older database."""
    async for entry in read_record(blobs):
        if entry.asset_ids:
            async with database.read() as repositories:
                there = await repositories.erasure.look_at(entry.asset_ids)
            for asset in there:
                yield asset.id
