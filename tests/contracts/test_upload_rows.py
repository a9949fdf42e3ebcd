"""What is promised of uploads, on both databases."""

from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain.asset import Failure
from spark_assets.domain.ids import new_upload_id
from spark_assets.domain.upload import LEASE, RETENTION, Upload, UploadKind, UploadStatus
from spark_assets.ports.erasure import Leftover
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import UnitOfWork
from tests.factories import records
from tests.factories.records import NOW

LATER = NOW + RETENTION + 1


def upload(**changes: Any) -> Upload:
    values = {"id": new_upload_id(), "project_id": records.DEFAULT_PROJECT_ID, "key_id": "key-tests", "kind": UploadKind.TUS}
    fixed = {"status": UploadStatus.OPEN, "length": 100, "command": "{}", "created_at": NOW, "expires_at": NOW + RETENTION}
    return Upload(**{**values, **fixed, **changes})


async def add(uow: UnitOfWork, **changes: Any) -> Upload:
    added = upload(**changes)
    await uow.uploads.add(added)
    return added


async def test_what_is_added_is_found_in_its_project_alone(uow: UnitOfWork) -> None:
    added = await add(uow, parts=("a", "b"), offset=7, command='{"secret": "é"}')
    assert await uow.uploads.find(added.id, None) == added
    assert await uow.uploads.find(added.id, [added.project_id]) == added
    assert await uow.uploads.find(added.id, ["project-other"]) is None
    assert await uow.uploads.find("upload-none", None) is None
    with pytest.raises(Taken):
        await uow.uploads.add(added)


async def test_one_request_holds_an_upload_until_it_lets_go_or_is_silent_for_too_long(uow: UnitOfWork) -> None:
    added = await add(uow)
    assert await uow.uploads.hold(added.id, "first", now=NOW, until=NOW + LEASE)
    assert not await uow.uploads.hold(added.id, "second", now=NOW + LEASE, until=NOW + 2 * LEASE)
    assert await uow.uploads.hold(added.id, "first", now=NOW, until=NOW + 2 * LEASE)
    assert not await uow.uploads.hold(added.id, "second", now=NOW + LEASE + 1, until=NOW + 2 * LEASE)
    assert await uow.uploads.hold(added.id, "second", now=NOW + 2 * LEASE + 1, until=NOW + 3 * LEASE)
    await uow.uploads.release(added.id, "first")
    assert not await uow.uploads.hold(added.id, "third", now=NOW, until=NOW + LEASE)
    await uow.uploads.release(added.id, "second")
    assert await uow.uploads.hold(added.id, "third", now=NOW, until=NOW + LEASE)


async def test_with_a_purged_asset_go_its_uploads_and_only_what_was_kept_for_a_retry_is_left_over(uow: UnitOfWork) -> None:
    kept, done, other = [await records.add_asset(uow, url=url) for url in ("staged:", None, "staged:")]
    rows = [await add(uow, parts=(f"part-{number}",), task_id=task.id) for number, (_, task) in enumerate((kept, done, other))]
    doomed = await uow.erasure.look_at([kept[0].id, done[0].id])
    assert await uow.erasure.purge(doomed, NOW) == [Leftover(rows[0].id, ("part-0",))]
    assert [await uow.uploads.find(row.id, None) for row in rows] == [None, None, rows[2]]


async def test_only_the_holder_records_and_only_behind_what_it_saw(uow: UnitOfWork) -> None:
    added = await add(uow)
    await uow.uploads.hold(added.id, "first", now=NOW, until=NOW + LEASE)
    grown = replace(added, parts=("a",), offset=40, expires_at=LATER)
    assert not await uow.uploads.record(grown, "second", after=0, until=NOW)
    assert await uow.uploads.record(grown, "first", after=0, until=NOW)
    assert not await uow.uploads.record(replace(grown, parts=("b",)), "first", after=0, until=NOW)
    assert await uow.uploads.find(added.id, None) == grown


async def test_a_complete_upload_is_neither_held_nor_completed_nor_removed(uow: UnitOfWork) -> None:
    added = await add(uow)
    assert await uow.uploads.complete(added.id, "task-1", "what is kept")
    whole = replace(added, status=UploadStatus.COMPLETE, offset=100, task_id="task-1", command="what is kept")
    assert await uow.uploads.find(added.id, None) == whole
    assert not await uow.uploads.complete(added.id, "task-2", "")
    assert not await uow.uploads.hold(added.id, "first", now=NOW, until=NOW + LEASE)
    assert not await uow.uploads.remove(added.id)
    await uow.uploads.attach(added.id, "task-3")
    found = await uow.uploads.find(added.id, None)
    assert found is not None and found.task_id == "task-3"


async def test_a_key_has_room_for_so_many_uploads_that_are_open_and_have_not_expired(uow: UnitOfWork) -> None:
    for changes in ({}, {}, {"status": UploadStatus.COMPLETE}, {"expires_at": NOW - 1}, {"key_id": "key-other"}):
        await add(uow, **changes)
    assert not await uow.uploads.room_for("key-tests", NOW, 2)
    assert await uow.uploads.room_for("key-tests", NOW, 3)
    assert await uow.uploads.room_for("key-other", NOW, 2)
    assert await uow.uploads.room_for("key-tests", LATER, 1)


async def test_an_open_upload_is_removed_once(uow: UnitOfWork) -> None:
    added = await add(uow)
    assert await uow.uploads.remove(added.id)
    assert not await uow.uploads.remove(added.id)


async def test_bytes_are_needed_while_an_upload_is_open_or_its_task_may_want_them(uow: UnitOfWork) -> None:
    _, working = await records.add_asset(uow, url="incoming:{}")
    _, failed = await records.add_asset(uow, url="incoming:{}")
    _, forgotten = await records.add_asset(uow, url=None)
    for task in (failed, forgotten):
        claim = await uow.tasks.claim(task.id)
        assert claim is not None
        await uow.tasks.fail(claim, Failure("InvalidParameter.X", "x"), NOW)
    of = {"status": UploadStatus.COMPLETE}
    open_one = await add(uow)
    waiting = await add(uow, **of, task_id=working.id)
    kept = await add(uow, **of, task_id=failed.id)
    spent = await add(uow, **of, task_id=forgotten.id)
    lost = await add(uow, **of, task_id="task-none")
    everyone = [item.id for item in (open_one, waiting, kept, spent, lost)]
    assert await uow.uploads.needed([*everyone, "upload-none"]) == {open_one.id, waiting.id, kept.id}
    assert await uow.uploads.drop_old(NOW + RETENTION, 100) == 0
    assert await uow.uploads.drop_old(LATER, 100) == 3
    assert await uow.uploads.needed(everyone) == {waiting.id, kept.id}
