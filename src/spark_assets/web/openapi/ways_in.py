"""The ways in that are no JSON, in OpenAPI: forms, resumable uploads, batches."""

from typing import Any, Final

from spark_assets.web.openapi.answers import ALWAYS, WITH_KEY, Json, refusals, success
from spark_assets.web.openapi.schemas import body_schema, described, reference
from spark_assets.web.uploads.fields import OPTIONAL, REQUIRED
from spark_assets.web.uploads.form import FILE
from spark_assets.web.uploads.tus_headers import ALGORITHMS, VERSION
from spark_assets.wire.admin import TaskBody
from spark_assets.wire.upload import BatchLine

STRUCTS: Final = (BatchLine,)
"""What these answer with."""
_FORM: Final = "UploadFileRequest"
_SENT: Final = ("UnsupportedMediaType", "RequestTimeout", "RequestTooLarge")
_CREATION: Final = (
    "MissingParameter.<Name>",
    "InvalidParameter.<Name>",
    "NotFound.ProjectName",
    "NotFound.group_id",
    "FileSizeTooLarge",
    "AccountFlowLimitExceeded",
    "QuotaExceeded",
    "StorageFull",
    "Conflict.ExternalId",
)
_REPEATED: Final = "Conflict.IdempotencyKey"
_CALLER: Final = (*WITH_KEY, "AccessDenied", "NotAcceptable", "StorageFull", *ALWAYS)
_KEPT: Final[list[Json]] = [{"$ref": "#/components/parameters/IdempotencyKey"}, {"$ref": "#/components/parameters/Project"}]
_OFFSET_STREAM: Final = "application/offset+octet-stream"
_BYTES: Final[Json] = {_OFFSET_STREAM: {"schema": {"type": "string", "format": "binary"}, "example": "bytes"}}
_TUS_HEADERS: Final = ("Tus-Resumable", "Upload-Offset", "Upload-Expires", "Upload-Task")
_UPLOAD_ID: Final[Json] = {
    "name": "upload_id",
    "in": "path",
    "required": True,
    "description": "The upload's ID",
    "schema": {"type": "string", "minLength": 1},
    "example": "upload-bcdfghjklmnpqrst",
}
HEADERS: Final[Json] = {
    "Tus-Resumable": {"description": "The version of tus that is spoken", "schema": {"type": "string"}},
    "Upload-Offset": {"description": "Bytes that have arrived and are durable", "schema": {"type": "integer"}},
    "Upload-Expires": {"description": "When an unfinished upload is forgotten", "schema": {"type": "string"}},
    "Upload-Task": {"description": "The task that ingests the file, once all of it is there", "schema": {"type": "string"}},
}
"""Components of these."""


def way_in_paths() -> Json:
    """These addresses, by path and method."""
    return {
        "/v1/uploads": {"post": _form()},
        "/v1/uploads/tus": {"post": _begin(), "options": _abilities("get_upload_abilities", [])},
        "/v1/uploads/tus/{upload_id}": {
            "head": _tell(),
            "patch": _continue(),
            "delete": _give_up(),
            "options": _abilities("get_upload_abilities_of_one", [_UPLOAD_ID]),
        },
        "/v1/batches": {"post": _batch()},
    }


def way_in_bodies() -> Json:
    """The schemas of what they take, by name."""
    form = body_schema(REQUIRED, ()) | {"additionalProperties": False}
    form["properties"] |= {parameter.name: described(parameter) for parameter in OPTIONAL}  # a form has no null
    file = {"type": "string", "format": "binary", "description": "The file; its name becomes the asset's where no `name` is given"}
    return {_FORM: form | {"properties": {FILE: file, **form["properties"]}, "required": [FILE, *form["required"]]}}


def _form() -> Json:
    example = {FILE: "@photo.jpg"} | {parameter.name: parameter.example for parameter in REQUIRED}
    return _operation(
        "upload_file",
        "Upload a file with what is to be known of it; the answer is the task that ingests it",
        _KEPT,
        success(202, "A task: `in_progress`, then `completed` or `failed`, for good.", reference(TaskBody)),
        (*_CREATION, *_SENT, _REPEATED),
        {"multipart/form-data": {"schema": {"$ref": f"#/components/schemas/{_FORM}"}, "example": example}},
    )


