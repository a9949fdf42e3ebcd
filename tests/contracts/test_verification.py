"""Each promise is broken by hand, on both databases: `doctor --verify` says so, and `doctor --repair` puts right what it may."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError

from spark_assets.db.administration_tables import quotas
from spark_assets.db.event_tables import deliveries, events, uploads
from spark_assets.db.faults import Clash
from spark_assets.db.postgres import PostgresDatabase
from spark_assets.db.sqlite import SqliteDatabase
from spark_assets.db.tables import assets, blobs, tasks, usage
from spark_assets.domain import blob_names
from spark_assets.domain.asset import AssetStatus, Failure, Variant
from spark_assets.domain.erasure import Erased
from spark_assets.domain.listing import Slice
from spark_assets.domain.quota import Allowance
from spark_assets.domain.task import TaskStatus
from spark_assets.domain.upload import Upload, UploadKind, UploadStatus
from spark_assets.domain.usage import DAY
from spark_assets.domain.webhook import Secret, Webhook, WebhookKind, new_webhook_secret
from spark_assets.ingest.derive import derive
from spark_assets.ingest.pipeline import ingest
from spark_assets.operations import quotas as quota_operations
from spark_assets.operations import tasks as task_operations
from spark_assets.operations import webhooks as webhook_operations
from spark_assets.operations.erased_blobs import Library as Erasing
from spark_assets.operations.erasure_record import put_entry
from spark_assets.operations.housekeeping import GRACE
from spark_assets.operations.repair import Library, repair
from spark_assets.operations.verification import find_breaches
from spark_assets.ports.queue import JobKind
from spark_assets.ports.unit_of_work import Database
from spark_assets.queue.memory_queue import MemoryQueue
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND
from tests.factories.workshop import PICTURE, MemorySource, Workshop

SHA256 = records.sha256_of(PICTURE)
ORIGINAL = blob_names.original(SHA256)
ORPHAN = records.sha256_of(b"nobody's")


class Shop(NamedTuple):
    """A workshop with an asset that is active, and one that was refused."""

    workshop: Workshop
    queue: MemoryQueue
    active: tuple[str, str]
    """The IDs of its task and of itself."""
    failed: tuple[str, str]

    async def broken(self) -> dict[str, int]:
        """What `doctor --verify` finds, by promise."""
        workshop = self.workshop
        found = await find_breaches(workshop.database, workshop.blobs, workshop.spool, workshop.clock.time)
        return {breach.promise: breach.count for breach in found}

    async def repaired(self) -> dict[str, int]:
        """What `doctor --repair` does."""
        workshop = self.workshop
        done = await repair(Library(workshop.database, workshop.blobs, self.queue, workshop.spool, workshop.clock))
        return {one.what: one.count for one in done}

    async def tamper(self, statement: Any) -> None:
        """Change rows as someone would who has the database and not the service."""
        database = self.workshop.database
        if isinstance(database, PostgresDatabase):
            await database.run(statement)
            return
        assert isinstance(database, SqliteDatabase)
        async with database.begin() as uow:
            await uow.tasks._connection.run(statement)  # past the port, on purpose
            await uow.commit()

    async def task(self, task_id: str, **changes: Any) -> None:
        """Change the row of a task."""
        await self.tamper(update(tasks).where(tasks.c.id == task_id).values(**changes))

    async def asset(self, asset_id: str, **changes: Any) -> None:
        """Change the row of an asset."""
        await self.tamper(update(assets).where(assets.c.id == asset_id).values(**changes))


async def _end(workshop: Workshop, failure: Failure | None = None) -> tuple[str, str]:
    """A new task and its asset, completed with its rendition, or failed."""
    task_id, asset_id = await workshop.submit()
    async with workshop.database.begin() as uow:
        claimed = await task_operations.claim(uow, task_id)
        await uow.commit()
    assert claimed is not None
    if failure is None:
        await ingest(*claimed, workshop.tools())
        await derive(asset_id, workshop.tools())
        await workshop.settle()
        return task_id, asset_id
    async with workshop.database.begin() as uow:
        error = task_operations.IngestFailure(failure.code, failure.message)
        await task_operations.fail(uow, claimed[0], error, workshop.clock.time)
        await uow.commit()
    return task_id, asset_id


@pytest.fixture
async def shop(database: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    workshop = Workshop(tmp_path, database)
    active = await _end(workshop)
    failed = await _end(workshop, Failure("MediaCorrupt", "broken"))
    yield Shop(workshop, MemoryQueue(), active, failed)
    await workshop.blobs.close()


def _file(shop: Shop, name: str = ORIGINAL) -> Path:
    path = shop.workshop.blobs.local_path(name)
    assert path is not None
    return path


async def _put(shop: Shop, name: str, *, age: int) -> None:
    """Store a file of that age (microseconds)."""
    file = shop.workshop.spool / "made"
    file.write_bytes(b"nobody's")
    await shop.workshop.blobs.put(file, name, "image/jpeg")
    os.utime(_file(shop, name), ((shop.workshop.clock.time - age) / SECOND,) * 2)


async def test_a_library_without_faults_has_nothing_to_find_and_nothing_to_repair(shop: Shop) -> None:
    assert await shop.broken() == {}
    assert await shop.repaired() == {}


# 1. Every acknowledged ID exists and ends.


async def test_a_task_whose_asset_is_gone_is_found_and_ends(shop: Shop) -> None:
    task_id, asset_id = await shop.workshop.submit()
    await shop.tamper(delete(assets).where(assets.c.id == asset_id))
    assert (await shop.broken()).keys() == {"a task whose asset does not exist", "an ended asset whose task is still in progress"}
    assert await shop.repaired() == {"a task in progress that nothing could complete any more has failed": 1}
    async with shop.workshop.database.read() as repositories:
        task = await records.find_task(repositories, task_id)
    assert task.failure is not None
    assert (task.status, task.failure.code) == (TaskStatus.FAILED, "Conflict.Deleted")
    assert await shop.broken() == {"a task whose asset does not exist": 1, "a failed task whose asset has not failed": 1}


async def test_a_task_whose_asset_is_in_the_trash_is_found_and_ends_with_it(shop: Shop) -> None:
    task_id, asset_id = await shop.workshop.submit()
    await shop.asset(asset_id, deleted_at=NOW)
    assert await shop.broken() == {"a task in progress whose asset is in the trash": 1}
    assert await shop.repaired() == {"a task in progress that nothing could complete any more has failed": 1}
    assert await shop.broken() == {}
    async with shop.workshop.database.read() as repositories:
        assert (await records.find_task(repositories, task_id)).status is TaskStatus.FAILED


async def test_an_asset_that_no_task_works_on_is_found_and_fails(shop: Shop) -> None:
    task_id, asset_id = await shop.workshop.submit()
    await shop.tamper(delete(tasks).where(tasks.c.id == task_id))
    assert await shop.broken() == {"an asset in processing that no task works on": 1}
    assert await shop.repaired() == {"an asset in processing that no task worked on has failed": 1}
    assert await shop.broken() == {}
    async with shop.workshop.database.read() as repositories:
        assert (await records.find_asset(repositories, asset_id)).status is AssetStatus.FAILED


async def test_tasks_renditions_and_deliveries_whose_jobs_were_lost_are_in_the_queue_again(shop: Shop) -> None:
    await shop.workshop.submit()
    await _webhook(shop, updated_at=NOW)
    await _end(shop.workshop)
    await shop.asset(shop.active[1], rendition_pending=True)
    assert await shop.queue.depth() == 0
    assert await shop.repaired() == {}
    assert await shop.queue.depth() == len(JobKind) + 1, "one task, one rendition, two deliveries"
    await shop.repaired()
    assert await shop.queue.depth() == len(JobKind) + 1, "nothing is queued twice"


# 2. Exactly one result.


async def test_a_failed_asset_whose_task_goes_on_is_found_and_its_task_ends_for_the_same_reason(shop: Shop) -> None:
    task_id, _ = shop.failed
    await shop.task(task_id, status="in_progress", error_code=None, error_message=None, completed_at=None)
    assert await shop.broken() == {"an ended asset whose task is still in progress": 1}
    assert await shop.repaired() == {"a task in progress that nothing could complete any more has failed": 1}
    assert await shop.broken() == {}
    async with shop.workshop.database.read() as repositories:
        task = await records.find_task(repositories, task_id)
    assert task.failure == Failure("InvalidParameter.MediaCorrupt", "broken")


@pytest.mark.parametrize(
    ("is_completed", "changes", "promises"),
    [
        (True, {"error_code": "InternalError"}, {"a task with more than one result"}),
        (False, {"error_code": "Nonsense"}, {"a failed task with a code that nobody knows"}),
        (False, {"attempts": 0}, {"a failed task without its attempts"}),
        (
            False,
            {"status": "completed", "error_code": None},
            {"a completed task whose asset is not active", "a completed task without a line in the ledger"},
        ),
    ],
)
async def test_what_no_crash_can_do_is_found_and_left_as_it_is(
    shop: Shop, is_completed: bool, changes: dict[str, Any], promises: set[str]
) -> None:
    await shop.task((shop.active if is_completed else shop.failed)[0], **changes)
    assert (await shop.broken()).keys() == promises
    await shop.repaired()
    assert promises - (await shop.broken()).keys() <= {"a completed task without a line in the ledger"}


# 3. Zero or one line in the ledger for each task.


async def test_a_line_that_the_ledger_lacks_is_found_and_added_as_the_task_remembers_it(shop: Shop) -> None:
    await shop.tamper(delete(usage).where(usage.c.task_id == shop.active[0]))
    assert await shop.broken() == {"a completed task without a line in the ledger": 1}
    assert await shop.repaired() == {"a completed task has its line in the ledger": 1}
    assert await shop.broken() == {}
    await shop.tamper(update(usage).where(usage.c.task_id == shop.active[0]).values(cost=1))
    assert await shop.broken() == {"a line in the ledger with another amount than its task": 1}
    assert await shop.repaired() == {}, "the ledger is never changed"


async def test_a_line_for_a_task_that_failed_is_found_and_a_second_one_for_a_task_is_impossible(shop: Shop) -> None:
    line = {"project_id": DEFAULT_PROJECT_ID, "key_id": "key-a", "model": "x", "cost": 0, "discount": 0, "created_at": NOW}
    with pytest.raises((IntegrityError, Clash)):
        await shop.tamper(insert(usage).values(task_id=shop.active[0], **line))
    await shop.tamper(insert(usage).values(task_id=shop.failed[0], **line))
    assert await shop.broken() == {"a line in the ledger for a task that did not complete": 1}
    assert await shop.repaired() == {}


# 4. Stored bytes are those that are referred to.


async def test_bytes_that_are_gone_cut_short_or_changed_are_found_and_never_removed(shop: Shop) -> None:
    path = _file(shop)
    for content, promise in (
        (PICTURE[:-1], "stored bytes of another length than recorded"),
        (PICTURE[:-1] + b"\0", "stored bytes with another hash than their name says"),
    ):
        path.write_bytes(content)
        assert await shop.broken() == {promise: 1}
        assert await shop.repaired() == {}
        assert path.read_bytes() == content
    path.unlink()
    assert await shop.broken() == {"bytes on record that are not stored": 1}
    assert await shop.repaired() == {}
    await shop.tamper(update(blobs).values(state="swept"))
    assert await shop.broken() == {"an active asset without its bytes on record": 1}


async def test_bytes_that_nobody_refers_to_are_found_and_removed_after_the_grace_and_a_stray_file_stays(shop: Shop) -> None:
    needless = {
        blob_names.original(ORPHAN): "a stored blob that nothing refers to",
        blob_names.rendition(records.sha256_of(b"another's"), "thumbnail", "jpg"): "a stored rendition without an original",
        blob_names.incoming("upload-x", "part"): "an uploaded part that nothing needs",
    }
    stray = "originals/notes.txt"
    for name in (*needless, stray):
        await _put(shop, name, age=GRACE // 2)
    assert await shop.broken() == {}
    assert await shop.repaired() == {}
    for name in (*needless, stray):
        await _put(shop, name, age=3 * GRACE)
    strays = {"a stored file that is no blob of this service": 1}
    assert await shop.broken() == dict.fromkeys(needless.values(), 1) | strays
    assert await shop.repaired() == {
        "a stored blob or rendition that nothing referred to was removed": 2,
        "an uploaded part that nothing needed was removed": 1,
    }
    assert await shop.broken() == strays
    assert _file(shop, stray).exists()
    assert _file(shop).read_bytes() == PICTURE


async def test_a_rendition_that_is_lost_or_was_never_made_is_made(shop: Shop) -> None:
    _file(shop, blob_names.rendition(SHA256, "thumbnail", "jpg")).unlink()
    assert await shop.broken() == {"bytes on record that are not stored": 1}
    assert await shop.repaired() == {
        "a rendition whose bytes were gone or cut short was forgotten": 1,
        "a rendition that was missing is to be made": 1,
    }
    assert await shop.queue.depth() == 1
    await derive(shop.active[1], shop.workshop.tools(MemorySource()))
    await shop.workshop.settle()
    assert await shop.broken() == {}
    async with shop.workshop.database.read() as repositories:
        assert await repositories.blobs.rendition(SHA256, Variant.THUMBNAIL) is not None
    assert await shop.repaired() == {}


# 5. No old spool file.


async def test_an_asset_that_was_erased_before_the_database_came_back_is_found_and_left_to_the_operator(shop: Shop) -> None:
    _, asset_id = shop.active
    workshop = shop.workshop
    library = Erasing(workshop.database, workshop.blobs, workshop.clock, workshop.spool)
    await put_entry(library, Erased(id="entry", erasure_id="e", erased_at=NOW, asset_ids=(asset_id, "asset-none"), group_ids=("g",)))
    assert await shop.broken() == {"an erased asset that is there again": 1}
    [breach] = await find_breaches(workshop.database, workshop.blobs, workshop.spool, workshop.clock.time)
    assert breach.examples == (asset_id,)
    assert "spark-assets erase --again" in breach.remedy
    assert await shop.repaired() == {}


async def test_an_old_spool_file_is_found_and_removed(shop: Shop) -> None:
    for name, age in (("old", 2 * GRACE), ("fresh", GRACE // 2)):
        file = shop.workshop.spool / name
        file.write_bytes(b"x")
        os.utime(file, ((NOW - age) / SECOND,) * 2)
    assert await shop.broken() == {"a spool file older than the grace": 1}
    assert await shop.repaired() == {"an old spool file was removed": 1}
    assert [file.name for file in shop.workshop.spool.iterdir()] == ["fresh"]
    assert await shop.broken() == {}


# 6. A failed task has a stable code.


async def test_a_failed_task_without_a_code_is_found_and_gets_one(shop: Shop) -> None:
    await shop.task(shop.failed[0], error_code=None, error_message=None)
    assert await shop.broken() == {"a failed task without a code": 1}
    assert await shop.repaired() == {"a failed task without a code has InternalError": 1}
    assert await shop.broken() == {}


# 7. Every event is delivered.


async def _webhook(shop: Shop, **changes: Any) -> Webhook:
    """A webhook that has been there for long."""
    values = {"id": "webhook-a", "project_id": DEFAULT_PROJECT_ID, "kind": WebhookKind.ENDPOINT, "url": "https://example.com/hook"}
    fixed = {"description": "", "events": (), "secrets": (Secret(new_webhook_secret()),), "created_at": NOW - DAY, "updated_at": NOW - DAY}
    webhook = Webhook(**{**values, **fixed, **changes})
    async with shop.workshop.database.begin() as uow:
        await uow.webhooks.add(webhook)
        await uow.commit()
    return webhook


async def test_an_event_that_a_webhook_has_missed_is_found_and_queued_under_the_same_id(shop: Shop) -> None:
    webhook = await _webhook(shop, updated_at=NOW)
    shop.workshop.clock.time = NOW + 600 * SECOND
    await _end(shop.workshop)
    assert await shop.broken() == {}, "what happened before the webhook was changed is not its own"

    async def messages() -> list[str]:
        async with shop.workshop.database.read() as repositories:
            found = await repositories.deliveries.due(webhook.id, shop.workshop.clock.time, 9)
            return sorted([delivery.message_id for name in found if (delivery := await repositories.deliveries.find(name, webhook.id))])

    queued = await messages()
    assert len(queued) == 2
    await shop.tamper(delete(deliveries))
    assert await shop.broken() == {"an event that was not queued for a webhook that wants it": 2}
    assert await shop.repaired() == {"an event was queued for a webhook that had missed it": 2}
    assert await messages() == queued
    assert await shop.broken() == {}


async def test_a_callback_that_was_not_queued_is_found_and_queued_with_its_address(shop: Shop) -> None:
    workshop = shop.workshop
    async with workshop.database.begin() as uow:
        callbacks = await webhook_operations.make_callbacks(uow, DEFAULT_PROJECT_ID, NOW)
        group = records.group()
        await uow.groups.add(group)
        asset = records.asset(group.id, task_id="task-callback")
        await uow.assets.add(asset)
        task = records.task(asset.id, id="task-callback")
        await uow.tasks.add(task, records.URL, "https://example.com/called?job=7")
        await uow.commit()
    workshop.clock.time = NOW + 600 * SECOND
    async with workshop.database.begin() as uow:
        claimed = await task_operations.claim(uow, task.id)
        assert claimed is not None
        await task_operations.fail(uow, claimed[0], task_operations.IngestFailure("MediaCorrupt", "broken"), workshop.clock.time)
        await uow.commit()

    async def queued() -> list[tuple[str, str | None]]:
        async with workshop.database.read() as repositories:
            listed = await repositories.deliveries.page(callbacks.id, None, Slice())
            found = [await repositories.deliveries.waiting(delivery.id) for delivery in listed]
            return [(one[0].message_id, one[1].url) for one in found if one is not None]

    told = await queued()
    assert [url for _, url in told] == ["https://example.com/called?job=7"]
    assert await shop.broken() == {}
    await shop.tamper(delete(deliveries))
    assert await shop.broken() == {"an event that was not queued for a webhook that wants it": 1}
    assert await shop.repaired() == {"an event was queued for a webhook that had missed it": 1}
    assert await queued() == told
    assert await shop.broken() == {}


async def test_an_end_that_was_never_told_of_is_found(shop: Shop) -> None:
    await shop.tamper(delete(events).where(events.c.task_id == shop.failed[0]))
    assert await shop.broken() == {"an ended task that was never told of": 1}


# What is counted, and what the clock has done.


async def test_a_quota_that_counts_wrongly_is_found_and_counted_anew(shop: Shop) -> None:
    async with shop.workshop.database.begin() as uow:
        project = await uow.projects.by_id(DEFAULT_PROJECT_ID)
        assert project is not None
        await quota_operations.set_limits(uow, project, Allowance(assets=9), actor="key-a", now=NOW)
        await uow.commit()
    await shop.tamper(update(quotas).values(assets=7))
    assert await shop.broken() == {"a quota that counts something else than its project holds": 1}
    assert await shop.repaired() == {"a quota was counted anew": 1}
    assert await shop.broken() == {}


async def test_what_was_put_off_or_held_before_the_clock_was_set_back_is_found_and_freed(shop: Shop) -> None:
    workshop = shop.workshop
    webhook = await _webhook(shop, updated_at=NOW)
    workshop.clock.time = NOW + DAY
    await _end(workshop)
    async with workshop.database.begin() as uow:
        upload = Upload(
            id="upload-a", project_id=DEFAULT_PROJECT_ID, key_id="key-a", kind=UploadKind.TUS, status=UploadStatus.OPEN, length=9,
            created_at=NOW + DAY, expires_at=NOW + 2 * DAY,
        )  # fmt: skip
        await uow.uploads.add(upload)
        assert await uow.uploads.hold(upload.id, "one", now=NOW + DAY, until=NOW + DAY + 5 * SECOND)
        await uow.commit()
    workshop.clock.time = NOW
    assert await shop.broken() == {
        "a delivery that is put off for longer than any may be": 2,
        "an upload that is held for longer than any may be": 1,
    }
    assert await shop.repaired() == {"a delivery or an upload that was put off or held for too long is free again": 3}
    assert await shop.broken() == {}
    async with workshop.database.begin() as uow:
        assert len(await uow.deliveries.due(webhook.id, NOW, 9)) == 2
        assert await uow.uploads.hold("upload-a", "two", now=NOW, until=NOW + 5 * SECOND)


async def test_an_upload_that_is_held_from_the_future_can_be_continued_at_once(shop: Shop) -> None:
    async with shop.workshop.database.begin() as uow:
        upload = Upload(
            id="upload-a", project_id=DEFAULT_PROJECT_ID, key_id="key-a", kind=UploadKind.TUS, status=UploadStatus.OPEN, length=9,
            created_at=NOW, expires_at=NOW + DAY,
        )  # fmt: skip
        await uow.uploads.add(upload)
        assert await uow.uploads.hold(upload.id, "one", now=NOW + 3600 * SECOND, until=NOW + 3605 * SECOND)
        assert await uow.uploads.hold(upload.id, "two", now=NOW, until=NOW + 5 * SECOND)
        assert not await uow.uploads.hold(upload.id, "one", now=NOW, until=NOW + 5 * SECOND)
        await uow.commit()
    await shop.tamper(delete(uploads))


async def test_bytes_that_were_swept_while_the_clock_was_ahead_can_be_stored_again(shop: Shop) -> None:
    workshop = shop.workshop
    await _put(shop, blob_names.original(ORPHAN), age=0)
    workshop.clock.time = NOW + DAY
    assert await shop.repaired() == {"a stored blob or rendition that nothing referred to was removed": 1}
    workshop.clock.time = NOW
    async with workshop.database.begin() as uow:
        assert not await uow.blobs.reference(ORPHAN, size=8, stored_at=NOW + SECOND)
    assert await shop.repaired() == {}
    async with workshop.database.begin() as uow:
        assert await uow.blobs.reference(ORPHAN, size=8, stored_at=NOW + SECOND)
