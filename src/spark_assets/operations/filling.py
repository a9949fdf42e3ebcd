"""Whether a library may be filled from an archive."""

from spark_assets.domain import blob_names
from spark_assets.domain.archive import BadArchive
from spark_assets.operations.holding import IMPORT
from spark_assets.operations.reading import Reading


async def begin(reading: Reading, *, keep_store: bool) -> bool:
    """Whether bytes and rows are to be taken; False if they were, by a call that was broken off after it.

    Raises BadArchive for a library that is not empty, unless it is this archive that it is being filled from; `keep_store`: its store
    may hold bytes. Unavailable.
    """
    library, archive_id = reading.library, reading.manifest.id
    async with library.database.read() as repositories:
        mark = await repositories.holds.find(IMPORT)
    if mark is not None and mark.reason != archive_id:
        raise BadArchive(f"the library is being filled from another archive, {mark.reason}: import that one again, or name a new database")
    if not await reading.movable.is_empty():
        if mark is None:
            raise BadArchive("the library is not empty: name a new database, and a new store or --keep-store")
        return False
    if mark is None and not keep_store and await _holds_bytes(reading):
        raise BadArchive("the store is not empty: name a new one, or say --keep-store if it holds the bytes of this very library")
    return True


async def _holds_bytes(reading: Reading) -> bool:
    async for _ in reading.library.blobs.list(blob_names.ORIGINALS):
        return True
    return False