def _begin() -> Json:
    parameters = [
        _version(),
        _header("Upload-Length", "Bytes of the file", {"type": "integer", "minimum": 1}, 204_800),
        _header("Upload-Metadata", _METADATA, {"type": "string"}, "type SW1hZ2U=,group_id Z3JvdXAtMjAyNjAxMDExMjAwMDAtYmNkZmc="),
        *_KEPT,
    ]
    return _operation(
        "begin_resumable_upload",
        "Begin a resumable upload (tus 1.0.0); its address is in `Location`",
        parameters,
        success(201, "The upload is open.", None, headers=("Location", *_TUS_HEADERS)),
        (*_CREATION, *_SENT, "UnsupportedVersion", "ChecksumMismatch", "Conflict.Upload", "Conflict.UploadBusy", _REPEATED),
    )


def _tell() -> Json:
    return _operation(
        "get_upload_offset",
        "How much of a resumable upload has arrived",
        [_UPLOAD_ID, _version()],
        success(200, "The upload is there.", None, headers=_TUS_HEADERS),
        ("NotFound.upload_id", "UnsupportedVersion", "Conflict.Upload"),
    )


def _continue() -> Json:
    number = {"type": "integer", "minimum": 0}
    checksum = f"An algorithm ({', '.join(ALGORITHMS)}), a space, and the hash of these bytes in base64"
    parameters = [
        _UPLOAD_ID,
        _version(),
        _header("Upload-Offset", "Where these bytes begin: the offset that the upload stands at", number, 0),
        _header("Upload-Checksum", checksum, {"type": "string"}),
    ]
    own = ("NotFound.upload_id", "UnsupportedVersion", "ChecksumMismatch", "Conflict.Offset", "Conflict.Upload", "Conflict.UploadBusy")
    return _operation(
        "continue_resumable_upload",
        "Add bytes to a resumable upload; with the last of them it becomes a task",
        parameters,
        success(204, "The bytes are durable.", None, headers=_TUS_HEADERS),
        (*own, *_CREATION, *_SENT),
        _BYTES,
    )


def _give_up() -> Json:
    return _operation(
        "give_up_resumable_upload",
        "Give up a resumable upload",
        [_UPLOAD_ID, _version()],
        success(204, "It is gone.", None, headers=("Tus-Resumable",)),
        ("NotFound.upload_id", "UnsupportedVersion", "Conflict.Upload"),
    )


def _abilities(name: str, parameters: list[Json]) -> Json:
    return {
        "tags": ["uploads"],
        "operationId": name,
        "summary": "What is understood of tus: versions, extensions, the largest upload, checksums",
        "security": [],
        "parameters": parameters,
        "responses": success(204, "The answer is in the headers `Tus-*`.", None, headers=("Tus-Resumable",)) | refusals(ALWAYS),
    }


def _batch() -> Json:
    example = '{"url": "https://example.com/hero.jpg", "type": "Image", "group_id": "group-20260101120000-bcdfg"}'
    return _operation(
        "submit_batch",
        "Register up to 1,000 files, one JSON object per line as for `POST /v1/assets`; a line of the answer for each",
        _KEPT,
        success(200, "A line for each line, in their order.", reference(BatchLine), media_type="application/x-ndjson"),
        ("InvalidParameter.<Name>", "AccountFlowLimitExceeded", *_SENT, _REPEATED),
        {"application/x-ndjson": {"schema": {"type": "string"}, "example": example}},
        tag="batches",
    )


def _operation(
    name: str, summary: str, parameters: list[Json], answers: Json, codes: tuple[str, ...], body: Any = None, *, tag: str = "uploads"
) -> Json:
    operation: Json = {
        "tags": [tag],
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": answers | refusals((*codes, *_CALLER)),
    }
    return operation if body is None else operation | {"requestBody": {"required": True, "content": body}}


_METADATA: Final = "The fields of `POST /v1/assets` without `url`, each a name, a space and the value in base64; separated by commas"


def _header(name: str, description: str, schema: Json, example: object = None) -> Json:
    found: Json = {"name": name, "in": "header", "description": description, "schema": schema}
    return found if example is None else found | {"required": True, "example": example}


def _version() -> Json:
    version = VERSION.decode()
    return _header("Tus-Resumable", "The version of tus", {"type": "string", "const": version}, version)
