"""The two dialects in OpenAPI, made from the ten operations."""

from typing import Final

import msgspec

from spark_assets.domain.error_codes import find_code
from spark_assets.domain.errors import SparkError
from spark_assets.domain.own_parameters import RETRY_URL, WAIT
from spark_assets.domain.parameter import NAME, Parameter
from spark_assets.domain.parameters import ACTIONS, CREATE_ASSET, OPERATIONS, Operation
from spark_assets.web.ark.error_numbers import error_number
from spark_assets.web.catalogue.pages import example_body, offered
from spark_assets.web.openapi.answers import (
    ALWAYS,
    EXAMPLE_REQUEST_ID,
    WITH_BODY,
    WITH_KEY,
    Json,
    example_error,
    refusals,
    success,
)
from spark_assets.web.openapi.own_surface import path_parameters, query_parameter
from spark_assets.web.openapi.schemas import body_schema, reference
from spark_assets.web.streams.event_stream import MEDIA_TYPE
from spark_assets.wire.ark import (
    SERVICE,
    VERSION,
    ActionError,
    AssetResult,
    ErrorEnvelope,
    ErrorMetadata,
    GroupResult,
    IdResult,
    ListResult,
    NoResult,
    ResponseMetadata,
)
from spark_assets.wire.billing import PrechargeAnswer
from spark_assets.wire.spark import TaskCreated, TaskObject

_HEADER_PROJECT: Final = {"$ref": "#/components/parameters/Project"}
_REPEATABLE: Final = {"$ref": "#/components/parameters/IdempotencyKey"}
_MODEL_HEADER: Final[Json] = {
    "name": "X-Model",
    "in": "header",
    "description": "The model, where the body names none",
    "schema": {"type": "string"},
}
_PLACES: Final = (
    "Parameters stand beside `model`, as described here; they may also stand in `input[0].params`, or in `parameters`. The model may come "
    "in the header `X-Model`, the project in `X-Project`. The same parameter in two places with different values is refused; null counts "
    "as absent; names that are not known are ignored, but not another spelling of a known one."
)
_REPEATED: Final = "Conflict.IdempotencyKey"
_MADE: Final = ("FileSizeTooLarge", _REPEATED)
_UNKNOWN: Final = ("NotFound.ProjectName", "NotFound.group_id", "NotFound.asset_id")
_CHANGES: Final = ("Conflict.ExternalId", "AccountFlowLimitExceeded", "QuotaExceeded", "StorageFull")
_READ: Final = ("MissingParameter.<Name>", "InvalidParameter.<Name>", "InvalidParameter.Paging", *WITH_BODY, *ALWAYS)
_SIGNED: Final = (
    "MissingSignature",
    "InvalidTimestamp",
    "InvalidAccessKey",
    "SignatureDoesNotMatch",
    "InvalidSecretToken",
    "InvalidActionOrVersion",
)
RESULTS: Final[tuple[type[msgspec.Struct], ...]] = (AssetResult, GroupResult, ListResult, IdResult, NoResult)
STRUCTS: Final[tuple[type[msgspec.Struct], ...]] = (*RESULTS, ResponseMetadata, ErrorEnvelope, TaskCreated, TaskObject, PrechargeAnswer)
"""What the dialects answer with."""


def dialect_paths() -> Json:
    """Both dialects, by path and method."""
    return {
        "/model/v1/generation": {"post": _create()},
        "/model/v1/generation/precharge": {"post": _precharge()},
        "/model/v1/generation/task/{task_id}": {"get": _poll()},
        "/model/v1/generation/task/{task_id}/events": {"get": _stream()},
        "/model/v1/generation/task/{task_id}/cancel": {"post": _cancel()},
        "/model/v1/generation/task/{task_id}/retry": {"post": _retry()},
        "/": {"post": _act()},
        "/open/{Action}": {"post": _act_bare("open")},
        "/volc/asset/{Action}": {"post": _act_bare("volc")},
    }


def dialect_bodies() -> Json:
    """The bodies of both dialects, by name: a task's names its model, an action's is the parameters alone."""
    tasks = {_task_name(operation): _task_body(operation) for operation in OPERATIONS.values()}
    return tasks | {_action_name(operation): _action_body(operation) for operation in OPERATIONS.values()}


