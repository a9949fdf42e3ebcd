"""Verification: whether the promises of durability hold, right now, on this library."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from spark_assets.domain import blob_names
from spark_assets.domain.audit import AuditEntry, AuditFilter, flaw
from spark_assets.domain.event import Event
from spark_assets.domain.usage import DAY, MICRO
from spark_assets.domain.webhook import WebhookKind, message_id, subject_of
from spark_assets.operations.erasure_record import undone
from spark_assets.operations.housekeeping import GRACE, old_spool_files
from spark_assets.ports.blobs import BlobNotFound, BlobStore
from spark_assets.ports.unit_of_work import Database
from spark_assets.ports.verification import Watcher

LOST: Final = "bytes on record that are not stored"
CUT: Final = "stored bytes of another length than recorded"
CHANGED: Final = "stored bytes with another hash than their name says"
UNTOLD: Final = "an event that was not queued for a webhook that wants it"
BACK: Final = "an erased asset that is there again"
_FROM_A_BACKUP: Final = "put the file back from a backup, or erase the assets with this SHA-256 and register them again"
_BY_HAND: Final = "this contradicts itself and was not caused by a crash: compare the row with a backup of the database"
_REMEDIES: Final = {
    LOST: _FROM_A_BACKUP,
    CUT: _FROM_A_BACKUP,
    CHANGED: _FROM_A_BACKUP,
    "an active asset without its bytes": "delete the asset and register it again",
    "a stored file that is no blob": "move it elsewhere: somebody put it there by hand",
    "a task whose asset does not exist": _BY_HAND,
    "a completed task whose asset": _BY_HAND,
    "a failed task whose asset": _BY_HAND,
    "an ended asset whose task": "start a server: it ends the task",
    "a task with more than one result": _BY_HAND,
    "a failed task with a code that": _BY_HAND,
    "a failed task without its attempts": _BY_HAND,
    "a line in the ledger": "the ledger is never changed: set it right in your accounts",
    "an ended task that was never told of": "whoever follows the project must ask for the task once",
    "the chain of the audit trail": "the trail is never changed: find out who has access to the database, and keep a copy as evidence",
    BACK: "run 'spark-assets erase --again', as after every restore of an older database",
    "the database file is damaged": "stop the server and put the database back from a backup",
}
"""By the beginning of a promise: what to do about what no repair can put right."""
_PAGE: Final = 500
_SIBLINGS: Final = 16
"""Hashes that are alike but for their last digit, at most."""
_SHOWN: Final = 5
"""IDs or names that are given as examples."""
_REMEMBERED: Final = DAY - 3600 * MICRO
"""Microseconds for which events and deliveries are on record, whatever their retention is set to."""
_WHOLE_TRAIL: Final = AuditFilter(with_service=True)


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """A promise that is broken, how often, and for which IDs or names, at most five of them."""

    promise: str
    count: int
    examples: tuple[str, ...] = ()

    @property
    def remedy(self) -> str:
        """What whoever runs the service can do, where a repair does nothing about it; empty for all else."""
        return next((remedy for beginning, remedy in _REMEDIES.items() if self.promise.startswith(beginning)), "")

    @property
    def sentence(self) -> str:
        """How often, and which promise."""
        return f"{self.count} x {self.promise}"


async def verify(database: Database, blobs: BlobStore, spool: Path, now: int, *, quick: bool = False) -> list[str]:
    """A sentence for each promise that is broken, with how often; none if all hold. See `find_breaches`."""
    return [breach.sentence for breach in await find_breaches(database, blobs, spool, now, quick=quick)]


async def find_breaches(database: Database, blobs: BlobStore, spool: Path, now: int, *, quick: bool = False) -> list[Breach]:
    """Every promise that is broken.

    Reads and hashes every stored byte; `quick` looks at lengths alone. What is under way at this moment is no breach: bytes
    have a grace before somebody must refer to them.
    """
    breaches = await _verify_rows(database, now)
    breaches += _gathered([found async for found in misplaced(database, blobs, quick=quick)])
    breaches += await _verify_store(database, blobs, now)
    breaches += _gathered([(BACK, asset_id) async for asset_id in undone(database, blobs)])
    breaches += _gathered([(UNTOLD, message_id(event)) async for event, _ in untold(database, now)])
    breaches += await _verify_trail(database)
    breaches += _gathered([("a spool file older than the grace", file.name) for file in old_spool_files(spool, now)])
    return breaches


async def misplaced(database: Database, blobs: BlobStore, *, quick: bool) -> AsyncIterator[tuple[str, str]]:
    """Every blob and rendition on record that is not stored with its length and hash: what is wrong with it, and its name."""
    last = ""
    while True:
        async with database.read() as repositories:
            page = await repositories.blobs.after(last, _PAGE)
            renditions = await repositories.blobs.renditions_of([sha256 for sha256, _ in page])
        if not page:
            return
        wanted = [(blob_names.original(sha256), size, None if quick else sha256) for sha256, size in page]
        for name, size, sha256 in [*wanted, *((rendition.name, rendition.size, None) for rendition in renditions)]:
            trouble = await _judge(blobs, name, size, sha256)
            if trouble and await _is_on_record(database, name):
                yield trouble, name
        last = page[-1][0]


async def untold(database: Database, now: int) -> AsyncIterator[tuple[Event, Watcher]]:
    """Every event of the last day that was not queued for a webhook which has wanted it all the while."""
    async with database.read() as repositories:
        watchers = await repositories.verification.watchers()
    for project_id in sorted({watcher.project_id for watcher in watchers}):
        async with database.read() as repositories:
            position = await repositories.events.before(project_id, now - _REMEMBERED)
        while True:
            async with database.read() as repositories:
                found = (await repositories.events.after(project_id, position, _PAGE)).events
            if not found:
                break
            for watcher in watchers:
                if watcher.project_id == project_id:
                    for event in await _missed(database, watcher, found):
                        yield event, watcher
            last = found[-1].position
            assert last is not None
            position = last


async def _missed(database: Database, watcher: Watcher, events: Sequence[Event]) -> list[Event]:
    wanted = [event for event in events if event.created_at > watcher.since and (not watcher.events or event.type.value in watcher.events)]
    if not wanted:
        return []
    async with database.read() as repositories:
        if watcher.kind is WebhookKind.CALLBACKS:  # a task keeps its address until its end was queued, a failed one for a retry too
            calling = await repositories.verification.calling_back([event.task_id for event in wanted if event.task_id is not None])
            wanted = [event for event in wanted if event.task_id in calling]
        told = await repositories.verification.told(watcher.id, sorted({subject_of(event) for event in wanted}))
    return [event for event in wanted if message_id(event) not in told]


async def _verify_rows(database: Database, now: int) -> list[Breach]:
    async with database.read() as repositories:
        asked = repositories.verification
        damage = await asked.damage()
        if damage:  # whatever is read from such a file may be wrong
            return [Breach(promise=f"the database file is damaged: {damage[0]}", count=len(damage))]
        broken = await asked.broken() | await asked.broken_at(now)
        return [
            Breach(promise=promise, count=count, examples=tuple(await asked.examples(promise, now, _SHOWN)))
            for promise, count in broken.items()
            if count
        ]


async def _verify_trail(database: Database) -> list[Breach]:
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
                where = f"entry number {entry.sequence} ({entry.id}) {trouble}"
                return [Breach(promise=f"the chain of the audit trail is broken: {where}", count=1)]
            previous = entry


async def _is_on_record(database: Database, name: str) -> bool:
    """Whether the bytes still are what they were on the page: what was swept or erased while others were read is no breach."""
    sha256 = blob_names.hash_in(name) or ""
    async with database.read() as repositories:
        if name.startswith(blob_names.RENDITIONS):
            return name in {rendition.name for rendition in await repositories.blobs.renditions_of([sha256])}
        return sha256 in dict(await repositories.blobs.after(sha256[:-1], _SIBLINGS))


async def _judge(blobs: BlobStore, name: str, size: int, sha256: str | None) -> str:
    """What is wrong with stored bytes; empty if nothing is."""
    try:
        if await blobs.size(name) != size:
            return CUT
        if sha256 is None:
            return ""
        digest = hashlib.sha256()
        async for piece in blobs.read(name, 0, size):
            digest.update(piece)
    except BlobNotFound:
        return LOST
    return "" if digest.hexdigest() == sha256 else CHANGED


async def _verify_store(database: Database, blobs: BlobStore, now: int) -> list[Breach]:
    """Every stored blob, rendition and uploaded part is needed, once the sweeper's grace is over."""
    found: list[tuple[str, str]] = []
    for prefix in (blob_names.ORIGINALS, blob_names.RENDITIONS, blob_names.INCOMING):
        page: list[str] = []
        async for blob in blobs.list(prefix):
            if blob.written_at * MICRO < now - 2 * GRACE:
                page.append(blob.name)
            if len(page) == _PAGE:
                found += await _needless(database, prefix, page)
                page = []
        found += await _needless(database, prefix, page)
    return _gathered(found)


