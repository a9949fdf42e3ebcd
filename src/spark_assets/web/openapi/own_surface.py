"""Our own REST surface in OpenAPI, made from its endpoints."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from spark_assets.domain.own_parameters import PROJECT
from spark_assets.domain.parameter import Parameter
from spark_assets.web.admin.endpoint import Endpoint
from spark_assets.web.openapi.answers import ALWAYS, WITH_BODY, WITH_KEY, Json, refusals, success
from spark_assets.web.openapi.schemas import body_schema, reference, value_schema

IDEMPOTENCY_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Repeat the request under the same key within a day, and it has one effect and gets one answer",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    "example": "9f0f6f52-moons",
}
PROJECT_HEADER: Final[Json] = {
    "name": "X-Project",
    "in": "header",
    "description": "The project, where no parameter names one; without either, the key's default project",
    "schema": {"type": "string"},
    "example": "default",
}
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_PATH_EXAMPLES: Final = {
    "asset_id": ("The asset's ID", "asset-20260101120000-bcdfg"),
    "group_id": ("The group's ID", "group-20260101120000-bcdfg"),
    "task_id": ("The task's ID", "d5k1e9g6n88s73f0a1bg"),
    "project": ("The project's ID or name", "default"),
    "key_id": ("The key's ID", "key-gx7lpdhn4nmq"),
    "upload_id": ("The upload's ID", "upload-bcdfghjklmnpqrst"),
    "share_id": ("The share's ID", "share-gx7lpdhn4nmq"),
}
_VERBS: Final = {"POST": "create", "PATCH": "update", "PUT": "replace", "DELETE": "delete"}
_NO_CONTENT: Final = 204
_REDIRECTS: Final = range(300, 400)


def own_operation(endpoint: Endpoint, endpoints: Sequence[Endpoint]) -> Json:
    """An endpoint as an OpenAPI operation, with links to what its answer leads on to."""
    name = operation_id(endpoint)
    operation: Json = {
        "tags": [tag_of(endpoint)],
        "operationId": name,
        "summary": endpoint.summary,
        "parameters": [*path_parameters(endpoint.path), *_query(endpoint.query), *_headers(endpoint)],
        "responses": _success(endpoint, _links(endpoint, endpoints)) | refusals(_codes(endpoint)),
    }
    description = _description(endpoint)
    if description:
        operation["description"] = description
    if endpoint.has_body:
        schema = {"$ref": f"#/components/schemas/{body_name(endpoint)}"}
        content = {"application/json": {"schema": schema, "example": _example(endpoint)}}
        operation["requestBody"] = {"required": bool(endpoint.required), "content": content}
    return operation


def own_bodies(endpoints: Iterable[Endpoint]) -> Json:
    """The schemas of the bodies that endpoints take, by name."""
    return {body_name(endpoint): _body(endpoint) for endpoint in endpoints if endpoint.has_body}


def operation_id(endpoint: Endpoint) -> str:
    """Such as `list_assets`, `get_asset`, `restore_asset`."""
    parts = endpoint.path.split("/")[2:]
    nouns = [_noun(part, following) for part, following in zip(parts, [*parts[1:], ""], strict=True) if not part.startswith("{")]
    if endpoint.method == "GET":
        verb = "list" if _is_list(endpoint) else "get"
    elif endpoint.method == "POST" and len(nouns) > 1 and not parts[-1].endswith("s"):
        verb = nouns.pop()  # the last word of the path says what is done
    else:
        verb = _VERBS[endpoint.method]
    if endpoint.method == "POST" and verb == "create":
        nouns[-1] = _singular(nouns[-1])
    return "_".join((verb, *nouns)).replace("-", "_")


def tag_of(endpoint: Endpoint) -> str:
    """The noun that the endpoint is about: the first word of its path."""
    return endpoint.path.split("/")[2]


def body_name(endpoint: Endpoint) -> str:
    """The name of the body's schema, such as `CreateAssetRequest`."""
    return "".join(word.capitalize() for word in operation_id(endpoint).split("_")) + "Request"


def path_parameters(path: str) -> list[Json]:
    """The placeholders of a path."""
    return [_path_parameter(name) for name in _PLACEHOLDER.findall(path)]


def _path_parameter(name: str) -> Json:
    description, example = _PATH_EXAMPLES.get(name, (f"The {name.replace('_id', '').replace('_', ' ')}", f"{name.removesuffix('_id')}-1"))
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema, "example": example}