def _create() -> Json:
    codes = (*_READ, *WITH_KEY, "AccessDenied", *_UNKNOWN, "NotFound.model", *_CHANGES, *_MADE, "NotAcceptable")
    answers = success(200, "The task, which is durable by now.", reference(TaskCreated))
    answers["200"]["links"] = {"poll_generation": {"operationId": "poll_generation", "parameters": {"task_id": "$response.body#/id"}}}
    return {
        "tags": ["tasks dialect"],
        "operationId": "create_generation",
        "summary": "Submit a task of one of the ten models; the answer is its ID",
        "description": f"The result comes from polling the task. {_PLACES}",
        "parameters": [_MODEL_HEADER, _HEADER_PROJECT, _REPEATABLE],
        "requestBody": _task_request(),
        "responses": answers | refusals(codes),
    }


def _precharge() -> Json:
    codes = (*_READ, *WITH_KEY, "AccessDenied", "NotFound.model", "NotAcceptable")
    return {
        "tags": ["tasks dialect"],
        "operationId": "estimate_generation",
        "summary": "What the task would cost that a creation with this body makes; nothing is made",
        "parameters": [_MODEL_HEADER],
        "requestBody": _task_request(),
        "responses": success(200, "The price.", reference(PrechargeAnswer)) | refusals(codes),
    }


def _poll() -> Json:
    codes = ("InvalidParameter.<Name>", *WITH_KEY, "AccessDenied", "NotFound.task_id", "AccountFlowLimitExceeded", "NotAcceptable", *ALWAYS)
    return {
        "tags": ["tasks dialect"],
        "operationId": "poll_generation",
        "summary": "Where a task is; once it has ended, it never changes again",
        "description": "With `wait`, the answer comes as soon as the task has ended or the time is up. "
        "Polls are not limited; 2,000 of one key may wait at once.",
        "parameters": [*path_parameters("/{task_id}"), query_parameter(WAIT)],
        "responses": success(200, "The task.", reference(TaskObject)) | refusals(codes),
    }


def _stream() -> Json:
    codes = (*WITH_KEY, "AccessDenied", "NotFound.task_id", "AccountFlowLimitExceeded", "NotAcceptable", *ALWAYS)
    return {
        "tags": ["tasks dialect"],
        "operationId": "stream_generation",
        "summary": "A task as it goes on, as server-sent events",
        "description": "`progress` with `stage`, `progress` and `bytes`, and in the end `completed` or `failed` with the task itself.",
        "parameters": path_parameters("/{task_id}"),
        "responses": success(200, "The events.", reference(TaskObject), media_type=MEDIA_TYPE) | refusals(codes),
    }


def _cancel() -> Json:
    codes = ("Conflict.Status", _REPEATED, "NotFound.task_id", *WITH_KEY, "AccessDenied", *WITH_BODY, *ALWAYS)
    return {
        "tags": ["tasks dialect"],
        "operationId": "cancel_generation",
        "summary": "Cancel a creation in progress: its task and its asset fail with Conflict.Cancelled",
        "parameters": [*path_parameters("/{task_id}"), _REPEATABLE],
        "responses": success(200, "The task as it is from now on.", reference(TaskObject)) | refusals((*codes, "NotAcceptable")),
    }


def _retry() -> Json:
    found = ("NotFound.task_id", "NotFound.asset_id", "NotFound.group_id", "Conflict.Status", "Conflict.Source", *_MADE)
    codes = ("InvalidParameter.<Name>", *found, *_CHANGES, *WITH_KEY, "AccessDenied", *WITH_BODY, *ALWAYS, "NotAcceptable")
    schema = body_schema([], [RETRY_URL]) | {"additionalProperties": False}
    return {
        "tags": ["tasks dialect"],
        "operationId": "retry_generation",
        "summary": "Try a failed creation again, from the same source or another one; the answer is a new task with a new asset",
        "parameters": [*path_parameters("/{task_id}"), _REPEATABLE],
        "requestBody": {"required": False, "content": {"application/json": {"schema": schema, "example": {"url": RETRY_URL.example}}}},
        "responses": success(200, "The new task, which is durable by now.", reference(TaskCreated)) | refusals(codes),
    }


def _act() -> Json:
    codes = (*_READ, *WITH_KEY, "AccessDenied", *_UNKNOWN, *_CHANGES, *_MADE, *_SIGNED, "NotAcceptable")
    action = {"name": "Action", "in": "query", "required": True, "description": "What to do", "schema": {"enum": list(ACTIONS)}}
    version = {"name": "Version", "in": "query", "required": True, "description": "Of the actions", "schema": {"const": VERSION}}
    envelope = {
        "type": "object",
        "required": ["ResponseMetadata", "Result"],
        "properties": {"ResponseMetadata": reference(ResponseMetadata), "Result": _any_result()},
    }
    return {
        "tags": ["actions dialect"],
        "operationId": "perform_action",
        "summary": "Perform an action; the result comes in an envelope",
        "description": f"Signed with an access key (`HMAC-SHA256`, service `ark`), or with a bearer key. {_results_text()}",
        "security": [{"bearer": []}, {"signature": []}],
        "parameters": [action | {"example": "GetAsset"}, version | {"example": VERSION}, _HEADER_PROJECT, _REPEATABLE],
        "requestBody": _action_request(),
        "responses": success(200, "The result.", envelope) | _in_envelopes(refusals(codes)),
    }


