"""What an erasure removes at once, what it leaves, and what its receipt says."""

import os
from collections.abc import Awaitable
from pathlib import Path

import pytest
from msgspec.structs import replace

from spark_assets.domain import blob_names
from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Failure, Variant
from spark_assets.domain.erasure import Erase, RemovedBlob
from spark_assets.domain.errors import AccessDenied, InvalidParameter, NotFound, Unavailable
from spark_assets.domain.parameters import CREATE_GROUP, GET_ASSET
from spark_assets.domain.task import TaskStatus
from spark_assets.ingest.derive import derive
from spark_assets.ingest.pipeline import ingest
from spark_assets.operations import erasure, tasks, trash
from spark_assets.operations.erased_blobs import Library
from spark_assets.operations.housekeeping import GRACE, STEP, sweep_blobs
from spark_assets.ports.inspector import Inspection
from spark_assets.storage.local import LocalBlobStore
from tests.factories import records
from tests.factories.erasures import SHA256, THUMBNAIL, audited, broken_promises, delete, erase, group_of, make_asset, stored_size
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND
from tests.factories.workshop import PICTURE, PREVIEW, SayingInspector, Workshop


@pytest.mark.parametrize("is_deleted", [False, True], ids=["living", "in the trash"])
async def test_an_erased_asset_leaves_nothing_but_its_ids(workshop: Workshop, is_deleted: bool) -> None:
    task_id, asset_id = await make_asset(workshop)
    if is_deleted:
        await delete(workshop, asset_id)
    foreseen = await erase(workshop, asset_ids=(asset_id, "asset-none"), dry_run=True)
    assert await stored_size(workshop, blob_names.original(SHA256)) == len(PICTURE)
    receipt = await erase(workshop, asset_ids=(asset_id, "asset-none"))
    assert (receipt.asset_ids, receipt.task_ids, receipt.group_ids) == ((asset_id,), (task_id,), ())
    assert (receipt.blobs, receipt.kept_blobs, receipt.pending_blobs) == ((RemovedBlob(SHA256, len(PICTURE)),), (), ())
    assert (receipt.renditions, receipt.shares, receipt.bytes_freed) == (1, 0, len(PICTURE) + len(PREVIEW))
    assert (receipt.unknown_asset_ids, receipt.complete, receipt.dry_run, foreseen.dry_run) == (("asset-none",), True, False, True)
    for field in ("asset_ids", "task_ids", "blobs", "kept_blobs", "renditions", "sources", "shares", "bytes_freed", "unknown_asset_ids"):
        assert getattr(foreseen, field) == getattr(receipt, field), field
    assert [await stored_size(workshop, name) for name in (blob_names.original(SHA256), THUMBNAIL)] == [None, None]
    assert await audited(workshop, "assets.erased") == [{"actor": "key-admin", "subject": receipt.id, "asset_ids": [asset_id], "count": 1}]
    assert await broken_promises(workshop) == []
    with pytest.raises(NotFound):
        await erase(workshop, asset_ids=(asset_id,))


async def test_bytes_that_another_asset_refers_to_stay_also_if_that_one_is_in_the_trash(workshop: Workshop) -> None:
    first, second = [(await make_asset(workshop))[1] for _ in range(2)]
    await delete(workshop, second)
    receipt = await erase(workshop, asset_ids=(first,))
    assert (receipt.blobs, receipt.kept_blobs, receipt.renditions, receipt.bytes_freed) == ((), (SHA256,), 0, 0)
    assert await stored_size(workshop, THUMBNAIL) == len(PREVIEW)
    assert (await erase(workshop, asset_ids=(second,))).blobs == (RemovedBlob(SHA256, len(PICTURE)),)
    assert await broken_promises(workshop) == []


async def test_bytes_that_were_erased_are_welcome_again(workshop: Workshop) -> None:
    await erase(workshop, asset_ids=((await make_asset(workshop))[1],))
    workshop.clock.time += SECOND
    _, asset_id = await make_asset(workshop)
    assert await stored_size(workshop, blob_names.original(SHA256)) == len(PICTURE)
    async with workshop.database.read() as repositories:
        assert await repositories.blobs.rendition(SHA256, Variant.THUMBNAIL) is not None
        assert (await repositories.assets.get(asset_id, None)) is not None
    assert await broken_promises(workshop) == []


