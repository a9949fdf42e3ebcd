"""Housekeeping: what grows is swept in small steps, and what was left half done is picked up again."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from spark_assets.domain import blob_names
from spark_assets.domain.asset import RENDERED
from spark_assets.domain.audit import HOUSEKEEPING
from spark_assets.domain.parameters import OPERATIONS
from spark_assets.domain.retention import Retention
from spark_assets.domain.usage import MICRO
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations import quotas
from spark_assets.operations.audit import record
from spark_assets.operations.staging import discard_file
from spark_assets.operations.turns import ingest_job
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.clock import Clock
from spark_assets.ports.inspector import PREVIEW_FORMAT
from spark_assets.ports.lines import Ingest
from spark_assets.ports.queue import Job, JobDispatcher, JobKind
from spark_assets.ports.repositories import LATEST
from spark_assets.ports.unit_of_work import Database, UnitOfWork

log = structlog.get_logger()

STEP: Final = 500
"""Rows touched at once, so that no request waits long for a sweep."""
GRACE: Final = 3600 * MICRO
"""How long bytes that nothing refers to are left alone: longer than any ingest lasts."""
GROUP_STEP: Final = 1
"""Groups removed at once: for each, SQLite looks through all assets for one that still refers to it, 90 ms among a million."""
_READINGS: Final = [operation.model for operation in OPERATIONS.values() if operation.is_reading]


async def requeue_unfinished(database: Database, dispatcher: JobDispatcher, by: int = LATEST) -> None:
    """Enqueue every task in progress that does not stand in line, and the rendition of every asset that was active `by` then and has none.

    What is in the queue already stays as it is. A rendition that is just being published is in no queue, and would be made twice.
    """
    called: list[Ingest] = []
    while True:
        async with database.read() as repositories:
            called = await repositories.lines.called(called[-1] if called else None, STEP)
        if not called:
            break
        await dispatcher.dispatch([ingest_job(ingest) for ingest in called], None)
    last = ""
    while True:
        async with database.read() as repositories:
            pending = await repositories.assets.pending_renditions(last, STEP, by=by)
        if not pending:
            break
        await dispatcher.dispatch([Job(JobKind.DERIVE, asset_id) for asset_id in pending], None)
        last = pending[-1]


async def drop_old_rows(database: Database, now: int, kept: Retention) -> None:
    """Forget what is past its retention: sources, reading tasks, answers kept for a repetition, audit entries, uploads, sessions."""
    await _in_steps(database, lambda uow: uow.tasks.drop_sources(now - kept.sources, STEP))
    await _in_steps(database, lambda uow: uow.tasks.drop_finished(_READINGS, now - kept.readings, STEP))
    await _in_steps(database, lambda uow: uow.idempotency_keys.drop_old(now - kept.answers, STEP))
    await _in_steps(database, lambda uow: uow.audit.drop_old(now - kept.audit, STEP))
    await _in_steps(database, lambda uow: uow.uploads.drop_old(now, STEP))
    await _in_steps(database, lambda uow: uow.sessions.drop_old(now, STEP))


async def drop_old_tasks(database: Database, before: int) -> None:
    """Forget ended tasks of every kind that were created before that time. Their lines in the ledger stay, and so do their assets."""
    last, found = "", STEP
    while found == STEP:
        async with database.begin() as uow:
            dropped = await uow.tasks.drop_ended(last, before, STEP)
            await uow.commit()
        found, last = len(dropped), dropped[-1] if dropped else last


async def drop_old_events(database: Database, before: int) -> None:
    """Forget events older than that time."""
    await _in_steps(database, lambda uow: uow.events.drop_old(before, STEP))


async def drop_old_deliveries(database: Database, before: int) -> None:
    """Forget deliveries that have ended and were queued before that time, then the deleted webhooks of which none is left."""
    await _in_steps(database, lambda uow: uow.deliveries.drop_ended(before, STEP))
    await _in_steps(database, lambda uow: uow.webhooks.drop_deleted(STEP))


async def drop_readings(database: Database, project_id: str) -> None:
    """Forget the stored results of the project's reading tasks, whatever their age: they may show what was erased."""
    await _in_steps(database, lambda uow: uow.erasure.drop_readings(project_id, _READINGS, STEP))


async def _in_steps(database: Database, drop: Callable[[UnitOfWork], Awaitable[int]]) -> None:
    """Let it drop as long as it finds a whole step to drop."""
    dropped = STEP
    while dropped == STEP:
        async with database.begin() as uow:
            dropped = await drop(uow)
            await uow.commit()


async def empty_trash(database: Database, before: int, now: int) -> int:
    """Remove for good the assets that were deleted before that time, then the groups that hold nothing any more; how many assets.

    Their bytes go with the next sweep, unless others refer to them.
    """
    emptied, found = 0, STEP
    while found == STEP:
        async with database.begin() as uow:
            doomed = await uow.erasure.old_trash(before, STEP)
            found = len(doomed)
            if doomed:
                await uow.erasure.purge(doomed, now)
                await _record_emptied(uow, "asset_ids", [(asset.id, asset.project_id) for asset in doomed], now)
                reach(Failpoint.TRASH_EMPTIED)
                await uow.commit()
        emptied += found
    found = GROUP_STEP
    while found == GROUP_STEP:
        async with database.begin() as uow:
            gone = await uow.erasure.purge_groups(await uow.erasure.old_groups(before, GROUP_STEP))
            found = len(gone)
            if gone:
                await _record_emptied(uow, "group_ids", gone, now)
                await uow.commit()
    return emptied


