"""What the task repository promises: fences, terminal states, sealed sources and retention, proved over both databases."""

from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain.asset import Failure
from spark_assets.domain.task import Claim, Stage, Task, TaskStatus
from spark_assets.domain.usage import Charge
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import UnitOfWork
from tests.factories import records
from tests.factories.records import NOW, SECOND, URL

FAILURE = Failure("InvalidParameter.WidthTooSmall", "width 240 px is below the minimum of 300 px (exclusive)", "a reason")
CHARGE = Charge(20_000, 5_000)


async def _claimed(uow: UnitOfWork, times: int = 1) -> list[Claim]:
    """A task's claims, in order."""
    _, task = await records.add_asset(uow)
    claims = [await uow.tasks.claim(task.id) for _ in range(times)]
    return [claim for claim in claims if claim is not None]


async def _complete(uow: UnitOfWork, claim: Claim) -> bool:
    return await uow.tasks.complete(claim, charge=CHARGE, received=1234, uploaded_at=NOW + SECOND, at=NOW + 2 * SECOND)


async def _fail(uow: UnitOfWork, claim: Claim, at: int = NOW + 2 * SECOND) -> bool:
    return await uow.tasks.fail(claim, FAILURE, at)


async def test_a_task_is_read_as_it_was_added(uow: UnitOfWork) -> None:
    _, task = await records.add_asset(uow)
    assert await uow.tasks.get(task.id) == task
    assert await uow.tasks.get("task-none") is None
    with pytest.raises(Taken) as taken:
        await uow.tasks.add(task)
    assert taken.value.what == "id"


async def test_a_task_that_was_over_when_it_was_added_is_read_as_such(uow: UnitOfWork) -> None:
    ended: dict[str, Any] = {"status": TaskStatus.COMPLETED, "stage": Stage.ACTIVE, "progress": 1.0, "completed_at": NOW, "charge": CHARGE}
    task = records.task(**ended, result='{"Id":"ü"}', group_id="group-1")
    await uow.tasks.add(task)
    assert await uow.tasks.get(task.id) == task
    assert await uow.tasks.claim(task.id) is None


async def test_a_claim_tells_all_that_an_ingest_needs_and_opens_the_source(uow: UnitOfWork) -> None:
    asset, task = await records.add_asset(uow, url=URL)
    claim = await uow.tasks.claim(task.id)
    assert claim is not None
    assert (claim.task_id, claim.asset_id, claim.project_id, claim.key_id) == (task.id, asset.id, task.project_id, task.key_id)
    assert (claim.model, claim.request_id, claim.url, claim.attempts, claim.fence) == (task.model, task.request_id, URL, 1, 1)
    found = await records.find_task(uow, task.id)
    assert (found.stage, found.attempts, found.fence, found.status) == (Stage.FETCHING, 1, 1, TaskStatus.IN_PROGRESS)
    assert await uow.tasks.claim("task-none") is None


async def test_a_task_without_a_source_is_claimed_without_one(uow: UnitOfWork) -> None:
    _, task = await records.add_asset(uow, url=None)
    claim = await uow.tasks.claim(task.id)
    assert claim is not None
    assert claim.url is None


async def test_each_claim_counts_and_raises_the_fence(uow: UnitOfWork) -> None:
    assert [(claim.attempts, claim.fence) for claim in await _claimed(uow, 3)] == [(1, 1), (2, 2), (3, 3)]


async def test_a_claim_given_back_is_not_counted_and_its_fence_is_not_used_again(uow: UnitOfWork) -> None:
    (claim,) = await _claimed(uow)
    await uow.tasks.advance(claim, Stage.STORING, 0.9, 10)
    await uow.tasks.release(claim)
    found = await records.find_task(uow, claim.task_id)
    assert (found.stage, found.progress, found.attempts) == (Stage.QUEUED, 0.0, 0)
    again = await uow.tasks.claim(claim.task_id)
    assert again is not None
    assert (again.attempts, again.fence) == (1, 2)


async def test_progress_is_shown(uow: UnitOfWork) -> None:
    (claim,) = await _claimed(uow)
    await uow.tasks.advance(claim, Stage.FETCHING, 0.25, 5 * 2**40)
    found = await records.find_task(uow, claim.task_id)
    assert (found.stage, found.progress, found.bytes_received) == (Stage.FETCHING, 0.25, 5 * 2**40)


async def test_a_completed_task_says_what_became_of_it_and_forgets_its_source(uow: UnitOfWork) -> None:
    (claim,) = await _claimed(uow)
    assert await _complete(uow, claim)
    found = await records.find_task(uow, claim.task_id)
    assert (found.status, found.stage, found.progress, found.charge) == (TaskStatus.COMPLETED, Stage.ACTIVE, 1.0, CHARGE)
    assert (found.bytes_received, found.uploaded_at, found.completed_at) == (1234, NOW + SECOND, NOW + 2 * SECOND)
    assert await uow.tasks.drop_sources(NOW + 100 * SECOND, 10) == 0


