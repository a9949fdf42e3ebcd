"""Uploads: begun, continued, and made tasks. Each function is one step inside a unit of work; bytes are moved between them."""

from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import Conflict, FlowLimited, NotFound, StorageFull
from spark_assets.domain.task import Task
from spark_assets.domain.upload import LEASE, MOST_OPEN, MOST_PARTS, Staged, Upload, UploadKind, UploadStatus
from spark_assets.operations import assets, projects
from spark_assets.operations.assets import CreateAsset
from spark_assets.operations.call import Call
from spark_assets.operations.tasks import unknown_task
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """What a client announces: the asset that is to be, and how many bytes will come."""

    id: str
    """A new one."""
    asset: CreateAsset
    kind: UploadKind
    length: int
    sha256: str | None = None
    note: str = ""
    """Text of the client's own that it gets back."""


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept sealed with an upload once it is complete: the task has all else, and drops its secrets in time."""

    note: str = ""


class Remembered(Noted, frozen=True, kw_only=True):
    """What is kept sealed with an upload until then."""

    asset: CreateAsset
    sha256: str | None = None


_Kept = TypeVar("_Kept", bound=Noted)
BUSY: Final = "another request is adding to this upload; wait until it has ended, or 5 seconds after its last byte"


async def begin(uow: UnitOfWork, call: Call, announced: Begin, parts: tuple[str, ...] = ()) -> Upload:
    """An open upload. `parts`: under which names its bytes will be found, where that is settled beforehand.

    Raises AccessDenied, InvalidParameter `callback_url`, NotFound `ProjectName` or `group_id`, StorageFull, FlowLimited for a key
    that has MOST_OPEN open uploads already.
    """
    call.caller.require(Scope.ASSETS_WRITE)
    if announced.asset.callback_url is not None:
        call.terms.check_webhook("callback_url", announced.asset.callback_url)
    if not call.terms.has_room():
        raise StorageFull
    project = await projects.find(uow, call, announced.asset.project)
    if await uow.groups.get(announced.asset.group_id, project.id) is None:
        raise assets.unknown_group(project)
    if not await uow.uploads.room_for(call.caller.key_id, call.now, MOST_OPEN):
        raise FlowLimited(f"this key may have {MOST_OPEN} open uploads, and has; complete some of them, or give them up", MOST_OPEN)
    remembered = Remembered(asset=replace(announced.asset, project=project.name), sha256=announced.sha256, note=announced.note)
    upload = Upload(
        id=announced.id,
        project_id=project.id,
        key_id=call.caller.key_id,
        kind=announced.kind,
        status=UploadStatus.OPEN,
        length=announced.length,
        parts=parts,
        command=msgspec.json.encode(remembered).decode(),
        created_at=call.now,
        expires_at=call.now + call.terms.upload_retention,
    )
    await uow.uploads.add(upload)
    return upload


async def find(repositories: Repositories, call: Call, upload_id: str) -> Upload:
    """An upload of any project within the key's reach. Raises AccessDenied, NotFound `upload_id`."""
    call.caller.require(Scope.ASSETS_WRITE)
    upload = await repositories.uploads.find(upload_id, projects.reach_of(call))
    if upload is None or (upload.status is UploadStatus.OPEN and upload.expires_at < call.now):
        raise NotFound("upload_id", "there is no upload with this ID that the API key may see; it may have expired")
    return upload


async def hold(uow: UnitOfWork, call: Call, upload_id: str, holder: str) -> Upload:
    """An open upload, kept for one request. Raises AccessDenied, NotFound `upload_id`, Conflict `Upload` or `UploadBusy`."""
    upload = await find(uow, call, upload_id)
    if upload.status is UploadStatus.COMPLETE:
        raise Conflict("Upload", "the upload is complete: its task is in the answer to GET /v1/uploads/ID")
    if not await uow.uploads.hold(upload.id, holder, now=call.now, until=call.now + LEASE):
        raise Conflict("UploadBusy", BUSY)
    return await find(uow, call, upload_id)  # as it is now that nobody else adds to it


