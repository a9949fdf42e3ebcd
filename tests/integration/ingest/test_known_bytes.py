"""The same bytes again: measured once within a project, judged anew each time, and nothing learnt of what others hold."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain import blob_names
from spark_assets.domain.asset import Asset, AssetStatus
from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.media import AssetType, MediaFacts, MediaFormat
from spark_assets.domain.policy import ARK, Range
from spark_assets.domain.task import Claim
from spark_assets.ingest import pipeline
from spark_assets.ingest.pipeline import ingest
from spark_assets.ingest.state import IngestState, Tools
from spark_assets.media.sandbox import SandboxedInspector
from spark_assets.operations import tasks
from spark_assets.operations.housekeeping import remove_blob
from spark_assets.ports.inspector import Inspection
from spark_assets.ports.moderator import Verdict
from tests.factories import media, records
from tests.factories.erasures import SHA256, broken_promises, delete, erase, make_asset
from tests.factories.moderation import KeptCases
from tests.factories.workshop import PICTURE, PREVIEW, MemorySource, SayingInspector, Workshop

ORIGINAL = blob_names.original(SHA256)


class CountingInspector:
    """A real inspector that counts what it is asked."""

    def __init__(self, inspector: SandboxedInspector) -> None:
        self._inspector = inspector
        self.inspected = 0
        self.drawn = 0

    async def inspect(self, path: Path, found: MediaFormat, preview: Path | None) -> Inspection:
        """Count and measure."""
        self.inspected += 1
        return await self._inspector.inspect(path, found, preview)

    async def preview(self, path: Path, found: MediaFormat, preview: Path) -> bool:
        """Count and draw."""
        self.drawn += 1
        return await self._inspector.preview(path, found, preview)

    async def close(self) -> None:
        """End the children."""
        await self._inspector.close()


async def _claimed(workshop: Workshop, **changes: Any) -> tuple[Claim, Asset]:
    async with workshop.database.begin() as uow:
        _, task = await records.add_asset(uow, **changes)
        claimed = await tasks.claim(uow, task.id)
        await uow.commit()
    assert claimed is not None
    return claimed


async def _ingest(workshop: Workshop, tools: Tools, **changes: Any) -> Asset:
    claim, asset = await _claimed(workshop, **changes)
    assert await ingest(claim, asset, tools)
    assert [path.name for path in workshop.spool.iterdir() if not path.name.endswith(".preview")] == []
    async with workshop.database.read() as repositories:
        return await records.find_asset(repositories, asset.id)


async def _other_project(workshop: Workshop) -> str:
    async with workshop.database.begin() as uow:
        other = records.project()
        await uow.projects.add(other)
        await uow.commit()
    return other.id


async def test_equal_bytes_are_measured_once_in_a_project_and_once_more_in_another(workshop: Workshop, tmp_path: Path) -> None:
    inspector = CountingInspector(SandboxedInspector(workshop.spool, workers=1))
    picture = media.make_jpeg(tmp_path / "hero.jpg", 640, 480).read_bytes()
    tools = replace(workshop.tools(MemorySource(content=picture)), inspector=inspector)
    first = await _ingest(workshop, tools)
    again = await _ingest(workshop, tools)
    assert inspector.inspected == 1
    elsewhere = await _ingest(workshop, tools, project_id=await _other_project(workshop))
    assert (inspector.inspected, inspector.drawn) == (2, 0)
    await inspector.close()
    for other in (again, elsewhere):
        assert (other.sha256, other.size, other.facts, other.status) == (first.sha256, first.size, first.facts, AssetStatus.ACTIVE)
    assert first.facts == MediaFacts(format=MediaFormat.JPEG, width=640, height=480, frame_count=1)
    assert len([blob async for blob in workshop.blobs.list("originals/")]) == 1
    async with workshop.database.read() as repositories:
        assert set((await repositories.verification.broken()).values()) == {0}


async def test_bytes_in_the_trash_are_known_as_long_as_they_are_there(workshop: Workshop) -> None:
    _, asset_id = await make_asset(workshop)
    await delete(workshop, asset_id)
    inspector = SayingInspector()
    await _ingest(workshop, workshop.tools(inspector=inspector))
    assert inspector.steps.count == 0


async def test_erased_bytes_are_measured_and_stored_anew(workshop: Workshop) -> None:
    _, asset_id = await make_asset(workshop)
    await erase(workshop, asset_ids=(asset_id,))
    workshop.clock.time += 1
    inspector = SayingInspector()
    await _ingest(workshop, workshop.tools(inspector=inspector))
    assert inspector.steps.count == 1
    assert await broken_promises(workshop) == []


async def test_a_failed_asset_makes_nothing_known(workshop: Workshop) -> None:
    claim, asset = await _claimed(workshop)
    with pytest.raises(IngestFailure):
        await ingest(claim, asset, workshop.tools(moderator=KeptCases(Verdict("no"))))
    inspector = SayingInspector()
    await _ingest(workshop, workshop.tools(inspector=inspector))
    assert inspector.steps.count == 1


async def test_a_policy_that_has_changed_meanwhile_refuses_what_it_had_accepted(workshop: Workshop) -> None:
    await make_asset(workshop)
    stricter = replace(ARK, image=replace(ARK.image, width=Range(low=1000)))
    claim, asset = await _claimed(workshop)
    with pytest.raises(IngestFailure, match="WidthTooSmall"):
        await ingest(claim, asset, replace(workshop.tools(), policy=stricter))
    assert list(workshop.spool.iterdir()) == []


async def test_the_type_that_is_asked_for_is_held_against_the_known_format(workshop: Workshop) -> None:
    await make_asset(workshop)
    claim, asset = await _claimed(workshop, type=AssetType.VIDEO)
    with pytest.raises(IngestFailure, match="TypeMismatch"):
        await ingest(claim, asset, workshop.tools())


async def test_the_moderator_is_asked_again_and_sees_the_rendition_that_is_stored(workshop: Workshop) -> None:
    await make_asset(workshop)
    inspector, moderator = SayingInspector(), KeptCases()
    asset = await _ingest(workshop, workshop.tools(inspector=inspector, moderator=moderator))
    assert [(case.asset_id, case.facts, case.rendition) for case in moderator.cases] == [(asset.id, records.PICTURE, PREVIEW)]
    assert inspector.steps.count == 0
    claim, refused = await _claimed(workshop)
    with pytest.raises(IngestFailure, match="ContentRestricted"):
        await ingest(claim, refused, workshop.tools(moderator=KeptCases(Verdict("no more"))))


async def test_without_a_stored_rendition_one_is_drawn_for_the_moderator(workshop: Workshop) -> None:
    await make_asset(workshop, renders=False)
    inspector, moderator = SayingInspector(), KeptCases()
    await _ingest(workshop, workshop.tools(inspector=inspector, moderator=moderator))
    assert [case.rendition for case in moderator.cases] == [PREVIEW]
    assert inspector.steps.count == 1


async def test_known_bytes_that_a_disk_has_lost_are_stored_anew(workshop: Workshop) -> None:
    await make_asset(workshop)
    path = workshop.blobs.local_path(ORIGINAL)
    assert path is not None
    path.unlink()
    await _ingest(workshop, workshop.tools())
    assert path.read_bytes() == PICTURE
    assert await broken_promises(workshop) == []


async def test_bytes_erased_between_the_last_look_and_the_activation_are_stored_from_the_file_at_hand(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:

    _, asset_id = await make_asset(workshop)

    async def erase_meanwhile(state: IngestState, tools: Tools) -> IngestState:
        assert state.shares_bytes
        await erase(workshop, asset_ids=(asset_id,))
        assert await workshop_has_none(workshop)
        workshop.clock.time += 1
        return state

    *before, last = pipeline.STATIONS
    monkeypatch.setattr(pipeline, "STATIONS", (*before, erase_meanwhile, last))
    inspector = SayingInspector()
    asset = await _ingest(workshop, workshop.tools(inspector=inspector))
    assert (asset.status, asset.sha256, inspector.steps.count) == (AssetStatus.ACTIVE, SHA256, 0)
    assert await workshop.blobs.size(ORIGINAL) == len(PICTURE)
    assert await broken_promises(workshop) == []


async def workshop_has_none(workshop: Workshop) -> bool:
    """Whether no original is stored."""
    return [blob async for blob in workshop.blobs.list("originals/")] == []


async def test_ingests_sweeps_and_erasures_at_once_leave_no_asset_without_its_bytes(workshop: Workshop) -> None:
    for _ in range(5):
        _, asset_id = await make_asset(workshop)
        claimed = [await _claimed(workshop) for _ in range(6)]

        async def attempt(claim: Claim, asset: Asset) -> None:
            workshop.clock.time += 1
            try:
                await ingest(claim, asset, workshop.tools())
            except Exception as error:  # the worker would try again
                assert "swept" in str(error)  # noqa: PT017

        await asyncio.gather(
            *(attempt(*one) for one in claimed),
            erase(workshop, asset_ids=(asset_id,)),
            remove_blob(SHA256, workshop.database, workshop.blobs, workshop.clock),
        )
        async with workshop.database.read() as repositories:
            broken = await repositories.verification.broken()
        assert not broken["an active asset without its bytes on record"]
        workshop.clock.time += 1
    assert [sentence for sentence in await broken_promises(workshop) if "bytes" in sentence] == []
