"""Assets that are made, deleted and erased, in a workshop."""

from spark_assets.domain import blob_names
from spark_assets.domain.api_key import Scope
from spark_assets.domain.audit import AuditFilter
from spark_assets.domain.erasure import Erase, Receipt
from spark_assets.domain.listing import Slice
from spark_assets.ingest.derive import derive
from spark_assets.ingest.pipeline import ingest
from spark_assets.operations import erasure, tasks, trash
from spark_assets.operations.erased_blobs import Library
from spark_assets.operations.verification import verify
from spark_assets.ports.blobs import BlobNotFound
from tests.factories import records
from tests.factories.records import NOW
from tests.factories.workshop import PICTURE, MemorySource, Workshop

ADMIN = records.caller(key_id="key-admin", scopes=frozenset({Scope.PROJECT_ADMIN}))
SHA256 = records.sha256_of(PICTURE)
THUMBNAIL = blob_names.rendition(SHA256, "thumbnail", "jpg")


async def make_asset(workshop: Workshop, content: bytes = PICTURE, *, renders: bool = True) -> tuple[str, str]:
    """An active asset, with its rendition; the IDs of its task and of itself."""
    task_id, asset_id = await workshop.submit()
    async with workshop.database.begin() as uow:
        claimed = await tasks.claim(uow, task_id)
        await uow.commit()
    assert claimed is not None
    tools = workshop.tools(source=MemorySource(content=content))
    await ingest(*claimed, tools)
    if renders:
        await derive(asset_id, tools)
        await workshop.settle()
    return task_id, asset_id


async def group_of(workshop: Workshop, asset_id: str) -> str:
    """The ID of the asset's group, wherever the asset is."""
    async with workshop.database.read() as repositories:
        asset = await repositories.assets.get(asset_id, None) or await repositories.assets.trashed(asset_id, None)
    assert asset is not None
    return asset.group_id


async def delete(workshop: Workshop, *asset_ids: str, at: int = NOW) -> None:
    """Put assets into the trash."""
    async with workshop.database.begin() as uow:
        await trash.delete_assets(uow, asset_ids, at)
        await uow.commit()


async def erase(workshop: Workshop, **what: object) -> Receipt:
    """Erase as an administrator; `what` are the fields of the command."""
    command = Erase(**what)  # type: ignore[arg-type]  # fields of several types
    return await erasure.erase(
        Library(workshop.database, workshop.blobs, workshop.clock, workshop.spool), records.call(caller=ADMIN), command
    )


async def stored_size(workshop: Workshop, name: str) -> int | None:
    """Bytes stored under the name; None if there are none."""
    try:
        return await workshop.blobs.size(name)
    except BlobNotFound:
        return None


async def broken_promises(workshop: Workshop) -> list[str]:
    """What `doctor --verify` would say."""
    return await verify(workshop.database, workshop.blobs, workshop.spool, workshop.clock.time)


async def audited(workshop: Workshop, action: str) -> list[dict[str, object]]:
    """Actor, subject and details of the entries of that action, newest first."""
    async with workshop.database.read() as repositories:
        entries = await repositories.audit.page(AuditFilter(with_service=True, action=action), Slice(limit=100))
    return [{"actor": entry.actor, "subject": entry.subject, **(entry.details or {})} for entry in entries]
