"""Resumable uploads by the protocol tus 1.0.0 (https://tus.io/protocols/resumable-upload) at `/v1/uploads/tus`.

Extensions: creation, creation-with-upload, termination, checksum, expiration.
"""

import secrets
from typing import Final

import msgspec

from spark_assets.domain.errors import Conflict, ErrorKind, InvalidParameter, MissingParameter, RequestRefused
from spark_assets.domain.ids import new_upload_id
from spark_assets.domain.policy import SAFETY_LIMITS
from spark_assets.domain.task import Task
from spark_assets.domain.upload import Upload, UploadKind, UploadStatus
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations import uploads
from spark_assets.operations.call import Call
from spark_assets.operations.staging import discard
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.web.data_sources import check_file_size, check_may_send
from spark_assets.web.exchange import Exchange, Headers, MethodNotAllowed, encode
from spark_assets.web.idempotency import once, repeat_key
from spark_assets.web.uploads.caller import open_call
from spark_assets.web.uploads.fields import read_texts
from spark_assets.web.uploads.receipt import Receipt
from spark_assets.web.uploads.tus_headers import ALGORITHMS, VERSION, read_checksum, read_metadata, read_number, shown_metadata
from spark_assets.wire.times import http_date

_OFFSET_STREAM: Final = b"application/offset+octet-stream"
_VERSION_HEADER: Final = (b"tus-resumable", VERSION)
_ABILITIES: Final = (
    (b"tus-version", VERSION),
    (b"tus-extension", b"creation,creation-with-upload,termination,checksum,expiration"),
    (b"tus-max-size", str(SAFETY_LIMITS.size).encode()),
    (b"tus-checksum-algorithm", ",".join(ALGORITHMS).encode()),
)
_ELSEWHERE: Final = frozenset({"Conflict.Upload", "Conflict.UploadBusy", "Conflict.Offset"})
"""What the bytes of a repeated creation meet where those of the first one have come, or are about to."""


class _Made(msgspec.Struct):
    """What is remembered of a creation under an idempotency key."""

    id: str


async def tus_collection(exchange: Exchange) -> None:
    """`/v1/uploads/tus`: OPTIONS tells what is understood, POST begins an upload."""
    match _begin(exchange, "POST", "OPTIONS"):
        case "OPTIONS":
            await exchange.respond(204, b"", _ABILITIES)
        case _:
            await _create(exchange)


async def tus_upload(exchange: Exchange) -> None:
    """`/v1/uploads/tus/{upload_id}`: HEAD tells the offset, PATCH adds bytes, DELETE gives the upload up."""
    match _begin(exchange, "HEAD", "PATCH", "DELETE", "OPTIONS"):
        case "OPTIONS":
            await exchange.respond(204, b"", _ABILITIES)
        case "HEAD":
            await _tell(exchange)
        case "PATCH":
            await _patch(exchange)
        case _:
            await _give_up(exchange)


def _begin(exchange: Exchange, *methods: str) -> str:
    """The method that is meant. Raises RequestRefused `UnsupportedVersion`, MethodNotAllowed."""
    exchange.headers = (_VERSION_HEADER,)
    override = exchange.header(b"x-http-method-override")
    method = exchange.method if override is None else override.decode("latin-1").upper()
    if method not in methods:
        raise MethodNotAllowed(methods)
    if method != "OPTIONS" and exchange.header(b"tus-resumable") != VERSION:
        exchange.headers = (_VERSION_HEADER, (b"tus-version", VERSION))
        message = f"send the header Tus-Resumable: {VERSION.decode()}; no other version of tus is spoken here"
        raise RequestRefused(ErrorKind.PRECONDITION, "UnsupportedVersion", message)
    return method


async def _create(exchange: Exchange) -> None:
    call = await open_call(exchange)
    runtime = exchange.site.runtime
    length = read_number(exchange, b"upload-length", "Upload-Length")
    if not length:
        raise InvalidParameter("Upload-Length", "an upload has at least one byte")
    note = exchange.header(b"upload-metadata") or b""
    texts, file_name = read_metadata(note)
    command = read_texts(texts, file_name)
    check_file_size(runtime.tools.policy, command.type, length)
    announced = uploads.Begin(
        id=new_upload_id(), asset=command, kind=UploadKind.TUS, length=length, note=shown_metadata(note).decode("latin-1")
    )

    async def work(uow: UnitOfWork) -> bytes:
        return encode(_Made((await uploads.begin(uow, call, announced)).id))

    repeat = repeat_key(exchange, call.caller, str(length).encode() + b" " + note)
    made = msgspec.json.decode(await once(runtime.database, repeat, exchange.now, work), type=_Made)
    location = f"{runtime.base_url}/v1/uploads/tus/{made.id}".encode()
    exchange.headers = (_VERSION_HEADER, (b"location", location))
    upload, task = await _take_along(exchange, call, made.id, may_be_repeated=repeat is not None)
    await exchange.respond(201, b"", _state(upload, task))


