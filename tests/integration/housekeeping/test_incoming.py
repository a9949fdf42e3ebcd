"""Uploaded bytes: ingested in one part or in many, removed when they are stored for good, and swept when nobody needs them."""

import os
import socket
from pathlib import Path

import pytest

from spark_assets.domain import blob_names
from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.domain.ids import new_upload_id
from spark_assets.domain.retention import Retention
from spark_assets.domain.upload import RETENTION, Staged, Upload, UploadKind, UploadStatus
from spark_assets.ingest.pipeline import ingest
from spark_assets.operations import tasks
from spark_assets.operations.housekeeping import GRACE, drop_old_rows, sweep_incoming
from spark_assets.operations.staging import Staging, receiving
from spark_assets.storage.local import LocalBlobStore
from tests.factories import records
from tests.factories.databases import open_sqlite
from tests.factories.erasures import erase
from tests.factories.records import NOW, SECOND
from tests.factories.workshop import PICTURE, Workshop

KEPT = Retention()


async def stage(workshop: Workshop, *contents: bytes, **changes: object) -> Staged:
    """Stage these parts as one upload."""
    staging = Staging(workshop.blobs, workshop.spool, workshop.tools().open_spool)
    upload_id, parts = new_upload_id(), []
    for content in contents:
        async with receiving(staging, upload_id) as part:
            await part.add(content)
            await part.keep()
            parts.append(part.token)
    values = {"id": upload_id, "parts": tuple(parts), "size": sum(map(len, contents))}
    return Staged(**{**values, **changes})  # type: ignore[arg-type]  # a test's own changes


async def submit(workshop: Workshop, staged: Staged) -> str:
    """A task whose source they are."""
    async with workshop.database.begin() as uow:
        _, task = await records.add_asset(uow, url=staged.source)
        await uow.uploads.add(
            Upload(
                id=staged.id,
                project_id=task.project_id,
                key_id="key-tests",
                kind=UploadKind.FORM,
                status=UploadStatus.COMPLETE,
                length=staged.size,
                parts=staged.parts,
                task_id=task.id,
                created_at=NOW,
                expires_at=NOW + RETENTION,
            )
        )
        await uow.commit()
    return task.id


async def run(workshop: Workshop, task_id: str) -> bool:
    async with workshop.database.begin() as uow:
        claimed = await tasks.claim(uow, task_id)
        assert claimed is not None
        await uow.commit()
    return await ingest(*claimed, workshop.tools())


async def staged_names(workshop: Workshop) -> list[str]:
    return [blob.name async for blob in workshop.blobs.list(blob_names.INCOMING)]


def make_old(workshop: Workshop, staged: Staged) -> None:
    for part in staged.parts:
        path = workshop.blobs.local_path(blob_names.incoming(staged.id, part))
        assert path is not None
        os.utime(path, ((NOW - GRACE) / SECOND - 1, (NOW - GRACE) / SECOND - 1))


@pytest.mark.parametrize("cuts", [(len(PICTURE),), (1, 200, len(PICTURE))], ids=["one part", "three parts"])
async def test_staged_bytes_are_ingested_and_then_gone(workshop: Workshop, cuts: tuple[int, ...]) -> None:
    parts = [PICTURE[start:end] for start, end in zip((0, *cuts), cuts, strict=False)]
    staged = await stage(workshop, *parts, sha256=records.sha256_of(PICTURE))
    assert await run(workshop, await submit(workshop, staged))
    assert await workshop.blobs.size(blob_names.original(records.sha256_of(PICTURE))) == len(PICTURE)
    assert await staged_names(workshop) == []


async def test_bytes_that_are_gone_or_others_fail_the_task_and_stay_for_a_retry(workshop: Workshop) -> None:
    for staged, reason in (
        (await stage(workshop, PICTURE, sha256="0" * 64), "another SHA-256"),
        (await stage(workshop, PICTURE, size=3), "not the 3 that"),
        (await stage(workshop, PICTURE, parts=("none",)), "no longer stored"),
        (await stage(workshop, PICTURE[:5], PICTURE[5:], size=7), "more than the 7"),
    ):
        before = await staged_names(workshop)
        with pytest.raises(IngestFailure, match=reason) as failed:
            await run(workshop, await submit(workshop, staged))
        assert (failed.value.code, failed.value.reason) == ("DownloadFailed", "incomplete")
        assert await staged_names(workshop) == before
    assert list(workshop.spool.iterdir()) == []


async def test_the_sweeper_takes_what_no_upload_and_no_task_needs(workshop: Workshop) -> None:
    waiting, orphan, fresh = [await stage(workshop, PICTURE) for _ in range(3)]
    await submit(workshop, waiting)
    for old in (waiting, orphan):
        make_old(workshop, old)
    assert await sweep_incoming(workshop.database, workshop.blobs, NOW) == 1
    assert {blob_names.upload_of(name) for name in await staged_names(workshop)} == {waiting.id, fresh.id}


async def test_an_expired_upload_is_forgotten_with_its_bytes(workshop: Workshop) -> None:
    staged = await stage(workshop, PICTURE[:9])
    async with workshop.database.begin() as uow:
        begun = {"project_id": records.DEFAULT_PROJECT_ID, "key_id": "key-tests", "kind": UploadKind.TUS, "status": UploadStatus.OPEN}
        await uow.uploads.add(Upload(id=staged.id, length=20, created_at=NOW, expires_at=NOW + RETENTION, **begun))
        await uow.commit()
    make_old(workshop, staged)
    await drop_old_rows(workshop.database, NOW + RETENTION, KEPT)
    assert await sweep_incoming(workshop.database, workshop.blobs, NOW) == 0
    await drop_old_rows(workshop.database, NOW + RETENTION + 1, KEPT)
    assert await sweep_incoming(workshop.database, workshop.blobs, NOW) == 1


async def test_an_erasure_takes_uploaded_bytes_that_were_kept_for_a_retry_and_what_was_said_of_them(workshop: Workshop) -> None:
    failed, other = await stage(workshop, PICTURE, size=3), await stage(workshop, PICTURE)
    task_id = await submit(workshop, failed)
    await submit(workshop, other)
    with pytest.raises(IngestFailure):
        await run(workshop, task_id)
    async with workshop.database.read() as repositories:
        asset_id = (await records.find_task(repositories, task_id)).asset_id
    assert asset_id is not None
    await erase(workshop, asset_ids=(asset_id,))
    assert {blob_names.upload_of(name) for name in await staged_names(workshop)} == {other.id}
    async with workshop.database.read() as repositories:
        assert await repositories.uploads.find(failed.id, None) is None
        assert await repositories.uploads.find(other.id, None) is not None


async def test_staged_bytes_that_cannot_be_read_for_now_are_waited_for(tmp_path: Path) -> None:
    """A socket can be linked as a file can, and be opened as none can."""
    with socket.socket(socket.AF_UNIX) as unreadable:
        unreadable.bind(str(tmp_path / "part"))

        class Store(LocalBlobStore):
            def local_path(self, name: str) -> Path | None:
                return tmp_path / "part"

        async with open_sqlite(tmp_path / "library.db") as database:
            workshop = Workshop(tmp_path, database, blobs=Store)
            task_id = await submit(workshop, await stage(workshop, PICTURE))
            with pytest.raises(TransientFailure) as failure:
                await run(workshop, task_id)
            assert failure.value.reason == "storage_unavailable"
            assert list(workshop.spool.iterdir()) == []
            await workshop.blobs.close()
