"""What housekeeping sweeps, what it leaves alone, and what happens to an ingest that meets a sweep."""

import os
from collections.abc import Awaitable
from pathlib import Path

import pytest
from msgspec.structs import replace

from spark_assets.domain import blob_names
from spark_assets.domain.asset import Variant
from spark_assets.domain.errors import TransientFailure, Unavailable
from spark_assets.domain.parameters import CREATE_GROUP, GET_ASSET
from spark_assets.domain.retention import Retention
from spark_assets.domain.task import TaskStatus
from spark_assets.ingest.pipeline import ingest
from spark_assets.operations import tasks
from spark_assets.operations.housekeeping import (
    GRACE,
    STEP,
    drop_old_rows,
    requeue_unfinished,
    sweep_blobs,
    sweep_spool,
)
from spark_assets.operations.verification import verify
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.ports.queue import JobKind
from spark_assets.ports.repositories import Rendition
from spark_assets.storage.local import LocalBlobStore
from tests.factories import records
from tests.factories.databases import KeptJobs, open_sqlite
from tests.factories.records import NOW, SECOND
from tests.factories.workshop import PICTURE, SayingInspector, Workshop

KEPT = Retention()
SHA256 = records.sha256_of(PICTURE)
ORIGINAL = blob_names.original(SHA256)
THUMBNAIL = blob_names.rendition(SHA256, "thumbnail", "jpg")


async def _put(workshop: Workshop, name: str = ORIGINAL, *, written_at: int = NOW) -> None:
    """Store a file as if it had been written at that time."""
    file = workshop.spool / "incoming"
    file.write_bytes(PICTURE)
    await workshop.blobs.put(file, name, "image/jpeg")
    path = workshop.blobs.local_path(name)
    assert path is not None
    os.utime(path, (written_at / SECOND, written_at / SECOND))


async def _exists(workshop: Workshop, name: str = ORIGINAL) -> bool:
    try:
        return await workshop.blobs.size(name) == len(PICTURE)
    except BlobNotFound:
        return False


async def _ingest(workshop: Workshop, inspector: SayingInspector | None = None) -> None:
    """One attempt of a new task."""
    task_id, _ = await workshop.submit()
    async with workshop.database.begin() as uow:
        claimed = await tasks.claim(uow, task_id)
        await uow.commit()
    assert claimed is not None
    await ingest(*claimed, workshop.tools(inspector=inspector))


async def _sweep(workshop: Workshop) -> int:
    return await sweep_blobs(workshop.database, workshop.blobs, workshop.clock)


async def test_bytes_that_nothing_refers_to_are_swept_only_after_the_grace(workshop: Workshop) -> None:
    await _put(workshop)
    await _put(workshop, THUMBNAIL)
    workshop.clock.time = NOW + GRACE
    assert await _sweep(workshop) == 0
    assert await _exists(workshop)
    workshop.clock.time = NOW + GRACE + SECOND
    assert await _sweep(workshop) == 1
    assert not await _exists(workshop)
    assert not await _exists(workshop, THUMBNAIL)
    assert await _sweep(workshop) == 0


async def test_bytes_that_an_asset_refers_to_are_never_swept(workshop: Workshop) -> None:
    await _ingest(workshop)
    path = workshop.blobs.local_path(ORIGINAL)
    assert path is not None
    os.utime(path, (0, 0))
    workshop.clock.time = NOW + 1000 * GRACE
    assert await _sweep(workshop) == 0
    assert await _exists(workshop)
    assert await verify(workshop.database, workshop.blobs, workshop.spool, workshop.clock.time) == []


async def test_an_ingest_that_renews_bytes_keeps_them_from_the_sweeper(workshop: Workshop) -> None:
    await _put(workshop)
    workshop.clock.time = NOW + GRACE + SECOND
    await _put(workshop, written_at=workshop.clock.time)
    assert await _sweep(workshop) == 0
    assert await _exists(workshop)


async def test_an_ingest_whose_bytes_are_swept_before_it_refers_to_them_learns_it_and_stores_them_anew(workshop: Workshop) -> None:
    class SweptMeanwhile(LocalBlobStore):
        sweeps = 1

        async def put(self, path: Path, name: str, media_type: str, prepared: Awaitable[bool] | None = None) -> None:
            await super().put(path, name, media_type, prepared)
            stored = self.local_path(name)
            assert stored is not None
            if SweptMeanwhile.sweeps:
                SweptMeanwhile.sweeps -= 1
                os.utime(stored, (0, 0))
                await _sweep(workshop)

    workshop.blobs = SweptMeanwhile(workshop.spool.parent / "blobs")
    with pytest.raises(Unavailable):
        await _ingest(workshop)
    assert not await _exists(workshop)
    workshop.clock.time += SECOND
    await _ingest(workshop)
    assert await _exists(workshop)
    assert await verify(workshop.database, workshop.blobs, workshop.spool, workshop.clock.time) == []


