"""`/v1/uploads/{upload_id}` and what leads there through JSON: presigned uploads, completion, state, giving up."""

import secrets
from typing import Final

from spark_assets.domain import blob_names
from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import Conflict, FlowLimited, NotFound, QuotaExceeded
from spark_assets.domain.ids import new_upload_id
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.project import Project
from spark_assets.domain.upload import Upload, UploadKind, UploadStatus
from spark_assets.domain.upload_parameters import LENGTH, SHA256
from spark_assets.domain.usage import MICRO
from spark_assets.operations import uploads
from spark_assets.operations.staging import discard
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.bodies import task_body
from spark_assets.web.admin.endpoint import Answer, Asked, Endpoint, changing, reading
from spark_assets.web.data_sources import check_file_size
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.uploads.fields import OPTIONAL, REQUIRED, make_command
from spark_assets.wire.admin import TaskBody
from spark_assets.wire.times import rfc3339
from spark_assets.wire.upload import PresignedUploadBody, UploadBody

_ADDRESS_LASTS: Final = 3600
"""Seconds within which a presigned upload must begin."""


async def _presign(exchange: Exchange, asked: Asked) -> bytes | Answer:
    asked.call.caller.require(Scope.ASSETS_WRITE)
    runtime = exchange.site.runtime
    values = dict(asked.values)
    length, sha256 = values.pop("length"), values.pop("sha256", None)
    command = make_command(values)
    check_file_size(runtime.tools.policy, command.type, length)
    upload_id, part = new_upload_id(), secrets.token_hex(6)
    target = await runtime.blobs.presigned_upload(blob_names.incoming(upload_id, part), _ADDRESS_LASTS)
    if target is None:
        raise Conflict("Storage", "this server keeps its files in a folder; send the file to /v1/uploads, or to /v1/uploads/tus")
    announced = uploads.Begin(id=upload_id, asset=command, kind=UploadKind.PRESIGNED, length=length, sha256=sha256)

    async def work(uow: UnitOfWork, asked: Asked) -> PresignedUploadBody:
        await uploads.begin(uow, asked.call, announced, (part,))
        expires_at = rfc3339(asked.call.now + _ADDRESS_LASTS * MICRO)
        return PresignedUploadBody(upload_id, target.url, "PUT", target.headers, expires_at)

    return await changing(work)(exchange, asked)


async def _complete(exchange: Exchange, asked: Asked) -> bytes:
    database = exchange.site.runtime.database
    async with database.read() as repositories:
        upload, body = await _find(repositories, asked)
    if body is not None:
        return body
    if upload.kind is UploadKind.PRESIGNED:
        upload = await _arrived(exchange, upload)
    try:
        async with database.begin() as uow:
            task = await uploads.finish(uow, asked.call, upload)
            body = encode(task_body(task, await _project_of(uow, upload)))
            await uow.commit()
    except (Conflict, FlowLimited, QuotaExceeded):  # perhaps only because of the same request, sent twice at once
        async with database.begin() as uow:
            _, body = await _find(uow, asked)
            await uow.commit()  # the other one's commit may be under way: its task is durable before it is told
        if body is None:
            raise
    return body


async def _find(repositories: Repositories, asked: Asked) -> tuple[Upload, bytes | None]:
    """The upload, and what tells of its task once it is complete."""
    upload = await uploads.find(repositories, asked.call, asked.path["upload_id"])
    if upload.status is not UploadStatus.COMPLETE:
        return upload, None
    return upload, encode(task_body(await uploads.task_of(repositories, upload), await _project_of(repositories, upload)))


async def _arrived(exchange: Exchange, upload: Upload) -> Upload:
    """A presigned upload, once the store holds as many bytes as were announced. Raises Conflict `Upload`, Unavailable."""
    try:
        size = await exchange.site.runtime.blobs.size(blob_names.incoming(upload.id, upload.parts[0]))
    except BlobNotFound:
        raise Conflict("Upload", "the object store holds nothing yet; send the file to the upload's address first") from None
    if size != upload.length:
        raise Conflict("Upload", f"the object store holds {size} bytes, and {upload.length} were announced; send the whole file again")
    return uploads.arrived(upload)


async def _get(repositories: Repositories, asked: Asked) -> UploadBody:
    upload = await uploads.find(repositories, asked.call, asked.path["upload_id"])
    project = await _project_of(repositories, upload)
    return UploadBody(
        id=upload.id,
        kind=upload.kind.value,
        status=upload.status.value,
        project=project.name,
        length=upload.length,
        offset=upload.offset,
        task_id=upload.task_id,
        created_at=rfc3339(upload.created_at),
        expires_at=rfc3339(upload.expires_at),
    )


async def _delete(exchange: Exchange, asked: Asked) -> bytes:
    runtime = exchange.site.runtime
    async with runtime.database.begin() as uow:
        upload = await uploads.give_up(uow, asked.call, asked.path["upload_id"])
        await uow.commit()
    await discard(runtime.blobs, upload.id, upload.parts)
    return b""


async def _project_of(repositories: Repositories, upload: Upload) -> Project:
    project = await repositories.projects.by_id(upload.project_id)
    if project is None:
        raise NotFound("upload_id", "the upload's project has ended")
    return project


_ONE: Final = "/v1/uploads/{upload_id}"
_SUBMISSION: Final = ("NotFound.ProjectName", "NotFound.group_id", "FileSizeTooLarge", "StorageFull")
ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/uploads/presigned",
        summary="An address on the object store itself to send a file to; not where files are kept in a folder",
        required=(LENGTH, *REQUIRED),
        optional=(SHA256, *OPTIONAL),
        answer=PresignedUploadBody,
        status=201,
        handle=_presign,
        operation=CREATE_ASSET,
        errors=(*_SUBMISSION, "Conflict.Storage"),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        summary="An upload: how much of it has arrived, and its task once it is complete",
        answer=UploadBody,
        handle=reading(_get),
        errors=("NotFound.upload_id",),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        summary="Give up an upload that is not complete; its bytes go at once",
        handle=_delete,
        errors=("NotFound.upload_id", "Conflict.Upload"),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/complete",
        summary="Make an upload whose bytes are all there a task; asked again, the same task is answered",
        answer=TaskBody,
        status=202,
        handle=_complete,
        errors=("NotFound.upload_id", *_SUBMISSION, "Conflict.Upload", "Conflict.ExternalId", "QuotaExceeded"),
    ),
)
