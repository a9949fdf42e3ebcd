"""What belongs neither to a dialect nor to our own REST surface: catalogue, billing, delivery, health, and this document."""

from typing import Final

import msgspec

from spark_assets.domain.parameters import OPERATIONS
from spark_assets.web.openapi.answers import ALWAYS, WITH_KEY, Json, refusals, success
from spark_assets.web.openapi.schemas import reference
from spark_assets.web.query import LARGEST_PAGE
from spark_assets.wire.billing import BillingAnswer
from spark_assets.wire.catalogue import Model, ModelPage, SearchAnswer, Spec, Status

STRUCTS: Final[tuple[type[msgspec.Struct], ...]] = (BillingAnswer, Model, ModelPage, SearchAnswer, Spec, Status)
"""What these answer with."""
_PUBLIC: Final[list[Json]] = []
_SELECTED: Final = ("InvalidParameter.<Name>", "NotAcceptable")
_ONE_MODEL: Final = ("NotFound.model", "NotAcceptable")
_LOCATION: Final = {"Location": {"$ref": "#/components/headers/Location"}}
_MOMENT: Final = "a day such as 2026-01-31, a time such as 2026-01-31T12:00:00Z, or Unix seconds"
_PAGE: Final[Json] = {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1}
_SIZE: Final[Json] = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 20}
_MODEL: Final[Json] = {
    "name": "model",
    "in": "path",
    "required": True,
    "description": "The model's name",
    "schema": {"type": "string", "enum": list(OPERATIONS)},
    "example": "spark_asset_create",
}


def other_paths() -> Json:
    """These addresses, by path and method."""
    return {
        "/api/v1/skill/models": {"get": _models()},
        "/api/v1/skill/models/{model}/spec": {"get": _spec()},
        "/model/v1/models/skill/search": {"get": _search()},
        "/model/v1/models/skill/{model}": {"get": _model_page()},
        "/monitor/api/v1/cost/billing": {"get": _billing()},
        "/media/{asset_id}/{file_name}": {"get": _media()},
        "/s/{token}": {"get": _share()},
        "/healthz": {"get": _health("get_liveness", "Whether the process answers at all", "It does.")},
        "/readyz": {"get": _readiness()},
        "/metrics": {"get": _metrics()},
        "/openapi.json": {"get": _document("get_openapi", "This document", "application/json")},
        "/docs": {"get": _document("get_docs", "This document as a page", "text/html; charset=utf-8")},
    }


def _models() -> Json:
    query = [_query("page", "Which page, from 1", _PAGE), _query("page_size", "Models of a page", _SIZE)]
    query += [_query("type", "Models of this type, in any case"), _query("keywords", "Words in the name or the description")]
    return _catalogue("list_models", "The models, by page", query, _enveloped(reference(ModelPage)), _SELECTED)


def _spec() -> Json:
    return _catalogue("get_model_spec", "All that a client must know to use a model", [_MODEL], _enveloped(reference(Spec)), _ONE_MODEL)


def _search() -> Json:
    words = {"q": "Words in the name or the description", "type": "The type", "input": "What goes in", "output": "What comes out"}
    query = [_query(name, text) for name, text in words.items()]
    query += [_query("provider", "Who provides it"), _query("limit", "How many at most", _SIZE)]
    return _catalogue("search_models", "Models by words", query, reference(SearchAnswer), _SELECTED)


def _model_page() -> Json:
    answers = success(200, "The page.", {"type": "string"}, media_type="text/markdown; charset=utf-8")
    return {
        "tags": ["catalogue"],
        "operationId": "get_model_page",
        "summary": "A model in words: parameters, and an example; in Markdown",
        "security": _PUBLIC,
        "parameters": [_MODEL],
        "responses": answers | refusals(("NotFound.model", *ALWAYS)),
    }


def _billing() -> Json:
    codes = ("InvalidParameter.<Name>", *WITH_KEY, "AccessDenied", "NotFound.ProjectName", "NotAcceptable", *ALWAYS)
    return {
        "tags": ["billing"],
        "operationId": "get_billing",
        "summary": "What has been used and what it comes to, by project and model",
        "description": "`total_cost` is before the discount, `discount_total_cost` is what is due. At most 366 days at once.",
        "parameters": [
            _query("start", f"From this moment: {_MOMENT}; without it, from the beginning of the month", example="2026-01-01"),
            _query("end", f"Until just before this moment, or with this day: {_MOMENT}; without it, with today", example="2026-01-31"),
            _query("page", "Which page, from 1", _PAGE),
            _query("page_size", "Lines of a page", _SIZE),
            _query("model_group", "Only this model"),
            _query("credential_name", "Only the key with this name or ID"),
            _query("environment", "There is one: `release`"),
            _query("provider", "There is one: `spark-assets`"),
            {"$ref": "#/components/parameters/Project"},
        ],
        "responses": success(200, "The statement.", reference(BillingAnswer)) | refusals(codes),
    }