def _query(parameters: Iterable[Parameter]) -> list[Json]:
    return [query_parameter(parameter) for parameter in parameters]


def query_parameter(parameter: Parameter, *, required: bool = False) -> Json:
    """A parameter of the query; one that takes several values is repeated in it."""
    schema = value_schema(parameter, required=required)
    schema.pop("examples", None)
    found: Json = {"name": parameter.name, "in": "query", "description": parameter.description, "schema": schema}
    if required:
        found["required"] = True
    return found if parameter.example is None else found | {"example": parameter.example}


def _headers(endpoint: Endpoint) -> list[Json]:
    is_in_project = any(parameter.field == PROJECT.field for parameter in (*endpoint.query, *endpoint.required, *endpoint.optional))
    found = [{"$ref": "#/components/parameters/Project"}] if is_in_project else []
    return [*found, {"$ref": "#/components/parameters/IdempotencyKey"}] if endpoint.method == "POST" else found


def _success(endpoint: Endpoint, links: Json) -> Json:
    if endpoint.answer is not None:
        limits = () if endpoint.operation is None else ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
        text, shape = _answer_text(endpoint.answer), reference(endpoint.answer)
        answers = success(endpoint.status, text, shape, media_type=endpoint.media_type, headers=limits)
        answers[str(endpoint.status)] |= {"links": links} if links else {}
        if endpoint.lines_type:
            answers[str(endpoint.status)]["content"][endpoint.lines_type] = {"schema": {"type": "string"}}
        return answers
    if endpoint.status in _REDIRECTS:
        return success(endpoint.status, "Go on at `Location`.", None, headers=("Location",))
    return success(_NO_CONTENT, "Done.", None)


def _links(endpoint: Endpoint, endpoints: Sequence[Endpoint]) -> Json:
    """What can be asked of a thing that was made, by the ID in the answer."""
    if endpoint.method != "POST" or endpoint.answer is None:
        return {}
    fields = endpoint.answer.__struct_fields__
    links: Json = {}
    for target in endpoints:
        names = _PLACEHOLDER.findall(target.path)
        if len(names) != 1 or "{" in endpoint.path:
            continue
        is_below = target.path.startswith(f"{endpoint.path}/{{")
        source = names[0] if names[0] in fields and names[0].endswith("_id") else "id" if is_below and "id" in fields else None
        if source is not None:
            links[operation_id(target)] = {"operationId": operation_id(target), "parameters": {names[0]: f"$response.body#/{source}"}}
    return links


def _answer_text(struct: type[msgspec.Struct]) -> str:
    return (struct.__doc__ or struct.__name__).strip().partition("\n")[0]


def _codes(endpoint: Endpoint) -> list[str]:
    codes = ["InvalidParameter.<Name>", *WITH_KEY, "AccessDenied", "NotAcceptable", *ALWAYS, *endpoint.errors]
    if endpoint.required:
        codes.insert(0, "MissingParameter.<Name>")
    if endpoint.has_body:
        codes += WITH_BODY
    if endpoint.method == "POST":
        codes.append("Conflict.IdempotencyKey")
    if endpoint.operation is not None:
        codes.append("AccountFlowLimitExceeded")
    return codes


def _description(endpoint: Endpoint) -> str:
    sentences = []
    if endpoint.operation is not None:
        sentences.append(f"Counts as `{endpoint.operation.model}`, the action `{endpoint.operation.action}`.")
    if endpoint.clearing:
        sentences.append(f"What is left out stays as it is; null clears {', '.join(f'`{name}`' for name in endpoint.clearing)}.")
    return " ".join(sentences)


def _body(endpoint: Endpoint) -> Json:
    return body_schema(endpoint.required, endpoint.optional, is_change=endpoint.method == "PATCH") | {"additionalProperties": False}


def _example(endpoint: Endpoint) -> Json:
    """What is required, or where nothing is, one thing that may be sent."""
    shown = endpoint.required or endpoint.optional[:1]
    return {parameter.name: parameter.example for parameter in shown}


def _is_list(endpoint: Endpoint) -> bool:
    return endpoint.answer is not None and "items" in endpoint.answer.__struct_fields__


def _noun(part: str, following: str) -> str:
    """In the singular where the path goes on to one of them."""
    return _singular(part) if following.startswith("{") else part


def _singular(noun: str) -> Any:
    return noun.removesuffix("s")