async def _record_emptied(uow: UnitOfWork, kind: str, gone: Sequence[tuple[str, str]], now: int) -> None:
    """One entry for each project, so that its administrators see theirs."""
    for project_id, ids in by_project(gone).items():
        details = {kind: ids, "count": len(ids)}
        await record(uow, actor=HOUSEKEEPING, action="trash.emptied", now=now, project_id=project_id, details=details)


def by_project(found: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Pairs of an ID and its project, as IDs by project."""
    sorted_out: dict[str, list[str]] = {}
    for thing_id, project_id in found:
        sorted_out.setdefault(project_id, []).append(thing_id)
    return sorted_out


async def recount_quotas(database: Database, now: int) -> None:
    """Count anew what the quotas count that were set a short while ago.

    Who had begun to change a project just before its first quota was set did not know that there was one to count in, and
    may have finished after it. Once all of them are over the counts stay exact by themselves.
    """
    async with database.read() as repositories:
        recent = await repositories.quotas.set_since(now - GRACE)
    for project_id in recent:
        async with database.begin() as uow:
            was_wrong = await quotas.recount(uow, project_id)
            await uow.commit()
        if was_wrong:
            log.info("quota_recounted", project_id=project_id)


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
        discard_file(file)


async def sweep_incoming(database: Database, blobs: BlobStore, now: int) -> int:
    """Remove uploaded bytes that no upload and no task needs any more, once the grace is over, unless held; how many parts."""
    swept = 0
    page: list[str] = []
    async for blob in blobs.list(blob_names.INCOMING):
        if blob.written_at * MICRO < now - GRACE:
            page.append(blob.name)
        if len(page) == STEP:
            swept += await _sweep_parts(page, database, blobs, now)
            page = []
    return swept + await _sweep_parts(page, database, blobs, now)


async def _sweep_parts(names: list[str], database: Database, blobs: BlobStore, now: int) -> int:
    if not names:
        return 0
    async with database.read() as repositories:
        if await repositories.holds.is_held(now):
            return 0
        needed = await repositories.uploads.needed(sorted({blob_names.upload_of(name) for name in names}))
    orphans = [name for name in names if blob_names.upload_of(name) not in needed]
    for name in orphans:
        await blobs.delete(name)
    return len(orphans)


async def sweep_blobs(database: Database, blobs: BlobStore, clock: Clock) -> int:
    """Remove stored bytes that no asset refers to, once the grace is over, unless held; how many.

    The mark in the database comes first and stays for a grace: an ingest that stored the same bytes before they went
    finds the mark when it wants to refer to them, and stores them anew. So a mark bears the time at which it is set and,
    in the end, the time at which the bytes were gone, not the time at which a sweep of perhaps many minutes began.
    """
    swept = 0
    page: list[str] = []
    for prefix in (blob_names.ORIGINALS, blob_names.RENDITIONS):  # a rendition may outlive its original by a crash
        async for blob in blobs.list(prefix):
            sha256 = blob_names.hash_in(blob.name)
            if sha256 is not None and blob.written_at * MICRO < clock.now() - GRACE:
                page.append(sha256)
            if len(page) == STEP:
                swept += await _sweep(page, database, blobs, clock)
                page = []
        swept += await _sweep(page, database, blobs, clock)
        page = []
    async with database.begin() as uow:
        await uow.repairs.date_back(clock.now())
        await uow.blobs.forget_swept(clock.now() - GRACE)
        await uow.commit()
    return swept


async def _sweep(hashes: list[str], database: Database, blobs: BlobStore, clock: Clock) -> int:
    if not hashes:
        return 0
    async with database.read() as repositories:
        if await repositories.holds.is_held(clock.now()):  # asked for each page: a sweep may take long
            return 0
        orphans = sorted(set(hashes) - await repositories.blobs.referenced(hashes))
    swept = 0
    for sha256 in orphans:
        swept += await remove_blob(sha256, database, blobs, clock)
    return swept


async def remove_blob(sha256: str, database: Database, blobs: BlobStore, clock: Clock, *, despite_holds: bool = False) -> bool:
    """Remove bytes and their renditions now; False if an asset refers to them, if someone else is removing them or has, or while held.

    Raises Unavailable if the store is away; a sweep then finishes it.
    """
    async with database.begin() as uow:
        marked = await uow.blobs.begin_sweep(sha256, clock.now(), despite_holds=despite_holds)
        await uow.commit()
    if marked:
        reach(Failpoint.SWEEP_MARKED)
        await _remove(sha256, database, blobs, clock)
    return marked


async def _remove(sha256: str, database: Database, blobs: BlobStore, clock: Clock) -> None:
    """Remove renditions and bytes. The original goes last: as long as it is there, a sweep that was broken off is done again."""
    for variant in RENDERED:
        await blobs.delete(blob_names.rendition(sha256, variant.value, PREVIEW_FORMAT.extension))
    reach(Failpoint.RENDITIONS_REMOVED)
    await blobs.delete(blob_names.original(sha256))
    reach(Failpoint.BLOB_REMOVED)
    async with database.begin() as uow:
        await uow.blobs.end_sweep(sha256, clock.now())
        await uow.commit()
    reach(Failpoint.SWEEP_ENDED)
    log.info("blob_swept", sha256=sha256)