async def _needless(database: Database, prefix: str, names: list[str]) -> list[tuple[str, str]]:
    if not names:
        return []
    if prefix == blob_names.INCOMING:
        async with database.read() as repositories:
            needed = await repositories.uploads.needed(sorted({blob_names.upload_of(name) for name in names}))
        return [("an uploaded part that nothing needs", name) for name in names if blob_names.upload_of(name) not in needed]
    hashes = {name: blob_names.hash_in(name) for name in names}
    async with database.read() as repositories:
        referenced = await repositories.blobs.referenced(sorted({sha256 for sha256 in hashes.values() if sha256 is not None}))
    orphan = "a stored blob that nothing refers to" if prefix == blob_names.ORIGINALS else "a stored rendition without an original"
    strays = [("a stored file that is no blob of this service", name) for name, sha256 in hashes.items() if sha256 is None]
    return strays + [(orphan, name) for name, sha256 in hashes.items() if sha256 is not None and sha256 not in referenced]


def _gathered(found: Sequence[tuple[str, str]]) -> list[Breach]:
    """What was found one by one, by promise."""
    names: dict[str, list[str]] = {}
    for promise, name in found:
        names.setdefault(promise, []).append(name)
    return [
        Breach(promise=promise, count=len(several), examples=tuple(sorted(several)[:_SHOWN])) for promise, several in sorted(names.items())
    ]