async def record(uow: UnitOfWork, call: Call, upload: Upload, holder: str, parts: tuple[tuple[str, int], ...], now: int) -> Upload:
    """The upload with further parts, each a token and its bytes, which are durable already; it is held on.

    Raises Conflict `UploadBusy` if it is not held any more, Conflict `Upload` for too many parts.
    """
    grown = replace(
        upload,
        parts=(*upload.parts, *(token for token, _ in parts)),
        offset=upload.offset + sum(size for _, size in parts),
        expires_at=now + call.terms.upload_retention,
    )
    if len(grown.parts) > MOST_PARTS:
        raise Conflict("Upload", f"an upload is made of at most {MOST_PARTS} pieces; begin a new one and send larger ones")
    if not await uow.uploads.record(grown, holder, after=upload.offset, until=now + LEASE):
        raise Conflict("UploadBusy", BUSY)
    return grown


def arrived(upload: Upload) -> Upload:
    """An upload whose bytes went to the store by another way, all of them."""
    return replace(upload, offset=upload.length)


async def finish(uow: UnitOfWork, call: Call, upload: Upload) -> Task:
    """The task of an upload whose bytes are all there.

    Raises Conflict `Upload` if some are missing, or if it is complete already, and whatever `assets.submit` raises.
    """
    if not upload.is_whole:
        raise Conflict("Upload", f"{upload.offset} of {upload.length} bytes have arrived; send the others first")
    remembered = _remembered(upload)
    staged = Staged(id=upload.id, parts=upload.parts, size=upload.length, sha256=remembered.sha256)
    task = await assets.submit(uow, call, replace(remembered.asset, staged=staged))
    kept = msgspec.json.encode(Noted(note=remembered.note)).decode()
    if not await uow.uploads.complete(upload.id, task.id, kept):
        raise Conflict("Upload", "the upload was completed or given up by another request meanwhile")
    return task


async def submit(uow: UnitOfWork, call: Call, command: CreateAsset) -> Task:
    """The task of an asset at an address, or of one whose bytes came with the request. Raises whatever `assets.submit` raises."""
    if command.staged is None:
        return await assets.submit(uow, call, command)
    return await submit_staged(uow, call, command, command.staged, UploadKind.DATA)


async def submit_staged(
    uow: UnitOfWork, call: Call, command: CreateAsset, staged: Staged, kind: UploadKind, *, retry_of: str | None = None
) -> Task:
    """The task of bytes that came in one request. Raises whatever `assets.submit` raises."""
    task = await assets.submit(uow, call, replace(command, staged=staged), retry_of=retry_of)
    await uow.uploads.add(
        Upload(
            id=staged.id,
            project_id=task.project_id,
            key_id=call.caller.key_id,
            kind=kind,
            status=UploadStatus.COMPLETE,
            length=staged.size,
            offset=staged.size,
            parts=staged.parts,
            task_id=task.id,
            created_at=call.now,
            expires_at=call.now + call.terms.upload_retention,
        )
    )
    return task


async def task_of(repositories: Repositories, upload: Upload) -> Task:
    """The task of a complete upload. Raises NotFound `task_id` once it is forgotten."""
    task = None if upload.task_id is None else await repositories.tasks.get(upload.task_id)
    if task is None:
        raise unknown_task()
    return task


async def give_up(uow: UnitOfWork, call: Call, upload_id: str) -> Upload:
    """Forget an open upload; its bytes are then the caller's to discard. Raises AccessDenied, NotFound, Conflict `Upload`."""
    upload = await find(uow, call, upload_id)
    if not await uow.uploads.remove(upload.id):
        raise Conflict("Upload", "the upload has become a task; delete the task's asset instead")
    return upload


def note_of(upload: Upload) -> str:
    """The text that the client left with an upload."""
    return _read(upload, Noted).note


def _remembered(upload: Upload) -> Remembered:
    return _read(upload, Remembered)


def _read(upload: Upload, kind: type[_Kept]) -> _Kept:
    try:
        return msgspec.json.decode(upload.command, type=kind)
    except msgspec.MsgspecError:  # sealed with a key that is gone
        raise Conflict("Upload", "what was said of the asset can no longer be read; begin a new upload") from None
