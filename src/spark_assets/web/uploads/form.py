"""`POST /v1/uploads`: a file and what is to be known of it, as `multipart/form-data`; never more than a few blocks of it are in memory."""

import hashlib
from typing import Final

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from spark_assets.domain.errors import ErrorKind, InvalidParameter, MissingParameter, RequestRefused
from spark_assets.domain.ids import new_upload_id
from spark_assets.domain.media import AssetType
from spark_assets.domain.policy import MediaPolicy
from spark_assets.domain.upload import Staged, UploadKind
from spark_assets.operations import projects, uploads
from spark_assets.operations.assets import CreateAsset
from spark_assets.operations.call import Call
from spark_assets.operations.staging import IncomingPart, receiving
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.web.admin.bodies import task_body
from spark_assets.web.data_sources import check_file_size, staging_of, taken_or_removed
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.idempotency import once, repeat_key
from spark_assets.web.uploads.caller import open_call
from spark_assets.web.uploads.fields import read_texts

FILE: Final = "file"
"""The field that holds the file."""
_MOST_FIELDS: Final = 64
_FIELD_BYTES: Final = 256 * 1024
"""Fields of a form, and bytes of all that are not the file."""
_OVERHEAD: Final = 2**20
"""Bytes of a form beside its file that are certainly enough."""


async def upload_form(exchange: Exchange) -> None:
    """Answer 202 with the task once the file is durable."""
    exchange.allow("POST")
    call = await open_call(exchange)
    runtime = exchange.site.runtime
    upload_id = new_upload_id()
    async with receiving(staging_of(runtime), upload_id) as part:
        form = Form(part, runtime.tools.policy)
        await form.read(exchange)
        command = form.command()
        check_file_size(runtime.tools.policy, command.type, part.size)
        await part.keep()
        staged = Staged(id=upload_id, parts=(part.token,), size=part.size, sha256=part.sha256)
    repeat = repeat_key(exchange, call.caller, _identity(command, staged))
    async with taken_or_removed(runtime, staged):
        answer = await once(runtime.database, repeat, exchange.now, lambda uow: _submit(uow, call, command, staged))
    await exchange.respond(202, answer)


async def _submit(uow: UnitOfWork, call: Call, command: CreateAsset, staged: Staged) -> bytes:
    task = await uploads.submit_staged(uow, call, command, staged, UploadKind.FORM)
    return encode(task_body(task, await projects.find(uow, call, command.project)))


def _identity(command: CreateAsset, staged: Staged) -> bytes:
    """What must be the same for a repetition: the boundary between the fields and their order are not."""
    return hashlib.sha256(msgspec.json.encode(command, order="sorted")).digest() + bytes.fromhex(staged.sha256 or "")


class Form:
    """A form as it arrives: fields before or after the file, which goes into the part."""

    def __init__(self, part: IncomingPart, policy: MediaPolicy) -> None:
        self._part = part
        self._largest = max(policy.largest_download(kind) for kind in AssetType)
        self._policy = policy
        self._texts: list[tuple[str, str]] = []
        self._value = bytearray()
        self._field_bytes = 0
        self._segment: MultipartSegment | None = None
        self._file_name: str | None = None

    async def read(self, exchange: Exchange) -> None:
        """Take the whole body. Raises RequestRefused, InvalidParameter, StorageFull, Unavailable."""
        declared = exchange.declared_length
        if declared is not None and declared > self._largest + _OVERHEAD:
            self._refuse_size(declared)
        received = 0
        try:
            with PushMultipartParser(_boundary(exchange), max_segment_count=_MOST_FIELDS) as parser:
                async for piece in exchange.pieces():
                    received += len(piece)
                    if received > self._largest + _OVERHEAD:
                        self._refuse_size(received)
                    for event in parser.parse(piece) if piece else ():
                        await self._take(event)
        except MultipartError as error:
            raise InvalidParameter(FILE, f"the form cannot be read as multipart/form-data: {error}") from None

    def command(self) -> CreateAsset:
        """The creation that the fields ask for. Raises MissingParameter, InvalidParameter."""
        if self._file_name is None or not self._part.size:
            raise MissingParameter(FILE, "send the file as the form's field 'file'; it must not be empty")
        return read_texts(self._texts, self._file_name)

    async def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self._is_file:
            await self._part.add(bytes(event))
        else:
            self._value += event
            self._field_bytes += len(event)
            if self._field_bytes > _FIELD_BYTES:
                message = f"the fields beside the file have at most {_FIELD_BYTES // 1024} KiB"
                raise RequestRefused(ErrorKind.TOO_LARGE, "RequestTooLarge", message)

    @property
    def _is_file(self) -> bool:
        return self._segment is not None and self._segment.name == FILE

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        if self._is_file:
            if self._file_name is not None:
                raise InvalidParameter(FILE, "one file per request; send the others in requests of their own")
            self._file_name = segment.filename or ""

    def _end(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None or segment.name == FILE:
            return
        try:
            self._texts.append((segment.name or "", self._value.decode()))
        except UnicodeDecodeError:
            raise InvalidParameter((segment.name or "")[:64], "the field is not UTF-8") from None
        self._value.clear()

    def _refuse_size(self, size: int) -> None:
        for kind in AssetType:
            if self._policy.largest_download(kind) == self._largest:
                check_file_size(self._policy, kind, size)


def _boundary(exchange: Exchange) -> str:
    declared = exchange.header(b"content-type") or b""
    kind, options = parse_options_header(declared.decode("latin-1"))
    if kind != "multipart/form-data" or not options.get("boundary"):
        message = "send the file as multipart/form-data, with a boundary in Content-Type"
        raise RequestRefused(ErrorKind.UNSUPPORTED_TYPE, "UnsupportedMediaType", message)
    return str(options["boundary"])
