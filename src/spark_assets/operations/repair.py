"""Repair: what breaks a promise and can safely be put right, is. Nothing that somebody refers to is ever removed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from spark_assets.domain.asset import Failure
from spark_assets.domain.blob_names import RENDITIONS
from spark_assets.domain.errors import Unavailable
from spark_assets.domain.event import Event
from spark_assets.domain.task import failure_code
from spark_assets.domain.webhook import WebhookKind
from spark_assets.operations import deliveries, events, housekeeping, quotas
from spark_assets.operations.trash import DELETED
from spark_assets.operations.verification import misplaced, untold
from spark_assets.operations.webhooks import delivery_of, send_all
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.clock import Clock
from spark_assets.ports.queue import Queue
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.ports.verification import Watcher

log = structlog.get_logger()

STEP: Final = 500
_LOST_REASON: Final = Failure("InternalError", "why the task failed is no longer on record", "attempts_exhausted")
_FORSAKEN: Final = Failure("InternalError", "the task of the asset is no longer on record; register it again", "attempts_exhausted")


class Library(msgspec.Struct, frozen=True):
    """All that is looked at."""

    database: Database
    blobs: BlobStore
    queue: Queue
    spool: Path
    clock: Clock


class Repaired(msgspec.Struct, frozen=True):
    """What was put right, and how often."""

    what: str
    count: int

    @property
    def sentence(self) -> str:
        """Both."""
        return f"{self.count} x {self.what}"


async def repair(library: Library) -> list[Repaired]:
    """Put right what can be; safe beside servers and workers that run. Run again, it finds nothing to do.

    Raises Unavailable where the database or the store is away; what was done by then stays done.
    """
    done = []
    for what, chore in _CHORES.items():
        count = await chore(library)
        if count:
            log.info("repaired", what=what, count=count)
            done.append(Repaired(what, count))
    await housekeeping.requeue_unfinished(library.database, library.queue)
    await deliveries.requeue_due(library.database, library.queue, library.clock.now())
    return done


async def follow_clock(database: Database, now: int) -> int:
    """Let what is put off or held for longer than anything is be due, and free: the clock was set back since. How many."""
    async with database.begin() as uow:
        changed = await uow.repairs.bring_forward(now)
        if changed:
            await uow.commit()
    return changed


async def _sweep_spool(library: Library) -> int:
    now = library.clock.now()
    old = len(housekeeping.old_spool_files(library.spool, now))
    housekeeping.sweep_spool(library.spool, now)
    return old


async def _sweep_parts(library: Library) -> int:
    return await housekeeping.sweep_incoming(library.database, library.blobs, library.clock.now())


async def _sweep_blobs(library: Library) -> int:
    return await housekeeping.sweep_blobs(library.database, library.blobs, library.clock)


async def _follow_clock(library: Library) -> int:
    return await follow_clock(library.database, library.clock.now())


async def _end_stranded(library: Library) -> int:
    """Nothing can complete them: each is failed for the reason for which its asset is, or because that is gone."""

    async def end(uow: UnitOfWork) -> int:
        now = library.clock.now()
        ended = 0
        for found in await uow.repairs.stranded(STEP):
            failure = found.failure or DELETED
            as_told = Failure(failure_code(failure.code), failure.message, failure.reason)
            if await uow.repairs.end_task(found.task_id, as_told, now):
                await uow.assets.fail(found.asset_id, failure, now)
                failed = events.task_failed(found.task_id, found.asset_id, found.project_id, failure, now)
                await events.record(uow, [failed], found.traceparent)
                uow.announce(found.task_id)
                ended += 1
        return ended

    return await _in_steps(library, end)


async def _fail_forsaken(library: Library) -> int:
    async def fail(uow: UnitOfWork) -> int:
        found = await uow.repairs.forsaken(STEP)
        for asset_id in found:
            await uow.assets.fail(asset_id, _FORSAKEN, library.clock.now())
        return len(found)

    return await _in_steps(library, fail)


async def _name_failures(library: Library) -> int:
    return await _in_steps(library, lambda uow: uow.repairs.nameless(_LOST_REASON, STEP))


async def _bill(library: Library) -> int:
    async def bill(uow: UnitOfWork) -> int:
        found = await uow.repairs.unbilled(STEP)
        for line in found:
            await uow.usage.add(line)
        return len(found)

    return await _in_steps(library, bill)


async def _recount(library: Library) -> int:
    async with library.database.read() as repositories:
        wrong = await repositories.repairs.miscounted()
    changed = 0
    for project_id in wrong:
        async with library.database.begin() as uow:
            changed += await quotas.recount(uow, project_id)
            await uow.commit()
    return changed


async def _lose_renditions(library: Library) -> int:
    """Renditions can be made anew, so those that are gone or cut short are forgotten; originals cannot."""
    lost = [name async for _, name in misplaced(library.database, library.blobs, quick=True) if name.startswith(RENDITIONS)]
    for name in lost:
        async with library.database.begin() as uow:
            await uow.repairs.lose_rendition(name)
            await uow.commit()
    return len(lost)


async def _expect_renditions(library: Library) -> int:
    return await _in_steps(library, lambda uow: uow.repairs.expect_renditions(STEP))


async def _tell(library: Library) -> int:
    """Queue what was missed, under the ID that the message would have had; each in its own transaction."""
    missed = [found async for found in untold(library.database, library.clock.now())]
    for event, watcher in missed:
        async with library.database.begin() as uow:
            await _send(uow, event, watcher, library.clock.now())
            await uow.commit()
    return len(missed)


async def _send(uow: UnitOfWork, event: Event, watcher: Watcher, now: int) -> None:
    """Raises Unavailable if a task's address has gone since it was looked for."""
    if watcher.kind is not WebhookKind.CALLBACKS:
        await send_all(uow, [delivery_of(event, watcher.id, now)])
        return
    task_id = event.task_id or ""
    called = (await uow.deliveries.callbacks_of([task_id])).get(task_id)
    if called is None:
        raise Unavailable("a task was told of or tried again meanwhile; repair once more")
    delivery = delivery_of(event, watcher.id, now, called)
    await send_all(uow, [delivery], {delivery.id: called})


async def _in_steps(library: Library, change: Callable[[UnitOfWork], Awaitable[int]]) -> int:
    """Let it change as long as it finds a whole step to change; how many in all."""
    changed, found = 0, STEP
    while found == STEP:
        async with library.database.begin() as uow:
            found = await change(uow)
            if found:
                await uow.commit()
        changed += found
    return changed


_CHORES: Final[dict[str, Callable[[Library], Awaitable[int]]]] = {
    "a delivery or an upload that was put off or held for too long is free again": _follow_clock,
    "a task in progress that nothing could complete any more has failed": _end_stranded,
    "an asset in processing that no task worked on has failed": _fail_forsaken,
    "a failed task without a code has InternalError": _name_failures,
    "a completed task has its line in the ledger": _bill,
    "a quota was counted anew": _recount,
    "an event was queued for a webhook that had missed it": _tell,
    "an old spool file was removed": _sweep_spool,
    "an uploaded part that nothing needed was removed": _sweep_parts,
    "a stored blob or rendition that nothing referred to was removed": _sweep_blobs,
    "a rendition whose bytes were gone or cut short was forgotten": _lose_renditions,
    "a rendition that was missing is to be made": _expect_renditions,
}
"""What is done, in this order: what ends something first, then what removes, then what begins anew."""
