"""Verification: whether the promises of durability hold, right now, on this library."""

from pathlib import Path
from typing import Final

from spark_assets.domain import blob_names
from spark_assets.domain.usage import MICRO
from spark_assets.operations.housekeeping import GRACE, old_spool_files
from spark_assets.ports.blobs import BlobNotFound, BlobStore
from spark_assets.ports.unit_of_work import Database

_PAGE: Final = 500


async def verify(database: Database, blobs: BlobStore, spool: Path, now: int) -> list[str]:
    """A sentence for each promise that is broken, with how often; none if all hold.

    Reads every stored byte's length, not its content.
    """
    async with database.read() as repositories:
        broken = await repositories.verification.broken()
    sentences = [f"{count} x {promise}" for promise, count in broken.items() if count]
    sentences += await _verify_blobs(database, blobs)
    sentences += await _verify_store(database, blobs, now)
    old = len(old_spool_files(spool, now))
    if old:
        sentences.append(f"{old} x a spool file older than the grace")
    return sentences


async def _verify_blobs(database: Database, blobs: BlobStore) -> list[str]:
    """Every blob on record is stored, with its length."""
    missing = shorter = 0
    last = ""
    while True:
        async with database.read() as repositories:
            page = await repositories.blobs.after(last, _PAGE)
        if not page:
            break
        for sha256, size in page:
            try:
                shorter += await blobs.size(blob_names.original(sha256)) != size
            except BlobNotFound:
                missing += 1
        last = page[-1][0]
    found = [(missing, "a blob on record that is not stored"), (shorter, "a stored blob of another length than recorded")]
    return [f"{count} x {promise}" for count, promise in found if count]


async def _verify_store(database: Database, blobs: BlobStore, now: int) -> list[str]:
    """Every stored blob is referred to, once the sweeper's grace is over."""
    orphans = 0
    page: list[str] = []
    async for blob in blobs.list(blob_names.ORIGINALS):
        if blob.written_at * MICRO < now - 2 * GRACE:
            page.append(blob_names.sha256_of(blob.name))
        if len(page) == _PAGE:
            orphans += await _count_orphans(page, database)
            page = []
    orphans += await _count_orphans(page, database)
    return [f"{orphans} x a stored blob that nothing refers to"] if orphans else []


async def _count_orphans(hashes: list[str], database: Database) -> int:
    if not hashes:
        return 0
    async with database.read() as repositories:
        return len(set(hashes) - await repositories.blobs.referenced(hashes))
