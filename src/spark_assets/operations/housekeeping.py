"""Housekeeping: what grows is swept in small steps, and what was left half done is picked up again."""

from pathlib import Path
from typing import Final

import structlog

from spark_assets.domain import blob_names
from spark_assets.domain.asset import RENDERED
from spark_assets.domain.parameters import OPERATIONS
from spark_assets.domain.usage import MICRO
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.clock import Clock
from spark_assets.ports.inspector import PREVIEW_FORMAT
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
_READINGS: Final = [operation.model for operation in OPERATIONS.values() if operation.is_reading]


async def requeue_unfinished(database: Database, dispatcher: JobDispatcher) -> None:
    """Enqueue every task in progress and every rendition still to be made; what is in the queue already stays as it is."""
    last = ""
    while True:
        async with database.read() as repositories:
            found = await repositories.tasks.unfinished(last, STEP)
        if not found:
            break
        await dispatcher.dispatch([Job(JobKind.INGEST, task_id, host) for task_id, host in found], None)
        last = found[-1][0]
    last = ""
    while True:
        async with database.read() as repositories:
            pending = await repositories.assets.pending_renditions(last, STEP)
        if not pending:
            break
        await dispatcher.dispatch([Job(JobKind.DERIVE, asset_id) for asset_id in pending], None)
        last = pending[-1]


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
            dropped = await uow.tasks.drop_finished(_READINGS, now - READING_RETENTION, STEP)
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


async def sweep_blobs(database: Database, blobs: BlobStore, clock: Clock) -> int:
    """Remove stored bytes that no asset refers to, once the grace is over; how many.

    The mark in the database comes first and stays for a grace: an ingest that stored the same bytes before they went
    finds the mark when it wants to refer to them, and stores them anew. So a mark bears the time at which it is set and,
    in the end, the time at which the bytes were gone, not the time at which a sweep of perhaps many minutes began.
    """
    swept = 0
    page: list[str] = []
    async for blob in blobs.list(blob_names.ORIGINALS):
        if blob.written_at * MICRO < clock.now() - GRACE:
            page.append(blob_names.sha256_of(blob.name))
        if len(page) == STEP:
            swept += await _sweep(page, database, blobs, clock)
            page = []
    swept += await _sweep(page, database, blobs, clock)
    async with database.begin() as uow:
        await uow.blobs.forget_swept(clock.now() - GRACE)
        await uow.commit()
    return swept


async def _sweep(hashes: list[str], database: Database, blobs: BlobStore, clock: Clock) -> int:
    if not hashes:
        return 0
    async with database.read() as repositories:
        orphans = sorted(set(hashes) - await repositories.blobs.referenced(hashes))
    swept = 0
    for sha256 in orphans:
        async with database.begin() as uow:
            marked = await uow.blobs.begin_sweep(sha256, clock.now())
            await uow.commit()
        if marked:
            await _remove(sha256, database, blobs, clock)
            swept += 1
    return swept


async def _remove(sha256: str, database: Database, blobs: BlobStore, clock: Clock) -> None:
    """Remove renditions and bytes. The original goes last: as long as it is there, a sweep that was broken off is done again."""
    for variant in RENDERED:
        await blobs.delete(blob_names.rendition(sha256, variant.value, PREVIEW_FORMAT.extension))
    await blobs.delete(blob_names.original(sha256))
    async with database.begin() as uow:
        await uow.blobs.end_sweep(sha256, clock.now())
        await uow.commit()
    log.info("blob_swept", sha256=sha256)
