"""What `docs/generate.py` writes of the API: pages made from the definitions that the server runs on."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from spark_assets.domain.error_codes import REFUSALS
from spark_assets.domain.ingest_codes import DOWNLOAD_REASONS, FAULT_REASONS, INGEST_CODES
from spark_assets.domain.parameters import OPERATIONS
from spark_assets.web.admin.routes import ENDPOINTS
from spark_assets.web.catalogue.pages import example_body
from spark_assets.web.error_responses import STATUS
from spark_assets.web.openapi.document import build_document
from spark_assets.web.openapi.own_surface import tag_of
from spark_assets.web.openapi.samples import body_schema_of, curl
from spark_assets.web.openapi.words import Row, resolve, rows_of

BASE_URL: Final = "http://127.0.0.1:8080"
NOTE: Final = "<!-- Written by docs/generate.py from the server's own definitions; edit those. -->"
_METHODS: Final = ("get", "post", "put", "patch", "delete")

Json = dict[str, Any]


def openapi_file() -> str:
    """The OpenAPI document of a server on this machine."""
    return json.dumps(build_document(BASE_URL), indent=1, ensure_ascii=False) + "\n"


def operations_page() -> str:
    """The ten operations, under both their names."""
    document = build_document(BASE_URL)
    parts = [
        "# The ten operations",
        "",
        NOTE,
        "",
        "Each is a model of the task dialect, `POST /model/v1/generation`, and an action of the action dialect, `POST /?Action=...`; the",
        "parameters are the same. In the task dialect they stand beside `model`, in `input[0].params`, or in `parameters`. As an action,",
        "`CreateAsset` needs no `Name`. null counts as absent; names that are not known are ignored, but not another spelling of a known",
        "one. Our own surface under `/v1` is [another page](rest.md); what may go wrong is [on a third](errors.md).",
        "",
        "| model | action | what it does |",
        "| --- | --- | --- |",
        *(f"| [`{each.model}`](#{each.model}) | `{each.action}` | {each.summary} |" for each in OPERATIONS.values()),
    ]
    for operation in OPERATIONS.values():
        schema = document["components"]["schemas"][f"{operation.action}Task"]
        rows = [row for row in rows_of(document, schema) if row.name != "model"]
        body = json.dumps(example_body(operation), ensure_ascii=False)
        parts += ["", f"## {operation.model}", "", f"Action `{operation.action}`. {operation.summary}.", "", *_table(rows), ""]
        parts += [
            "```sh",
            f"curl {BASE_URL}/model/v1/generation \\",
            "  -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\",
        ]
        parts += [f"  -d '{body}'", "```"]
    return "\n".join([*parts, ""])


def rest_page() -> str:
    """Every endpoint under `/v1`."""
    document = build_document(BASE_URL)
    tags = list(dict.fromkeys(tag_of(endpoint) for endpoint in ENDPOINTS))
    parts = [
        "# Our own REST surface",
        "",
        NOTE,
        "",
        "JSON in snake_case, times in RFC 3339. Every request carries `Authorization: Bearer KEY`. Lists answer `items` and `next_cursor`,",
        "which leads on until it is null. A POST takes an `Idempotency-Key`, under which it may be repeated for a day. Names that are not",
        "known are refused. The [codes of errors](errors.md) that any endpoint may answer are left out here; a running server shows",
        "the whole at `/docs`, and tells it to programs at `/openapi.json`.",
    ]
    for tag in tags:
        parts += ["", f"## {tag.replace('-', ' ').capitalize()}"]
        for path, item in document["paths"].items():
            for method in _METHODS:
                if method in item and item[method]["tags"] == [tag]:
                    parts += ["", *_endpoint(document, path, method, item[method])]
    return "\n".join([*parts, ""])


def errors_page() -> str:
    """Every code, with what to do."""
    refusals = [f"| `{each.code}` | {STATUS[each.kind]} | {each.meaning} | {each.remedy} |" for each in REFUSALS]
    failures = [f"| `{each.code}` | {each.meaning} | {each.remedy} |" for each in INGEST_CODES]
    return "\n".join(
        [
            "# Errors",
            "",
            NOTE,
            "",
            "A code is stable and meant for programs; a message is meant for people and may change. What is refused at once is answered as",
            '`{"error": {"code", "message", "error_message", "param"}, "message", "request_id"}`; at `/?Action=` the code and the message',
            "are in `ResponseMetadata.Error`.",
            "",
            "## Refused requests",
            "",
            "| code | HTTP | meaning | what to do |",
            "| --- | --- | --- | --- |",
            *refusals,
            "",
            "## Failed ingestions",
            "",
            "The asset's `Error.Code` is the bare code; the task's `error.code` is `InvalidParameter.<Code>`, but for `InternalError`.",
            "A task whose asset was deleted meanwhile ends with `Conflict.Deleted`.",
            "",
            "| code | meaning | what to do |",
            "| --- | --- | --- |",
            *failures,
            "",
            "`DownloadFailed` has a `reason`:",
            "",
            *_reasons(DOWNLOAD_REASONS),
            "",
            "So has `InternalError`:",
            "",
            *_reasons(FAULT_REASONS),
            "",
        ]
    )


def _endpoint(document: Json, path: str, method: str, operation: Json) -> list[str]:
    lines = [f"### {method.upper()} {path}", "", f"{operation['summary']}.", ""]
    if "description" in operation:
        lines += [operation["description"], ""]
    lines += ["```sh", curl(document, path, method, operation), "```", ""]
    rows = list(_parameters(document, operation))
    if rows:
        lines += [*_table(rows), ""]
    body = body_schema_of(operation)
    if body is not None:
        lines += ["In the body:", "", *_table(rows_of(document, resolve(document, body))), ""]
    return [*lines, _answers(operation)]


def _parameters(document: Json, operation: Json) -> Iterator[Row]:
    for parameter in operation["parameters"]:
        found = resolve(document, parameter)
        if found["in"] != "header":
            yield Row.of(found["name"], found["schema"], is_required=found.get("required", False), meaning=found["description"])


def _answers(operation: Json) -> str:
    good = [f"{status} {answer['description']}" for status, answer in operation["responses"].items() if int(status) < 400]
    codes = [code for endpoint in ENDPOINTS for code in endpoint.errors if _is_of(endpoint, operation)]
    return f"Answers {' '.join(good)}" + (f" Errors of its own: {', '.join(f'`{code}`' for code in codes)}." if codes else "")


def _is_of(endpoint: Any, operation: Json) -> bool:
    return bool(operation["summary"] == endpoint.summary and operation["tags"] == [tag_of(endpoint)])


def _table(rows: Iterable[Row]) -> list[str]:
    head = ["| name | takes | required | meaning |", "| --- | --- | --- | --- |"]
    return head + [f"| `{row.name}` | {_takes(row)} | {'yes' if row.is_required else ''} | {_cell(row.meaning)} |" for row in rows]


def _takes(row: Row) -> str:
    return _cell(f"{row.kind}: {row.limits}" if row.limits else row.kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _reasons(reasons: dict[str, str]) -> list[str]:
    return ["| reason | meaning |", "| --- | --- |", *(f"| `{reason}` | {meaning} |" for reason, meaning in reasons.items())]
