"""An ingest whose task has ended otherwise: it stops at its next write of progress, or ends in nothing."""

import asyncio
import itertools
from pathlib import Path

import pytest

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.task import TaskStatus
from spark_assets.ingest import progress as progress_module
from spark_assets.ingest.pipeline import ingest
from spark_assets.operations import control, trash
from spark_assets.ports.source import Download, Progress
from tests.factories import records
from tests.factories.workshop import MemorySource, Workshop
from tests.integration.ingest.test_pipeline import _claimed


class DrippingSource(MemorySource):
    """A source that sends, and never comes to an end."""

    async def fetch(self, url: str, spool: Path, *, largest: int, progress: Progress) -> Download:
        """A byte at a time."""
        spool.write_bytes(self.content[:1])
        self.fetching.set()
        for received in itertools.count(1):
            progress(received, None)
            await asyncio.sleep(0.001)
        raise AssertionError


async def _cancel(workshop: Workshop, task_id: str) -> None:
    async with workshop.database.begin() as uow:
        await control.cancel(uow, records.call(), task_id)
        await uow.commit()


async def _assert_nothing_came_of_it(workshop: Workshop, task_id: str, asset_id: str, code: str) -> None:
    async with workshop.database.read() as repositories:
        task = await records.find_task(repositories, task_id)
        assert set((await repositories.verification.broken()).values()) == {0}
        asset = await repositories.assets.get(asset_id, None) or await repositories.assets.trashed(asset_id, None)
    assert asset is not None
    assert task.failure is not None
    assert (task.status, task.failure.code, asset.status) == (TaskStatus.FAILED, code, AssetStatus.FAILED)
    assert list(workshop.spool.iterdir()) == []


async def test_a_download_that_goes_on_is_broken_off_at_the_next_write_of_progress(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0.01)
    claim, asset = await _claimed(workshop)
    source = DrippingSource()
    running = asyncio.create_task(ingest(claim, asset, workshop.tools(source)))
    await source.fetching.wait()
    await _cancel(workshop, claim.task_id)
    async with asyncio.timeout(10):
        assert not await running
    await _assert_nothing_came_of_it(workshop, claim.task_id, asset.id, "Conflict.Cancelled")


async def test_a_download_that_stands_still_is_broken_off_as_soon(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0.01)
    claim, asset = await _claimed(workshop)
    source = MemorySource(asyncio.Event())
    running = asyncio.create_task(ingest(claim, asset, workshop.tools(source)))
    await source.fetching.wait()
    await _cancel(workshop, claim.task_id)
    async with asyncio.timeout(10):
        assert not await running
    await _assert_nothing_came_of_it(workshop, claim.task_id, asset.id, "Conflict.Cancelled")


async def test_a_download_that_stands_still_announces_nothing(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0.01)
    looks = asyncio.Semaphore(0)
    look = progress_module.ProgressReport._look

    async def count(report: progress_module.ProgressReport) -> bool:
        looks.release()
        return await look(report)

    monkeypatch.setattr(progress_module.ProgressReport, "_look", count)
    claim, asset = await _claimed(workshop)
    async with asyncio.timeout(10), workshop.database.watch(claim.task_id) as announced:
        running = asyncio.create_task(ingest(claim, asset, workshop.tools(MemorySource(asyncio.Event()))))
        await announced.wait()  # that it has begun; told once that is on the disk, which may be after the first look
        announced.clear()
        for _ in range(4):
            await looks.acquire()
        assert not announced.is_set()
    running.cancel()
    await asyncio.wait([running])


async def test_an_asset_that_is_deleted_stops_its_ingest_too(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0.01)
    claim, asset = await _claimed(workshop)
    source = DrippingSource()
    running = asyncio.create_task(ingest(claim, asset, workshop.tools(source)))
    await source.fetching.wait()
    async with workshop.database.begin() as uow:
        await trash.delete_assets(uow, [asset.id], records.NOW)
        await uow.commit()
    async with asyncio.timeout(10):
        assert not await running
    await _assert_nothing_came_of_it(workshop, claim.task_id, asset.id, "Conflict.Deleted")


async def test_an_ingest_that_is_too_quick_to_notice_ends_in_nothing(workshop: Workshop) -> None:
    claim, asset = await _claimed(workshop)

    async def cancel_meanwhile() -> None:
        await _cancel(workshop, claim.task_id)

    assert not await ingest(claim, asset, workshop.tools(MemorySource(cancel_meanwhile)))
    await _assert_nothing_came_of_it(workshop, claim.task_id, asset.id, "Conflict.Cancelled")
    async with workshop.database.read() as repositories:
        assert await repositories.blobs.after("", 9) == []


async def test_being_cancelled_from_outside_is_still_that(workshop: Workshop) -> None:
    claim, asset = await _claimed(workshop)
    source = MemorySource(asyncio.Event())
    running = asyncio.create_task(ingest(claim, asset, workshop.tools(source)))
    await source.fetching.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