async def _take_along(exchange: Exchange, call: Call, upload_id: str, *, may_be_repeated: bool) -> tuple[Upload, Task | None]:
    """The new upload with the bytes that came along; where those of the same request, sent before, are there, as it stands."""
    if exchange.header(b"content-type") == _OFFSET_STREAM and exchange.declared_length != 0:
        try:
            return await _receive(exchange, call, upload_id, 0)
        except Conflict as conflict:
            if not may_be_repeated or conflict.code not in _ELSEWHERE:
                raise
        await exchange.discard_body()
    async with exchange.site.runtime.database.read() as repositories:
        return await uploads.find(repositories, call, upload_id), None


async def _patch(exchange: Exchange) -> None:
    call = await open_call(exchange, is_creation=False)
    check_may_send(call)
    if exchange.header(b"content-type") != _OFFSET_STREAM:
        message = f"send the bytes as {_OFFSET_STREAM.decode()}"
        raise RequestRefused(ErrorKind.UNSUPPORTED_TYPE, "UnsupportedMediaType", message)
    upload, task = await _receive(exchange, call, _upload_id(exchange), read_number(exchange, b"upload-offset", "Upload-Offset"))
    await exchange.respond(204, b"", _state(upload, task))


async def _receive(exchange: Exchange, call: Call, upload_id: str, offset: int) -> tuple[Upload, Task | None]:
    """Hold the upload, and add the body to it. Raises Conflict `Offset`, and whatever Receipt raises."""
    runtime = exchange.site.runtime
    checksum = read_checksum(exchange)
    holder = secrets.token_hex(16)
    async with runtime.database.begin() as uow:
        upload = await uploads.hold(uow, call, upload_id, holder)
        if upload.kind is not UploadKind.TUS:
            raise Conflict("Upload", "the bytes of this upload go to the object store")
        if _offset_of(upload) != offset:
            raise Conflict("Offset", f"the upload stands at offset {_offset_of(upload)}, not {offset}; go on from there")
        await uow.commit()
    reach(Failpoint.UPLOAD_HELD)
    receipt = Receipt(runtime, call, upload, holder, checksum)
    task = await receipt.take(exchange.pieces())
    return receipt.upload, task


async def _tell(exchange: Exchange) -> None:
    call = await open_call(exchange, is_creation=False)
    async with exchange.site.runtime.database.read() as repositories:
        upload = await uploads.find(repositories, call, _upload_id(exchange))
    note = uploads.note_of(upload).encode("latin-1")
    about = (*_state(upload, None), (b"upload-length", str(upload.length).encode()), (b"cache-control", b"no-store"))
    await exchange.respond(200, b"", (*about, (b"upload-metadata", note)) if note else about)


async def _give_up(exchange: Exchange) -> None:
    call = await open_call(exchange, is_creation=False)
    runtime = exchange.site.runtime
    async with runtime.database.begin() as uow:
        upload = await uploads.give_up(uow, call, _upload_id(exchange))
        await uow.commit()
    await discard(runtime.blobs, upload.id, upload.parts)
    await exchange.respond(204, b"", ())


def _state(upload: Upload, task: Task | None) -> Headers:
    """What every answer about an upload tells: how far it is, until when it is kept, and its task once it is complete."""
    task_id = upload.task_id if task is None else task.id
    found = [(b"upload-offset", str(_offset_of(upload) if task_id is None else upload.offset).encode())]
    if task_id is not None:
        found.append((b"upload-task", task_id.encode()))
    elif upload.status is UploadStatus.OPEN:
        found.append((b"upload-expires", http_date(upload.expires_at).encode()))
    return found


def _offset_of(upload: Upload) -> int:
    """From where to go on. An upload that is whole, and could not become a task, wants its last byte once more.

    For a client that knows nothing but tus takes an upload for done as soon as its offset is its length.
    """
    return upload.offset - (upload.status is UploadStatus.OPEN and upload.is_whole)


def _upload_id(exchange: Exchange) -> str:
    found = exchange.path_parameters.get("upload_id")
    if not found:
        raise MissingParameter("upload_id")
    return str(found)