async def test_bytes_stored_while_a_long_sweep_is_under_way_are_not_taken_for_stored_after_it(workshop: Workshop) -> None:
    """The sweep began long ago; the bytes were stored since, and then swept: the mark must tell that."""
    await _put(workshop, written_at=NOW)
    began, stored_at = NOW + GRACE + SECOND, NOW + GRACE + 60 * SECOND
    workshop.clock.time = began

    class Slow(LocalBlobStore):
        async def delete(self, name: str) -> None:
            workshop.clock.time = stored_at + SECOND
            await super().delete(name)

    workshop.blobs = Slow(workshop.spool.parent / "blobs")
    assert await _sweep(workshop) == 1
    async with workshop.database.begin() as uow:
        assert not await uow.blobs.reference(SHA256, size=len(PICTURE), stored_at=stored_at)
        assert await uow.blobs.reference(SHA256, size=len(PICTURE), stored_at=stored_at + 2 * SECOND)


@pytest.mark.parametrize("broken_at", [THUMBNAIL, ORIGINAL], ids=["before anything was removed", "before the original was removed"])
async def test_a_sweep_that_was_broken_off_is_done_again_after_the_grace_and_the_bytes_are_welcome_again(
    workshop: Workshop, broken_at: str
) -> None:
    class Breaking(LocalBlobStore):
        async def delete(self, name: str) -> None:
            if name == broken_at:
                raise Unavailable
            await super().delete(name)

    await _put(workshop)
    await _put(workshop, THUMBNAIL)
    async with workshop.database.begin() as uow:
        await uow.blobs.reference(SHA256, size=len(PICTURE), stored_at=NOW)
        await uow.blobs.add_rendition(Rendition(SHA256, Variant.THUMBNAIL, THUMBNAIL, len(PICTURE), "image/jpeg"))
        await uow.commit()
    whole = workshop.blobs
    workshop.blobs = Breaking(workshop.spool.parent / "blobs")
    workshop.clock.time = NOW + GRACE + SECOND
    with pytest.raises(Unavailable):
        await _sweep(workshop)
    workshop.blobs = whole
    workshop.clock.time += GRACE + SECOND
    await _sweep(workshop)
    await _sweep(workshop)
    assert not await _exists(workshop)
    assert not await _exists(workshop, THUMBNAIL)
    async with workshop.database.read() as repositories:
        assert await repositories.blobs.rendition(SHA256, Variant.THUMBNAIL) is None
    workshop.clock.time += SECOND
    await _ingest(workshop)
    assert await verify(workshop.database, workshop.blobs, workshop.spool, workshop.clock.time) == []


async def test_marks_are_forgotten_after_the_grace(workshop: Workshop) -> None:
    await _put(workshop)
    workshop.clock.time = NOW + GRACE + SECOND
    await _sweep(workshop)
    workshop.clock.time += GRACE + SECOND
    await _sweep(workshop)
    async with workshop.database.begin() as uow:
        assert await uow.blobs.reference(SHA256, size=1, stored_at=NOW)


async def _fail(workshop: Workshop, at: int) -> str:
    task_id, _ = await workshop.submit()
    async with workshop.database.begin() as uow:
        claimed = await tasks.claim(uow, task_id)
        assert claimed is not None
        await tasks.fail(uow, claimed[0], TransientFailure("MediaCorrupt", "broken"), at)
        await uow.commit()
    return task_id


async def test_sources_of_failed_tasks_are_kept_for_a_retry_and_then_forgotten(workshop: Workshop) -> None:
    for at in (NOW, NOW, NOW + 2 * SECOND):
        await _fail(workshop, at)
    task_id, _ = await workshop.submit()
    await drop_old_rows(workshop.database, NOW + KEPT.sources, KEPT)
    async with workshop.database.begin() as uow:
        assert await uow.tasks.drop_sources(NOW + SECOND, 10) == 2
    await drop_old_rows(workshop.database, NOW + KEPT.sources + SECOND, KEPT)
    async with workshop.database.begin() as uow:
        assert await uow.tasks.drop_sources(NOW + SECOND, 10) == 0
        assert await uow.tasks.drop_sources(NOW + 10 * SECOND, 10) == 1
        claim = await uow.tasks.claim(task_id)
    assert claim is not None
    assert claim.url == records.URL


