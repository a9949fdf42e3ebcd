"""What Schemathesis loads: its checks, and the refusals that a schema cannot announce.

A schema describes each value by itself. Where two values must fit each other, or a value must be one that the server gave out,
a request may keep to the schema and be refused all the same. Each such refusal stands here, with its reason; any other one of a
request that keeps to the schema is a finding.
"""

import json
import os
from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.checks import CHECKS

_ANYWHERE: Final = {
    "InvalidParameter.cursor": "a cursor is one that the list gave out",
    "InvalidParameter.NextToken": "a cursor is one that the list gave out",
    "InvalidParameter.Paging": "page mode and cursor mode exclude each other",
    "InvalidParameter.URL": "no format says what can be fetched: international names, number-like hosts, the port 0",
    "InvalidParameter.url": "no format says what can be fetched",
    "InvalidParameter.start": "a day, a time or Unix seconds, before the end and not too long before it",
    "InvalidParameter.end": "a day, a time or Unix seconds",
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
    ("/v1/keys", "InvalidParameter"): "a name is printable, as Unicode means it",
    ("/v1/access-keys", "InvalidParameter"): "a name is printable, as Unicode means it",
}
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


@schemathesis.hook
def before_call(context: Any, case: Case, kwargs: dict[str, Any]) -> None:
    """Make the examples of the document true: the IDs in requests that keep to it lead to things that exist.

    And spare the key that Schemathesis runs with, which it finds in the list of keys and would revoke.
    """
    if case.path_parameters.get("key_id") == os.environ.get("SPARK_TEST_KEY_ID"):
        case.path_parameters["key_id"] = "key-of-nobody"
    if case.meta is not None and case.meta.generation.mode.is_positive:
        for place in ("path_parameters", "query", "body"):
            setattr(case, place, _with_real_ids(getattr(case, place)))


def _with_real_ids(value: Any) -> Any:
    if isinstance(value, str):
        return _REAL_IDS.get(value, value)
    if isinstance(value, dict):
        return {name: _with_real_ids(item) for name, item in value.items()}
    return [_with_real_ids(item) for item in value] if isinstance(value, list) else value


def _code_of(response: Response) -> str:
    """The code of a refusal of 400, in either shape; empty for any other answer."""
    if response.status_code != 400:
        return ""
    body = response.json()
    head = body["ResponseMetadata"]["Error"]["Code"] if "ResponseMetadata" in body else body["error"]["code"]
    return str(head)
