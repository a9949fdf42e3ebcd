"""Verification: whether the promises of durability hold, right now, on this library."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Final

from spark_assets.domain import blob_names
from spark_assets.domain.audit import AuditEntry, AuditFilter, flaw
from spark_assets.domain.usage import MICRO
from spark_assets.operations.housekeeping import GRACE, old_spool_files
from spark_assets.ports.blobs import BlobNotFound, BlobStore
from spark_assets.ports.unit_of_work import Database

_PAGE: Final = 500
_WHOLE_TRAIL: Final = AuditFilter(with_service=True)


async def verify(database: Database, blobs: BlobStore, spool: Path, now: int, *, quick: bool = False) -> list[str]:
    """A sentence for each promise that is broken, with how often; none if all hold.

    Reads and hashes every stored byte; `quick` looks at lengths alone.
    """
    async with database.read() as repositories:
        broken = await repositories.verification.broken()
    sentences = [f"{count} x {promise}" for promise, count in broken.items() if count]
    sentences += await _verify_blobs(database, blobs, quick)
    sentences += await _verify_store(database, blobs, now)
    sentences += await _verify_trail(database)
    old = len(old_spool_files(spool, now))
    if old:
        sentences.append(f"{old} x a spool file older than the grace")
    return sentences


async def _verify_trail(database: Database) -> list[str]:
    """Every entry of the audit trail is as it was written, and follows the one before; the oldest that is kept stands for itself."""
    previous: AuditEntry | None = None
    while True:
        async with database.read() as repositories:
            entries = await repositories.audit.after(_WHOLE_TRAIL, previous.sequence if previous else 0, _PAGE)
        if not entries:
            return []
        for entry in entries:
            trouble = flaw(entry, previous)
            if trouble is not None:
                return [f"the chain of the audit trail is broken: entry number {entry.sequence} ({entry.id}) {trouble}"]
            previous = entry


async def _verify_blobs(database: Database, blobs: BlobStore, quick: bool) -> list[str]:
    """Every blob on record is stored, with its length and its hash, and so is every rendition."""
    found: Counter[str] = Counter()
    last = ""
    while True:
        async with database.read() as repositories:
            page = await repositories.blobs.after(last, _PAGE)
            renditions = await repositories.blobs.renditions_of([sha256 for sha256, _ in page])
        if not page:
            break
        for sha256, size in page:
            found[await _judge(blobs, blob_names.original(sha256), size, None if quick else sha256)] += 1
        for rendition in renditions:
            found[await _judge(blobs, rendition.name, rendition.size, None)] += 1
        last = page[-1][0]
    return [f"{count} x {promise}" for promise, count in sorted(found.items()) if promise]


async def _judge(blobs: BlobStore, name: str, size: int, sha256: str | None) -> str:
    """What is wrong with stored bytes; empty if nothing is."""
    try:
        if await blobs.size(name) != size:
            return "stored bytes of another length than recorded"
        if sha256 is None:
            return ""
        digest = hashlib.sha256()
        async for piece in blobs.read(name, 0, size):
            digest.update(piece)
    except BlobNotFound:
        return "bytes on record that are not stored"
    return "" if digest.hexdigest() == sha256 else "stored bytes with another hash than their name says"


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