def _media() -> Json:
    link = {
        "expires": ("Unix seconds until which the link works", "^[0-9]{1,12}$"),
        "key": ("Which key signed it", "^[A-Za-z0-9]{1,64}$"),
        "signature": ("The signature", "^[A-Za-z0-9_-]{1,64}$"),
    }
    query = [_query(name, text, {"type": "string", "pattern": form}) | {"required": True} for name, (text, form) in link.items()]
    places = {"asset_id": "The asset's ID", "file_name": "A variant (`original`, `thumbnail`, `poster`, `waveform`) and its extension"}
    bytes_of_file = {"*/*": {"schema": {"contentMediaType": "application/octet-stream"}}}
    answers: Json = {
        "200": {"description": "The bytes.", "content": bytes_of_file},
        "206": {"description": "The range that was asked for, or up to eight of them as `multipart/byteranges`.", "content": bytes_of_file},
        "304": {"description": "The client's copy is still good."},
        "307": {
            "description": "The bytes lie on an object store; go on there.",
            "headers": _LOCATION,
        },
        "412": {"description": "The bytes are not those that the client wants."},
        "416": {"description": "There are no such bytes."},
    }
    return {
        "tags": ["delivery"],
        "operationId": "get_media",
        "summary": "The bytes behind a signed link, whole or in part",
        "description": "Links are handed out with assets, as they are; they need no key. Ranges and conditional requests are answered.",
        "security": _PUBLIC,
        "parameters": [*(_place(name, text) for name, text in places.items()), *query],
        "responses": answers | refusals(("NotFound.path", *ALWAYS)),
    }


def _share() -> Json:
    token = {"name": "token", "in": "path", "required": True, "description": "The share's token", "schema": {"type": "string"}}
    return {
        "tags": ["delivery"],
        "operationId": "get_share",
        "summary": "A share: leads to the bytes, for as long as it is not revoked",
        "description": "The address is handed out when the share is made; it needs no key.",
        "security": _PUBLIC,
        "parameters": [token | {"example": "0123456789abcdefghijkl"}],
        "responses": success(307, "Go on at `Location`.", None, headers=("Location",)) | refusals(("NotFound.path", *ALWAYS)),
    }


def _readiness() -> Json:
    operation = _health("get_readiness", "Whether requests can be served", "They can.")
    troubles = {"type": "object", "properties": {"status": {"const": "unavailable"}, "troubles": {"type": "object"}}}
    no = success(503, "Not now: the server is draining, or the database or the storage is away.", troubles, headers=("Retry-After",))
    operation["responses"] |= no
    return operation


def _health(name: str, summary: str, text: str) -> Json:
    schema = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
    return {
        "tags": ["service"],
        "operationId": name,
        "summary": summary,
        "security": _PUBLIC,
        "responses": success(200, text, schema) | refusals(("InternalError",)),
    }


def _metrics() -> Json:
    answers = success(200, "The text format of Prometheus.", {"type": "string"}, media_type="text/plain; version=0.0.4; charset=utf-8")
    return {
        "tags": ["service"],
        "operationId": "get_metrics",
        "summary": "What was counted, for Prometheus",
        "description": "For a key with the scope `metrics` and no list of projects, for it is about all of them.",
        "responses": answers | refusals((*WITH_KEY, "AccessDenied", "NotFound.path", *ALWAYS)),
    }


def _document(name: str, summary: str, media_type: str) -> Json:
    schema = {"type": "object"} if media_type == "application/json" else {"type": "string"}
    answers = success(200, "The document.", schema, media_type=media_type, headers=("ETag",))
    unchanged = {"304": {"description": "The client's copy is still good."}}
    return {
        "tags": ["service"],
        "operationId": name,
        "summary": summary,
        "security": _PUBLIC,
        "responses": answers | unchanged | refusals(ALWAYS),
    }


def _catalogue(name: str, summary: str, parameters: list[Json], schema: Json, codes: tuple[str, ...]) -> Json:
    return {
        "tags": ["catalogue"],
        "operationId": name,
        "summary": summary,
        "security": _PUBLIC,
        "parameters": parameters,
        "responses": success(200, "What was found.", schema) | refusals((*codes, *ALWAYS)),
    }


def _enveloped(data: Json) -> Json:
    return {"type": "object", "required": ["data", "status"], "properties": {"data": data, "status": reference(Status)}}


def _query(name: str, description: str, schema: Json | None = None, example: object = None) -> Json:
    found: Json = {"name": name, "in": "query", "description": description, "schema": schema or {"type": "string"}}
    return found if example is None else found | {"example": example}


def _place(name: str, description: str) -> Json:
    example = {"asset_id": "asset-20260101120000-bcdfg", "file_name": "original.jpg"}[name]
    return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}, "example": example}
