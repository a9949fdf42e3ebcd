"""The station of the moderator: what it is shown, what a refusal does, and that without a verdict nothing is allowed."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain.asset import ModerationStrategy
from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.media import AssetType, MediaFacts, MediaFormat
from spark_assets.domain.task import MAX_ATTEMPTS
from spark_assets.ingest.derive import derive
from spark_assets.ingest.pipeline import ingest
from spark_assets.ingest.state import preview_path
from spark_assets.operations import tasks
from spark_assets.ports.inspector import Inspection
from spark_assets.ports.moderator import NoVerdict, Verdict
from spark_assets.ports.queue import Job, JobKind
from tests.factories import records
from tests.factories.moderation import KeptCases
from tests.factories.workshop import PICTURE, PREVIEW, MemorySource, SayingInspector, Workshop
from tests.integration.ingest.test_pipeline import WAV, _claimed
from tests.integration.worker.test_worker import _failure, _handle_until_over, _worker

SOUND = MediaFacts(format=MediaFormat.WAV, duration=2.0, codec="pcm_s16le")
CRASHED = TransientFailure("InternalError", "the parser crashed", "parser_crashed")


class DrawingInspector(SayingInspector):
    """An inspector that leaves no preview while it measures, and draws one when it is asked to."""

    def __init__(self, *acts: Any, **options: Any) -> None:
        super().__init__(*acts, **options)
        self.drawn = 0

    async def inspect(self, path: Any, found: MediaFormat, preview: Any) -> Inspection:
        """Say the facts."""
        return Inspection(self.facts, False)

    async def preview(self, path: Any, found: MediaFormat, preview: Any) -> bool:
        """Leave a preview."""
        self.drawn += 1
        return await super().preview(path, found, preview)


async def _ingest_sound(workshop: Workshop, inspector: DrawingInspector, moderator: KeptCases) -> tuple[str, bool]:
    async with workshop.database.begin() as uow:
        asset, task = await records.add_asset(uow, type=AssetType.AUDIO)
        await uow.commit()
    async with workshop.database.begin() as uow:
        claimed = await tasks.claim(uow, task.id)
        await uow.commit()
    assert claimed is not None
    return asset.id, await ingest(*claimed, workshop.tools(MemorySource(content=WAV), inspector, moderator))


async def test_the_moderator_sees_the_facts_and_the_preview_that_the_inspection_left(workshop: Workshop) -> None:
    moderator = KeptCases()
    claim, asset = await _claimed(workshop)
    assert await ingest(claim, asset, workshop.tools(moderator=moderator))
    (case,) = moderator.cases
    assert (case.asset_id, case.project_id, case.name, case.type) == (asset.id, asset.project_id, asset.name, asset.type)
    assert (case.size, case.facts, case.rendition) == (len(PICTURE), records.PICTURE, PREVIEW)
    assert preview_path(workshop.spool, asset.id).read_bytes() == PREVIEW


async def test_a_refusal_is_told_to_the_client_and_nothing_is_kept(workshop: Workshop) -> None:
    claim, asset = await _claimed(workshop)
    with pytest.raises(IngestFailure) as refused:
        await ingest(claim, asset, workshop.tools(moderator=KeptCases(Verdict("shows\na weapon"))))
    assert (refused.value.code, refused.value.message, refused.value.reason) == ("ContentRestricted", "shows a weapon", None)
    assert not isinstance(refused.value, TransientFailure)
    assert list(workshop.spool.iterdir()) == []
    assert [blob async for blob in workshop.blobs.list("")] == []


async def test_an_excepted_asset_is_not_shown(workshop: Workshop) -> None:
    moderator = KeptCases(Verdict("no"))
    claim, asset = await _claimed(workshop)
    assert await ingest(claim, replace(asset, moderation=ModerationStrategy.SKIP), workshop.tools(moderator=moderator))
    assert moderator.cases == []


async def test_what_the_policy_refuses_is_not_shown(workshop: Workshop) -> None:
    moderator = KeptCases()
    claim, asset = await _claimed(workshop)
    with pytest.raises(IngestFailure, match="TypeMismatch"):
        await ingest(claim, asset, workshop.tools(MemorySource(content=WAV), moderator=moderator))
    assert moderator.cases == []


async def test_the_waveform_of_a_sound_is_drawn_once_for_the_moderator_and_the_rendition(workshop: Workshop) -> None:
    inspector, moderator = DrawingInspector(facts=SOUND), KeptCases()
    asset_id, is_active = await _ingest_sound(workshop, inspector, moderator)
    assert is_active
    assert [case.rendition for case in moderator.cases] == [PREVIEW]
    await derive(asset_id, workshop.tools(inspector=inspector))
    await workshop.settle()
    assert inspector.drawn == 1
    assert len([blob async for blob in workshop.blobs.list("renditions/")]) == 1
    assert list(workshop.spool.iterdir()) == []


@pytest.mark.parametrize(
    "inspector",
    [
        DrawingInspector(facts=SOUND, has_preview=False),
        DrawingInspector(IngestFailure("InternalError", "too long", "parser_timeout"), facts=SOUND),
    ],
    ids=["nothing", "refused"],
)
async def test_where_there_is_nothing_to_draw_the_moderator_judges_by_the_facts(workshop: Workshop, inspector: DrawingInspector) -> None:
    moderator = KeptCases()
    assert (await _ingest_sound(workshop, inspector, moderator))[1]
    assert [(case.facts, case.rendition) for case in moderator.cases] == [(SOUND, None)]


async def test_where_another_attempt_may_draw_it_the_moderator_is_not_asked_yet(workshop: Workshop) -> None:
    moderator = KeptCases()
    with pytest.raises(TransientFailure, match="parser crashed"):
        await _ingest_sound(workshop, DrawingInspector(CRASHED, facts=SOUND), moderator)
    assert moderator.cases == []
    assert list(workshop.spool.iterdir()) == []


async def test_without_a_verdict_in_any_attempt_the_task_fails_and_nothing_is_kept(
    workshop: Workshop, logged: list[MutableMapping[str, Any]]
) -> None:
    moderator = KeptCases(NoVerdict("it is away"))
    task_id, asset_id = await workshop.submit()
    await _handle_until_over(_worker(workshop.tools(moderator=moderator)), Job(JobKind.INGEST, task_id))
    assert (await _failure(workshop, task_id, asset_id))[:2] == ("InternalError", "attempts_exhausted")
    assert len(moderator.cases) == MAX_ATTEMPTS
    assert [entry["error"] for entry in logged if entry["event"] == "moderator_failed"] == ["it is away"] * MAX_ATTEMPTS
    assert [blob async for blob in workshop.blobs.list("")] == []