async def test_a_failed_task_says_why_and_keeps_its_source_for_a_retry(uow: UnitOfWork) -> None:
    (claim,) = await _claimed(uow)
    assert await _fail(uow, claim)
    found = await records.find_task(uow, claim.task_id)
    assert (found.status, found.stage, found.failure, found.attempts) == (TaskStatus.FAILED, Stage.FAILED, FAILURE, 1)
    assert found.completed_at == NOW + 2 * SECOND
    assert await uow.tasks.drop_sources(NOW + 100 * SECOND, 10) == 1


async def test_a_stale_claim_cannot_complete_fail_advance_or_give_back(uow: UnitOfWork) -> None:
    stale, _current = await _claimed(uow, 2)
    before = await records.find_task(uow, stale.task_id)
    assert not await _complete(uow, stale)
    assert not await _fail(uow, stale)
    await uow.tasks.advance(stale, Stage.STORING, 0.9, 99)
    await uow.tasks.release(stale)
    assert await uow.tasks.get(stale.task_id) == before


async def test_the_current_claim_still_may_after_a_stale_one_tried(uow: UnitOfWork) -> None:
    stale, current = await _claimed(uow, 2)
    assert not await _complete(uow, stale)
    assert await _complete(uow, current)


@pytest.mark.parametrize("end", [_complete, _fail])
async def test_an_ended_task_never_changes_again(uow: UnitOfWork, end: object) -> None:
    (claim,) = await _claimed(uow)
    assert await end(uow, claim)  # type: ignore[operator]
    before = await records.find_task(uow, claim.task_id)
    assert not await _complete(uow, claim)
    assert not await _fail(uow, claim)
    await uow.tasks.advance(claim, Stage.FETCHING, 0.1, 1)
    await uow.tasks.release(claim)
    assert await uow.tasks.claim(claim.task_id) is None
    assert await uow.tasks.get(claim.task_id) == before


async def test_a_claim_with_a_made_up_fence_changes_nothing(uow: UnitOfWork) -> None:
    (claim,) = await _claimed(uow)
    for fence in (0, 2, -1):
        assert not await _complete(uow, replace(claim, fence=fence))


async def test_only_old_sources_of_ended_tasks_are_dropped_and_no_more_than_the_limit(uow: UnitOfWork) -> None:
    (running,) = await _claimed(uow)
    for at in (NOW, NOW, NOW, NOW + SECOND):
        (claim,) = await _claimed(uow)
        await _fail(uow, claim, at)
    assert await uow.tasks.drop_sources(NOW + SECOND, 2) == 2
    assert await uow.tasks.drop_sources(NOW + SECOND, 2) == 1
    assert await uow.tasks.drop_sources(NOW + SECOND, 2) == 0
    again = await uow.tasks.claim(running.task_id)
    assert again is not None
    assert again.url == URL


async def test_only_old_ended_tasks_of_the_models_are_removed_and_no_more_than_the_limit(uow: UnitOfWork) -> None:
    def reading(**changes: Any) -> Task:
        return records.task(**{"model": "spark_asset_get", "status": TaskStatus.COMPLETED, "completed_at": NOW, "result": "{}", **changes})

    old = [reading() for _ in range(3)]
    spared = [
        reading(created_at=NOW + SECOND),
        reading(status=TaskStatus.IN_PROGRESS, completed_at=None),
        records.task(status=TaskStatus.COMPLETED, completed_at=NOW),
    ]
    for task in old + spared:
        await uow.tasks.add(task)
    assert await uow.tasks.drop_finished(["spark_asset_get"], NOW + SECOND, 2) == 2
    assert await uow.tasks.drop_finished(["spark_asset_get"], NOW + SECOND, 2) == 1
    assert await uow.tasks.drop_finished(["spark_asset_get"], NOW + SECOND, 2) == 0
    assert await uow.tasks.drop_finished([], NOW + SECOND, 2) == 0
    assert [await uow.tasks.get(task.id) for task in spared] == spared
    assert [await uow.tasks.get(task.id) for task in old] == [None, None, None]


async def test_the_step_of_a_trace_that_a_task_follows_from_is_told_to_whoever_claims_it(uow: UnitOfWork) -> None:
    step = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    asset, _ = await records.add_asset(uow)
    traced, plain = records.task(asset.id, traceparent=step), records.task(asset.id)
    for task in (traced, plain):
        await uow.tasks.add(task, records.URL)
    claims = [await uow.tasks.claim(task.id) for task in (traced, plain)]
    assert [claim and claim.traceparent for claim in claims] == [step, None]