async def test_tasks_of_readings_are_kept_for_a_day_and_all_others_stay(workshop: Workshop) -> None:
    status = TaskStatus.COMPLETED
    reading, making = (
        records.task(model=model, status=status, completed_at=NOW, result="{}") for model in (GET_ASSET.model, CREATE_GROUP.model)
    )
    fresh = replace(reading, id=f"{reading.id[:-1]}x", created_at=NOW + 2 * SECOND)
    async with workshop.database.begin() as uow:
        for task in (reading, making, fresh):
            await uow.tasks.add(task)
        await uow.commit()
    failed = await _fail(workshop, NOW)
    await drop_old_rows(workshop.database, NOW + KEPT.readings, KEPT)
    async with workshop.database.read() as repositories:
        assert await repositories.tasks.get(reading.id) == reading
        await drop_old_rows(workshop.database, NOW + KEPT.readings + SECOND, KEPT)
        assert await repositories.tasks.get(reading.id) is None
        assert await repositories.tasks.get(making.id) == making
        assert await repositories.tasks.get(fresh.id) == fresh
        assert await repositories.tasks.get(failed) is not None


async def test_more_rows_than_a_step_are_dropped_in_several(workshop: Workshop) -> None:
    async with workshop.database.begin() as uow:
        for _ in range(STEP + 5):
            await uow.tasks.add(records.task(model=GET_ASSET.model, status=TaskStatus.COMPLETED, completed_at=NOW, result="{}"))
        await uow.commit()
    await drop_old_rows(workshop.database, NOW + KEPT.readings + SECOND, KEPT)
    async with workshop.database.begin() as uow:
        assert await uow.tasks.drop_finished([GET_ASSET.model], NOW + SECOND, 10) == 0


async def test_spool_files_are_swept_after_the_grace_and_folders_never(workshop: Workshop) -> None:
    (workshop.spool / "child").mkdir()
    for name, age in (("old", GRACE + SECOND), ("fresh", GRACE - SECOND), ("child", 2 * GRACE)):
        path = workshop.spool / name
        if name != "child":
            path.write_bytes(b"x")
        os.utime(path, ((NOW - age) / SECOND,) * 2)
    assert await verify(workshop.database, workshop.blobs, workshop.spool, NOW) == ["1 x a spool file older than the grace"]
    sweep_spool(workshop.spool, NOW)
    assert sorted(path.name for path in workshop.spool.iterdir()) == ["child", "fresh"]
    assert await verify(workshop.database, workshop.blobs, workshop.spool, NOW) == []


async def test_at_a_start_every_unfinished_task_is_enqueued_again_and_no_other(tmp_path: Path) -> None:
    kept = KeptJobs()
    async with open_sqlite(tmp_path / "library.db") as database:
        async with database.begin() as uow:
            open_tasks = [(await records.add_asset(uow))[1].id for _ in range(STEP + 3)]
            await uow.commit()
        async with database.begin() as uow:
            claimed = await tasks.claim(uow, open_tasks[0])
            assert claimed is not None
            await tasks.fail(uow, claimed[0], TransientFailure("MediaCorrupt", "broken"), NOW)
            await uow.commit()
        await requeue_unfinished(database, kept)
    assert [job.subject for job in kept.jobs] == sorted(open_tasks[1:])
    assert {job.kind for job in kept.jobs} == {JobKind.INGEST}


async def test_a_rendition_that_is_still_to_be_made_is_enqueued_again(workshop: Workshop, kept: KeptJobs) -> None:
    await _ingest(workshop, SayingInspector(has_preview=False))
    (derive,) = kept.jobs
    kept.jobs.clear()
    await requeue_unfinished(workshop.database, kept)
    assert kept.jobs == [derive]
    assert derive.kind is JobKind.DERIVE
    async with workshop.database.begin() as uow:
        await uow.assets.settle_rendition(derive.subject)
        await uow.commit()
    kept.jobs.clear()
    await requeue_unfinished(workshop.database, kept)
    assert kept.jobs == []


async def test_verification_names_each_broken_promise(workshop: Workshop) -> None:
    await _ingest(workshop)
    await _put(workshop, blob_names.original("ab" * 32), written_at=NOW - 10 * GRACE)
    path = workshop.blobs.local_path(ORIGINAL)
    assert path is not None
    path.write_bytes(b"short")
    broken = await verify(workshop.database, workshop.blobs, workshop.spool, NOW)
    assert "1 x stored bytes of another length than recorded" in broken
    assert "1 x a stored blob that nothing refers to" in broken
    path.write_bytes(bytes(reversed(PICTURE)))
    changed = "1 x stored bytes with another hash than their name says"
    assert changed in await verify(workshop.database, workshop.blobs, workshop.spool, NOW)
    assert changed not in await verify(workshop.database, workshop.blobs, workshop.spool, NOW, quick=True)
    path.unlink()
    assert "1 x bytes on record that are not stored" in await verify(workshop.database, workshop.blobs, workshop.spool, NOW)
