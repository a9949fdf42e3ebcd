"""What Schemathesis loads: some of its checks, with what a schema cannot announce.

A schema describes each value by itself. Where two values must fit each other, or a value must be one that the server gave out,
a request may keep to the schema and be refused all the same. Each such refusal stands here, with its reason; any other one of a
request that keeps to the schema is a finding. Likewise the few requests that are accepted although Schemathesis holds them for wrong.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.checks import CHECKS

_ANYWHERE: Final = {
    "InvalidParameter.cursor": "a cursor is one that the list gave out",
    "InvalidParameter.NextToken": "a cursor is one that the list gave out",
    "InvalidParameter.Paging": "page mode and cursor mode exclude each other",
    "InvalidParameter.URL": "no format says what can be fetched: international names, number-like hosts, the port 0",
    "InvalidParameter.url": "no format says what can be fetched",
    "InvalidParameter.callback_url": "no format says what can be posted to",
    "InvalidParameter.start": "a day, a time or Unix seconds, before the end and not too long before it",
    "InvalidParameter.end": "a day, a time or Unix seconds",
    "FileSizeTooLarge": "how large a file may be is for the media policy to say",
    "UnsupportedVersion": "tus has a status of its own for another version",
    "ChecksumMismatch": "a checksum belongs to the bytes",
    "InvalidParameter.expires_at": "a moment that is yet to come, and within a hundred years",
}
_BY_PATH: Final = {
    ("/", "MissingParameter"): "the body is that of the action in the query",
    ("/", "InvalidParameter"): "the body is that of the action in the query",
    ("/open/{Action}", "MissingParameter"): "the body is that of the action in the path",
    ("/open/{Action}", "InvalidParameter"): "the body is that of the action in the path",
    ("/volc/asset/{Action}", "MissingParameter"): "the body is that of the action in the path",
    ("/volc/asset/{Action}", "InvalidParameter"): "the body is that of the action in the path",
    ("/v1/assets/bulk", "InvalidParameter"): "a group belongs to a move, tags belong to tagging",
    ("/v1/assets/bulk", "MissingParameter"): "a group belongs to a move, tags belong to tagging",
    ("/v1/erasures", "InvalidParameter"): "exactly one thing is named",
    ("/v1/erasures", "MissingParameter"): "exactly one thing is named",
    ("/v1/uploads", "MissingParameter"): "a file of no bytes is none",
    ("/v1/uploads", "InvalidParameter"): "an array or an object in a form is written in JSON",
    ("/v1/uploads/tus", "MissingParameter"): "the fields are in the metadata, each in base64",
    ("/v1/uploads/tus", "InvalidParameter"): "the fields are in the metadata, each in base64",
    ("/v1/uploads/tus/{upload_id}", "InvalidParameter"): "a checksum is an algorithm and a hash in base64",
    ("/v1/batches", "InvalidParameter"): "the body is lines, of which one at least is not blank",
    ("/v1/keys", "InvalidParameter"): "a name is printable, as Unicode means it",
    ("/v1/access-keys", "InvalidParameter"): "a name is printable, as Unicode means it",
}
_EMPTY_IS_ABSENT: Final = ("/api/", "/model/v1/models/", "/monitor/")
"""Where the vendor's clients send fields that are empty."""
_OTHER_VERSION: Final = 412
_TOLD: Final = (400, _OTHER_VERSION, 413, 460)
"""Statuses of the refusals above."""
_LINES: Final = "/v1/batches"
"""Where each line of a body is answered by itself, so that the whole is never refused for one."""
_KEYS: Final = ("/v1/keys", "/v1/access-keys")
_REAL_IDS: Final[dict[str, str]] = json.loads(os.environ.get("SPARK_TEST_REAL_IDS", "{}"))
"""What stands for the IDs of the document's examples."""


@schemathesis.check
def refused_only_as_documented(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """The check `positive_data_acceptance`, but for what is told in words."""
    code = _code_of(response)
    if code in _ANYWHERE or (case.path, code.partition(".")[0]) in _BY_PATH:
        return None
    original = CHECKS.get_one("positive_data_acceptance")
    return original(ctx, response, case)


@schemathesis.check
def accepted_only_as_documented(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """The check `negative_data_rejection`, but for empty fields where they are as good as none."""
    if response.status_code == _OTHER_VERSION or case.path == _LINES:
        return None
    fields = parse_qsl(urlsplit(response.request.url or "").query, keep_blank_values=True)
    if case.path.startswith(_EMPTY_IS_ABSENT) and any(not value for _, value in fields):
        return None
    original = CHECKS.get_one("negative_data_rejection")
    return original(ctx, response, case)


@schemathesis.check
def header_missed_as_documented(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """The check `missing_required_header`, but for the version of tus, which has a status of its own."""
    return None if response.status_code == _OTHER_VERSION else CHECKS.get_one("missing_required_header")(ctx, response, case)


@schemathesis.serializer("application/x-ndjson", "application/offset+octet-stream")
def write_as_it_is(_context: Any, value: Any) -> bytes:
    """Lines and bytes travel as they are."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.check
def gone_once_deleted(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """The check `use_after_free`, but for keys: a revoked one stays on record."""
    return None if case.path.startswith(_KEYS) else CHECKS.get_one("use_after_free")(ctx, response, case)


@schemathesis.check
def there_once_made(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """The check `ensure_resource_availability`, but for keys: one that was rotated has ended, and cannot be revoked again."""
    return None if case.path.startswith(_KEYS) else CHECKS.get_one("ensure_resource_availability")(ctx, response, case)


@schemathesis.hook
def before_call(context: Any, case: Case, kwargs: dict[str, Any]) -> None:
    """Make the examples of the document true: the IDs in requests that keep to it lead to things that exist.

    And spare the key that Schemathesis runs with, which it finds in the list of keys and would revoke.
    """
    real = {os.environ.get("SPARK_TEST_KEY_ID", ""): "key-of-nobody"}
    if case.meta is not None and case.meta.generation.mode.is_positive:
        real |= _REAL_IDS
    for place in ("path_parameters", "query", "body"):
        given = getattr(case, place)
        replaced = _replace(given, real)
        if replaced != given:  # what is set anew is judged anew
            setattr(case, place, replaced)


def _replace(value: Any, real: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return real.get(value, value)
    if isinstance(value, dict):
        return {name: _replace(item, real) for name, item in value.items()}
    return [_replace(item, real) for item in value] if isinstance(value, list) else value


def _code_of(response: Response) -> str:
    """The code of a refusal that may be one of those, in either shape; empty for any other answer."""
    if response.status_code not in _TOLD or not response.content:
        return ""
    body = response.json()
    head = body["ResponseMetadata"]["Error"]["Code"] if "ResponseMetadata" in body else body["error"]["code"]
    return str(head)