async def test_an_erasure_during_ingest_ends_it_first_and_the_late_worker_changes_nothing(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()

    async def erase_meanwhile() -> None:
        receipt = await erase(workshop, asset_ids=(asset_id,))
        assert (receipt.task_ids, receipt.sources, receipt.blobs) == ((task_id,), 1, ())

    async with workshop.database.begin() as uow:
        claimed = await tasks.claim(uow, task_id)
        await uow.commit()
    assert claimed is not None
    assert not await ingest(*claimed, workshop.tools(inspector=SayingInspector(erase_meanwhile)))
    async with workshop.database.read() as repositories:
        task = await repositories.tasks.get(task_id)
    assert task is not None
    assert (task.status, task.failure, task.source_host) == (TaskStatus.FAILED, trash.DELETED, None)
    assert isinstance(task.failure, Failure)
    assert await broken_promises(workshop) == []


async def test_a_rendition_that_is_published_while_its_asset_is_erased_goes_as_well(workshop: Workshop) -> None:
    """The job has read the asset, and writes the picture only after all else is gone."""
    _, asset_id = await make_asset(workshop, renders=False)

    class Late(LocalBlobStore):
        async def put(self, path: Path, name: str, media_type: str, prepared: Awaitable[bool] | None = None) -> None:
            await erase(workshop, asset_ids=(asset_id,))
            await super().put(path, name, media_type, prepared)

    tools = workshop.tools()
    late = Late(workshop.spool.parent / "blobs")
    await derive(asset_id, replace(tools, blobs=late))
    assert await stored_size(workshop, THUMBNAIL) is None
    async with workshop.database.read() as repositories:
        assert await repositories.blobs.rendition(SHA256, Variant.THUMBNAIL) is None
    assert await broken_promises(workshop) == []


async def test_a_job_that_would_draw_from_erased_bytes_does_nothing(workshop: Workshop) -> None:
    _, asset_id = await make_asset(workshop, renders=False)
    for file in workshop.spool.glob("*.preview"):
        file.unlink()

    class Erasing(SayingInspector):
        async def preview(self, *_: object) -> bool:
            raise AssertionError("there is nothing to draw from")

        async def inspect(self, *_: object) -> Inspection:
            raise AssertionError("nothing is inspected")

    class Late(LocalBlobStore):
        async def download(self, name: str, path: object) -> None:
            await erase(workshop, asset_ids=(asset_id,))
            await super().download(name, path)  # type: ignore[arg-type]  # it is a path

    tools = workshop.tools(inspector=Erasing())
    late = Late(workshop.spool.parent / "blobs")
    await derive(asset_id, replace(tools, blobs=late))
    assert await broken_promises(workshop) == []


async def test_a_group_is_erased_with_its_assets_wherever_they_are(workshop: Workshop) -> None:
    _, asset_id = await make_asset(workshop)
    group_id = await group_of(workshop, asset_id)
    async with workshop.database.begin() as uow:
        trashed = records.asset(group_id)
        await uow.assets.add(trashed)
        await uow.assets.delete([trashed.id], NOW)
        await uow.commit()
    foreseen = await erase(workshop, group_id=group_id, dry_run=True)
    async with workshop.database.read() as repositories:
        assert await repositories.groups.get(group_id, DEFAULT_PROJECT_ID) is not None
    receipt = await erase(workshop, group_id=group_id)
    assert set(foreseen.asset_ids) == set(receipt.asset_ids) == {asset_id, trashed.id}
    assert foreseen.group_ids == receipt.group_ids == (group_id,)
    assert foreseen.blobs == receipt.blobs == (RemovedBlob(SHA256, len(PICTURE)),)
    async with workshop.database.read() as repositories:
        assert await repositories.groups.find(group_id, None, in_trash=True) is None
    assert await audited(workshop, "groups.erased") == [{"actor": "key-admin", "subject": receipt.id, "group_ids": [group_id], "count": 1}]
    assert await audited(workshop, "group.deleted") == [{"actor": "key-admin", "subject": group_id}]  # the step that an erasure begins with
    with pytest.raises(NotFound):
        await erase(workshop, group_id=group_id)


async def test_a_project_is_emptied_and_stays(workshop: Workshop) -> None:
    film = records.project()
    async with workshop.database.begin() as uow:
        await uow.projects.add(film)
        mine, _ = await records.add_asset(uow, project_id=film.id)
        foreign, _ = await records.add_asset(uow)
        empty = records.group(project_id=film.id)
        await uow.groups.add(empty)
        await uow.commit()
    receipt = await erase(workshop, project="film")
    assert (receipt.asset_ids, set(receipt.group_ids), receipt.complete) == ((mine.id,), {mine.group_id, empty.id}, True)
    async with workshop.database.read() as repositories:
        assert await repositories.projects.by_name("film") == film
        assert await repositories.assets.get(foreign.id, None) == foreign


async def test_a_tag_counts_in_its_project_alone_and_reaches_into_the_trash(workshop: Workshop) -> None:
    film = records.project()
    async with workshop.database.begin() as uow:
        await uow.projects.add(film)
        living, _ = await records.add_asset(uow, tags=("night", "rain"))
        trashed, _ = await records.add_asset(uow, tags=("night",))
        plain, _ = await records.add_asset(uow, tags=("day",))
        foreign, _ = await records.add_asset(uow, project_id=film.id, tags=("night",))
        await uow.assets.delete([trashed.id], NOW)
        await uow.commit()
    assert set((await erase(workshop, tag="night")).asset_ids) == {living.id, trashed.id}
    assert (await erase(workshop, tag="night")).asset_ids == ()
    assert (await erase(workshop, tag="night", project="film")).asset_ids == (foreign.id,)
    async with workshop.database.read() as repositories:
        assert await repositories.assets.get(plain.id, None) == plain


async def test_answers_that_could_show_what_was_erased_are_forgotten_in_its_project_alone(workshop: Workshop) -> None:
    film = records.project()
    status = TaskStatus.COMPLETED
    async with workshop.database.begin() as uow:
        await uow.projects.add(film)
        asset, _ = await records.add_asset(uow)
        reading, making = (records.task(model=model, status=status, result="{}") for model in (GET_ASSET.model, CREATE_GROUP.model))
        foreign = records.task(model=GET_ASSET.model, status=status, result="{}", project_id=film.id)
        for task in (reading, making, foreign):
            await uow.tasks.add(task)
        await uow.commit()
    await erase(workshop, asset_ids=(asset.id,))
    async with workshop.database.read() as repositories:
        assert await repositories.tasks.get(reading.id) is None
        assert await repositories.tasks.get(making.id) == making
        assert await repositories.tasks.get(foreign.id) == foreign


async def test_one_call_takes_a_share_and_the_same_call_goes_on(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "MOST_ASSETS", STEP + 1)
    async with workshop.database.begin() as uow:
        holder = records.group()
        await uow.groups.add(holder)
        added = [records.asset(holder.id) for _ in range(STEP + 4)]
        for asset in added:
            await uow.assets.add(asset)
        await uow.commit()
    first = await erase(workshop, group_id=holder.id)
    assert (len(first.asset_ids), first.group_ids, first.complete) == (STEP + 1, (), False)
    second = await erase(workshop, group_id=holder.id)
    assert (len(second.asset_ids), second.group_ids, second.complete) == (3, (holder.id,), True)
    assert {*first.asset_ids, *second.asset_ids} == {asset.id for asset in added}
    assert [entry["count"] for entry in await audited(workshop, "assets.erased")] == [3, 1, STEP]


async def test_bytes_that_a_store_cannot_remove_now_are_told_and_left_to_the_sweeper(workshop: Workshop) -> None:
    class Away(LocalBlobStore):
        async def delete(self, name: str) -> None:
            raise Unavailable

    _, asset_id = await make_asset(workshop)
    whole, workshop.blobs = workshop.blobs, Away(workshop.spool.parent / "blobs")
    receipt = await erase(workshop, asset_ids=(asset_id,))
    assert (receipt.asset_ids, receipt.blobs, receipt.pending_blobs) == ((asset_id,), (), (SHA256,))
    workshop.blobs = whole
    path = workshop.blobs.local_path(blob_names.original(SHA256))
    assert path is not None
    os.utime(path, (0, 0))
    workshop.clock.time += GRACE + SECOND
    assert await sweep_blobs(workshop.database, workshop.blobs, workshop.clock) == 1
    assert await stored_size(workshop, THUMBNAIL) is None


async def test_an_erasure_names_one_thing_and_needs_the_scope(workshop: Workshop) -> None:
    for what in ({}, {"tag": "a", "group_id": "g"}, {"asset_ids": ("a",), "project": "default"}, {"project": ""}):
        with pytest.raises(InvalidParameter):
            await erase(workshop, **what)
    for unknown in ({"asset_ids": ("a",)}, {"group_id": "g"}, {"project": "none"}, {"tag": "a", "project": "none"}):
        with pytest.raises(NotFound):
            await erase(workshop, **unknown)
    library = Library(workshop.database, workshop.blobs, workshop.clock, workshop.spool)
    with pytest.raises(AccessDenied):
        await erasure.erase(library, records.call(), Erase(project="default"))


async def test_a_limited_key_erases_nothing_beyond_its_projects(workshop: Workshop) -> None:
    _, asset_id = await make_asset(workshop)
    group_id = await group_of(workshop, asset_id)
    limited = records.caller(scopes=frozenset({Scope.PROJECT_ADMIN}), project_ids=frozenset({"project-x"}))
    library = Library(workshop.database, workshop.blobs, workshop.clock, workshop.spool)
    for command in (Erase(asset_ids=(asset_id,)), Erase(group_id=group_id), Erase(project="default"), Erase(tag="a", project="default")):
        with pytest.raises(NotFound):
            await erasure.erase(library, records.call(caller=limited), command)
