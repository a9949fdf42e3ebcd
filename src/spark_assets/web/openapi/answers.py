"""The answers of an operation as OpenAPI tells them: what it succeeds with, and every code it may refuse with."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from spark_assets.domain.error_codes import REFUSALS, ErrorCode, find_code
from spark_assets.web.error_responses import STATUS
from spark_assets.web.openapi.schemas import reference
from spark_assets.wire.errors import ErrorBody, ErrorDetail

Json = dict[str, Any]

EXAMPLE_REQUEST_ID: Final = "20260131120000A1B2C3D4E5F6A1B2C3D4"
ALWAYS: Final = ("InternalError", "ServiceUnavailable")
"""Codes that anything may be answered with."""
WITH_KEY: Final = ("MissingAuthenticationToken", "InvalidApiKey")
WITH_BODY: Final = ("InvalidParameter.JSON", "RequestTimeout", "RequestTooLarge", "UnsupportedMediaType")
_SHARED: Final = {
    "Unauthenticated": WITH_KEY,
    "Denied": ("AccessDenied",),
    "NotAcceptable": ("NotAcceptable",),
    "Timeout": ("RequestTimeout",),
    "TooLarge": ("RequestTooLarge",),
    "UnsupportedMediaType": ("UnsupportedMediaType",),
    "Limited": ("AccountFlowLimitExceeded",),
    "Fault": ("InternalError",),
    "Unavailable": ("ServiceUnavailable",),
}
"""Answers that many operations have, and the codes in each."""
_HEADERS: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    503: ("Retry-After",),
}
HEADERS: Final[Json] = {
    "X-Request-Id": {"description": "Names this exchange in the server's log", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to prove who you are", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before the next try", "schema": {"type": "integer"}},
    "RateLimit-Limit": {"description": "Requests that the key may send in a second", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "What is left of them", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until all of them are there again", "schema": {"type": "integer"}},
    "Location": {"description": "Where to go on", "schema": {"type": "string", "format": "uri"}},
    "ETag": {"description": "What `If-None-Match` compares", "schema": {"type": "string"}},
}
"""The components that answers refer to."""


def success(
    status: int, description: str, schema: Json | None, *, media_type: str = "application/json", headers: Iterable[str] = ()
) -> Json:
    """The answers of an operation that succeeds, by status."""
    answer: Json = {"description": description, "headers": _header_references(("X-Request-Id", *headers))}
    if schema is not None:
        answer["content"] = {media_type: {"schema": schema}}
    return {str(status): answer}


def refusals(codes: Iterable[str]) -> Json:
    """The answers that refuse, by status, with an example for each code."""
    by_status: dict[int, list[ErrorCode]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        entry = find_code(code)
        by_status[STATUS[entry.kind]].append(entry)
    return {str(status): _refusal(status, by_status[status]) for status in sorted(by_status)}


def shared_refusals() -> Json:
    """The component answers, by name."""
    return {name: _told([find_code(code) for code in codes]) for name, codes in _SHARED.items()}


def code_examples(codes: Iterable[str]) -> Json:
    """The component examples, by code."""
    return {entry.shown: {"summary": entry.meaning, "value": example_error(entry)} for entry in map(find_code, sorted(set(codes)))}


def all_codes() -> list[str]:
    """Every code that has an entry of its own."""
    return [entry.code for entry in REFUSALS if entry.code != "Conflict.<What>"]


def example_error(entry: ErrorCode) -> Json:
    """An error as it travels."""
    family, _, name = entry.shown.partition(".")
    param = name if family in {"MissingParameter", "InvalidParameter"} else None
    message = entry.meaning.rstrip(".")
    shown = ErrorBody(ErrorDetail(entry.shown, message, f"{entry.shown}: {message}", param), message, EXAMPLE_REQUEST_ID)
    found: Json = msgspec.to_builtins(shown)
    return found


def _refusal(status: int, entries: list[ErrorCode]) -> Json:
    codes = {entry.code for entry in entries}
    for name, shared in _SHARED.items():
        if codes == set(shared):
            return {"$ref": f"#/components/responses/{name}"}
    return _told(entries)


def _told(entries: list[ErrorCode]) -> Json:
    status = STATUS[entries[0].kind]
    examples = {entry.shown: {"$ref": f"#/components/examples/{entry.shown}"} for entry in entries}
    return {
        "description": " ".join(f"`{entry.code}`: {entry.meaning}" for entry in entries),
        "headers": _header_references(("X-Request-Id", *_HEADERS.get(status, ()))),
        "content": {"application/json": {"schema": reference(ErrorBody), "examples": examples}},
    }


def _header_references(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
