"""Housekeeping: what grows is swept in small steps, and what was left half done is picked up again."""

from pathlib import Path
from typing import Final

import structlog

from spark_assets.domain import blob_names
from spark_assets.domain.parameters import GET_ASSET
from spark_assets.domain.usage import MICRO
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.queue import Job, JobDispatcher, JobKind
from spark_assets.ports.unit_of_work import Database

log = structlog.get_logger()

STEP: Final = 500
"""Rows touched at once, so that no request waits long for a sweep."""
GRACE: Final = 3600 * MICRO
"""How long bytes that nothing refers to are left alone: longer than any ingest lasts."""
SOURCE_RETENTION: Final = 24 * 3600 * MICRO
"""How long the source address of a failed task is kept for a retry."""
READING_RETENTION: Final = 24 * 3600 * MICRO
"""How long tasks of reading operations are kept."""


async def requeue_unfinished(database: Database, dispatcher: JobDispatcher) -> int:
    """Enqueue every task in progress; those in the queue already stay as they are. How many tasks there are."""
    count, last = 0, ""
    while True:
        async with database.read() as repositories:
            found = await repositories.tasks.unfinished(last, STEP)
        if not found:
            return count
        await dispatcher.dispatch([Job(JobKind.INGEST, task_id, host) for task_id, host in found], None)
        count, last = count + len(found), found[-1][0]


async def drop_old_rows(database: Database, now: int) -> None:
    """Forget sources that are not needed any more, and tasks of reading operations that are past their retention."""
    dropped = STEP
    while dropped == STEP:
        async with database.begin() as uow:
            dropped = await uow.tasks.drop_sources(now - SOURCE_RETENTION, STEP)
            await uow.commit()
    dropped = STEP
    while dropped == STEP:
        async with database.begin() as uow:
            dropped = await uow.tasks.drop_finished([GET_ASSET.model], now - READING_RETENTION, STEP)
            await uow.commit()


def old_spool_files(spool: Path, now: int) -> list[Path]:
    """Spool files that no ingest can be using any more."""
    old = []
    for file in spool.iterdir():
        try:
            if file.is_file() and file.stat().st_mtime * MICRO < now - GRACE:
                old.append(file)
        except FileNotFoundError:
            continue
    return old


def sweep_spool(spool: Path, now: int) -> None:
    """Remove them."""
    for file in old_spool_files(spool, now):
        file.unlink(missing_ok=True)


async def sweep_blobs(database: Database, blobs: BlobStore, now: int) -> int:
    """Remove stored bytes that no asset refers to, once the grace is over; how many.

    The mark in the database comes first and stays for a grace: an ingest that stored the same bytes before they went
    finds the mark when it wants to refer to them, and stores them anew.
    """
    swept = 0
    page: list[str] = []
    async for blob in blobs.list(blob_names.ORIGINALS):
        if blob.written_at * MICRO < now - GRACE:
            page.append(blob_names.sha256_of(blob.name))
        if len(page) == STEP:
            swept += await _sweep(page, database, blobs, now)
            page = []
    swept += await _sweep(page, database, blobs, now)
    async with database.begin() as uow:
        await uow.blobs.forget_swept(now - GRACE)
        await uow.commit()
    return swept


async def _sweep(hashes: list[str], database: Database, blobs: BlobStore, now: int) -> int:
    if not hashes:
        return 0
    async with database.read() as repositories:
        orphans = sorted(set(hashes) - await repositories.blobs.referenced(hashes))
    swept = 0
    for sha256 in orphans:
        async with database.begin() as uow:
            marked = await uow.blobs.begin_sweep(sha256, now)
            await uow.commit()
        if marked:
            await _remove(sha256, database, blobs, now)
            swept += 1
    return swept


async def _remove(sha256: str, database: Database, blobs: BlobStore, now: int) -> None:
    await blobs.delete(blob_names.original(sha256))
    async for rendition in blobs.list(blob_names.renditions_of(sha256)):
        await blobs.delete(rendition.name)
    async with database.begin() as uow:
        await uow.blobs.end_sweep(sha256, now)
        await uow.commit()
    log.info("blob_swept", sha256=sha256)