def _act_bare(name: str) -> Json:
    codes = (*_READ, *WITH_KEY, "AccessDenied", *_UNKNOWN, *_CHANGES, *_MADE, "InvalidActionOrVersion", "NotAcceptable")
    action = {"name": "Action", "in": "path", "required": True, "description": "What to do", "schema": {"enum": list(ACTIONS)}}
    return {
        "tags": ["actions dialect"],
        "operationId": f"perform_{name}_action",
        "summary": "Perform an action; the answer is the bare result",
        "description": _results_text(),
        "parameters": [action | {"example": "GetAsset"}, _HEADER_PROJECT, _REPEATABLE],
        "requestBody": _action_request(),
        "responses": success(200, "The result.", _any_result()) | refusals(codes),
    }


def _in_envelopes(answers: Json) -> Json:
    """The same refusals as this dialect tells them."""
    return {status: _in_envelope(answer) for status, answer in answers.items()}


def _in_envelope(answer: Json) -> Json:
    from_shared = answer.get("$ref")
    if from_shared is not None:
        return {"$ref": f"{from_shared}InEnvelope"}
    return enveloped(answer)


def enveloped(answer: Json) -> Json:
    """A refusal with the body that this dialect gives it."""
    codes = list(answer["content"]["application/json"]["examples"])
    examples = {code: {"value": _example_envelope(code)} for code in codes}
    return answer | {"content": {"application/json": {"schema": reference(ErrorEnvelope), "examples": examples}}}


def _example_envelope(code: str) -> Json:
    message = example_error(find_code(code))["message"]
    shown = ActionError(code, message, error_number(SparkError(code, message)))
    head = ErrorMetadata(EXAMPLE_REQUEST_ID, "GetAsset", VERSION, SERVICE, "local", shown)
    found: Json = msgspec.to_builtins(ErrorEnvelope(head))
    return found


def _results_text() -> str:
    return (
        "The body is the action's parameters. Creations, updates and moves answer the `Id`, deletions nothing; "
        "`CreateAsset` answers at once, and the asset is `Processing` until it is `Active` or `Failed`."
    )


def _any_result() -> Json:
    return {"anyOf": [reference(result) for result in RESULTS]}


def _task_request() -> Json:
    names = {operation.model: f"#/components/schemas/{_task_name(operation)}" for operation in OPERATIONS.values()}
    schema = {"oneOf": [{"$ref": place} for place in names.values()], "discriminator": {"propertyName": "model", "mapping": names}}
    examples = {operation.model: {"summary": operation.summary, "value": example_body(operation)} for operation in OPERATIONS.values()}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


def _action_request() -> Json:
    schema = {"anyOf": [{"$ref": f"#/components/schemas/{_action_name(operation)}"} for operation in OPERATIONS.values()]}
    examples = {operation.action: {"summary": operation.summary, "value": _action_example(operation)} for operation in OPERATIONS.values()}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


def _action_example(operation: Operation) -> Json:
    return {name: value for name, value in example_body(operation).items() if name != "model"}


def _task_name(operation: Operation) -> str:
    return f"{operation.action}Task"


def _action_name(operation: Operation) -> str:
    return f"{operation.action}Parameters"


def _task_body(operation: Operation) -> Json:
    schema = body_schema(*_split(operation))
    schema["properties"] = {"model": {"type": "string", "const": operation.model}, **schema["properties"]}
    schema["required"] = ["model", *schema.get("required", ())]
    return schema | {"description": f"{operation.summary}.", "additionalProperties": True}


def _action_body(operation: Operation) -> Json:
    required, optional = _split(operation)
    if operation is CREATE_ASSET:
        required, optional = [parameter for parameter in required if parameter is not NAME], [NAME, *optional]
    return body_schema(required, optional) | {"description": f"{operation.summary}.", "additionalProperties": True}


def _split(operation: Operation) -> tuple[list[Parameter], list[Parameter]]:
    """What is required, and what else it makes sense to send."""
    shown = list(offered(operation))
    return [parameter for parameter, required in shown if required], [parameter for parameter, required in shown if not required]
