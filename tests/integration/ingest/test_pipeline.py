"""The assembly line from end to end: what each station refuses, and that nothing is left lying about."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain.errors import IngestFailure, StorageFull
from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.domain.task import Claim, Stage, Task
from spark_assets.ingest import progress as progress_module
from spark_assets.ingest.pipeline import ingest
from spark_assets.ingest.progress import ProgressReport
from spark_assets.ingest.state import Tools
from spark_assets.operations import tasks
from spark_assets.ports.source import TooManyBytes
from tests.factories import records
from tests.factories.workshop import PICTURE, MemorySource, SayingInspector, Workshop

WAV = (
    b"RIFF\x24\x10\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x44\xac\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00data\x00\x10\x00\x00"
    + b"\0" * 4096
)


async def _claimed(workshop: Workshop) -> tuple[Claim, Any]:
    task_id, _ = await workshop.submit()
    async with workshop.database.begin() as uow:
        claimed = await tasks.claim(uow, task_id)
        await uow.commit()
    assert claimed is not None
    return claimed


async def _refusal(workshop: Workshop, tools: Tools, **changes: Any) -> IngestFailure:
    claim, asset = await _claimed(workshop)
    with pytest.raises(IngestFailure) as refused:
        await ingest(replace(claim, **changes), asset, tools)
    assert list(workshop.spool.iterdir()) == []
    assert [blob async for blob in workshop.blobs.list("")] == []
    return refused.value


@pytest.mark.parametrize(
    ("declared", "words"),
    [(None, "file size over"), (99_000_000, "declared file size 99000000 bytes")],
)
async def test_a_transfer_stopped_for_its_size_says_what_is_known_of_it(workshop: Workshop, declared: int | None, words: str) -> None:
    failure = await _refusal(workshop, workshop.tools(MemorySource(TooManyBytes(declared))))
    assert failure.code == "FileSizeTooLarge"
    assert words in failure.message
    assert "maximum of 30 MB for Image" in failure.message


async def test_a_source_that_can_no_longer_be_read_fails_and_says_what_to_do(workshop: Workshop) -> None:
    failure = await _refusal(workshop, workshop.tools(), url=None)
    assert (failure.code, failure.reason) == ("InternalError", "attempts_exhausted")
    assert "submit the asset again" in failure.message


async def test_the_bytes_decide_what_a_file_is(workshop: Workshop) -> None:
    assert (await _refusal(workshop, workshop.tools(MemorySource(content=WAV)))).code == "TypeMismatch"
    assert (await _refusal(workshop, workshop.tools(MemorySource(content=b"\x01\x02\x03" * 400)))).code == "FormatUndetectable"


async def test_what_was_measured_is_held_against_the_policy(workshop: Workshop) -> None:
    inspector = SayingInspector(facts=MediaFacts(format=MediaFormat.JPEG, width=240, height=480, frame_count=1))
    failure = await _refusal(workshop, workshop.tools(inspector=inspector))
    assert (failure.code, failure.message) == ("WidthTooSmall", "width 240 px is below the minimum of 300 px (exclusive)")


@pytest.mark.parametrize("act", [StorageFull(), ValueError("ours"), IngestFailure("MediaCorrupt", "no")], ids=["full", "fault", "corrupt"])
async def test_whatever_goes_wrong_no_file_is_left(workshop: Workshop, act: Exception) -> None:
    claim, asset = await _claimed(workshop)
    for tools in (workshop.tools(MemorySource(act)), workshop.tools(inspector=SayingInspector(act))):
        with pytest.raises(type(act)):
            await ingest(claim, asset, tools)
        assert list(workshop.spool.iterdir()) == []


async def test_an_ingest_that_is_cancelled_leaves_no_file(workshop: Workshop) -> None:
    claim, asset = await _claimed(workshop)
    source = MemorySource(asyncio.Event())
    running = asyncio.create_task(ingest(claim, asset, workshop.tools(source)))
    await source.fetching.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert list(workshop.spool.iterdir()) == []


async def test_the_same_bytes_are_stored_once(workshop: Workshop) -> None:
    for _ in range(3):
        await ingest(*await _claimed(workshop), workshop.tools())
    assert len([blob async for blob in workshop.blobs.list("originals/")]) == 1
    async with workshop.database.read() as repositories:
        assert await repositories.blobs.after("", 10) == [(records.sha256_of(PICTURE), len(PICTURE))]


async def test_ten_ingests_of_the_same_bytes_at_once_all_succeed(workshop: Workshop) -> None:
    claimed = [await _claimed(workshop) for _ in range(10)]
    await asyncio.gather(*(ingest(claim, asset, workshop.tools()) for claim, asset in claimed))
    async with workshop.database.read() as repositories:
        found = [await records.find_asset(repositories, asset.id) for _, asset in claimed]
        assert set((await repositories.verification.broken()).values()) == {0}
    assert {asset.sha256 for asset in found} == {records.sha256_of(PICTURE)}


async def test_no_log_line_holds_the_query_of_a_source(workshop: Workshop, logged: list[MutableMapping[str, Any]]) -> None:
    await ingest(*await _claimed(workshop), workshop.tools())
    await _refusal_of_bad_content(workshop)
    assert "token=secret" not in repr(logged)


async def _refusal_of_bad_content(workshop: Workshop) -> None:
    claim, asset = await _claimed(workshop)
    with pytest.raises(IngestFailure):
        await ingest(claim, asset, workshop.tools(MemorySource(content=b"nothing known" * 50)))


async def test_progress_is_written_and_announced_now_and_then_and_never_after_the_end(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0.01)
    claim, _ = await _claimed(workshop)
    report = ProgressReport(workshop.database, claim)
    shown = []
    async with workshop.database.watch(claim.task_id) as announced:
        for received in (0, 1_000_000, 5_000_000, 10_000_000):
            report.bytes_received(received, 10_000_000)
            task = await _announced_task(workshop, claim, announced)
            shown.append(task.progress)
            assert (task.stage, task.bytes_received) == (Stage.FETCHING, received)
        assert shown == sorted(set(shown))
        report.enter(Stage.INSPECTING)
        report.enter(Stage.STORING)
        assert (await _announced_task(workshop, claim, announced)).stage is Stage.STORING, "two changes at once are written as one"
        report.bytes_received(1, 2)
        await report.close()
        await asyncio.sleep(0.05)
        assert not announced.is_set()


async def _announced_task(workshop: Workshop, claim: Claim, announced: asyncio.Event) -> Task:
    """The task, once it has been announced."""
    await asyncio.wait_for(announced.wait(), 10)
    announced.clear()
    async with workshop.database.read() as repositories:
        return await records.find_task(repositories, claim.task_id)


async def test_a_quick_ingest_writes_no_progress(workshop: Workshop) -> None:
    claim, _ = await _claimed(workshop)
    report = ProgressReport(workshop.database, claim)
    report.bytes_received(1, 2)
    await report.close()
    async with workshop.database.read() as repositories:
        assert (await records.find_task(repositories, claim.task_id)).bytes_received == 0
