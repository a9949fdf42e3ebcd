"""Values of every wrong kind in every parameter of every model and endpoint: a 4xx that names the parameter, never a 5xx."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import quote

import pytest

from spark_assets.domain.parameters import OPERATIONS, Operation
from spark_assets.web.admin.endpoint import Endpoint
from spark_assets.web.admin.routes import ENDPOINTS
from tests.factories.http import Answer, SparkClient
from tests.factories.spark_processes import Service

HOSTILE: Final[dict[str, str]] = {
    "true": "true",
    "a number": "1",
    "a fraction": "1.5",
    "a giant number": "9" * 900,
    "a number beyond 64 bits": str(2**63),
    "a negative one": str(-(2**63) - 1),
    "a tiny fraction": "1e-300",
    "an array": "[]",
    "an array of everything": '[null, 1, "x", {}, [[]]]',
    "many": "[" + ",".join(["1"] * 5000) + "]",
    "an object": '{"a": {"b": [1]}}',
    "an operator": '{"$gt": ""}',
    "half a pair": '"\\ud800"',
    "NUL": '"\\u0000"',
    "a long text": json.dumps("x" * 300_000),
    "marks": json.dumps("e" + "\u0301" * 10_000),
    "SQL": '"\' OR 1=1; --"',
    "blank": '" "',
    "no text": '"\U000e0001"',
    "a file": '"file:///etc/passwd"',
    "a line": '"a\\r\\nX-Injected: y"',
}
"""JSON by what it is."""
_NAMES_OF: Final = {"Filter": ("Filter", "GroupIds", "GroupType", "JSON")}


def _sweep(ask: Any, cases: list[Any]) -> list[tuple[Any, Answer]]:
    with ThreadPoolExecutor(4) as threads:
        return list(zip(cases, threads.map(lambda case: ask(*case), cases), strict=True))


def _check(label: object, answer: Answer, *names: str) -> None:
    assert answer.status < 500, (label, answer.body)
    assert "x-injected" not in answer.headers
    if answer.status == 400:
        assert answer.json()["error"]["param"] in (*names, "JSON"), (label, answer.body)
    else:
        assert answer.status in {200, 201, 202, 204, 404, 409, 413}, (label, answer.body)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.model)
def test_no_value_in_a_parameter_of_a_model_is_a_fault_of_the_server(client: SparkClient, operation: Operation) -> None:
    every = (*operation.required, *operation.optional)
    needed = {parameter.name: json.dumps(parameter.example) for parameter in operation.required}

    def ask(name: str, value: str) -> Answer:
        fields = {"model": json.dumps(operation.model), **needed, name: value}
        return client.post(("{" + ",".join(f'"{key}": {text}' for key, text in fields.items()) + "}").encode())

    cases = [(parameter.name, value) for parameter in every for value in HOSTILE.values()]
    for (name, value), answer in _sweep(ask, cases):
        _check((name, value[:40]), answer, name, *([] if name != "Filter" else _filter_names(value)))


def _filter_names(value: str) -> list[str]:
    return list(json.loads(value)) if value.startswith("{") else []


@pytest.fixture(scope="module")
def administrator(service: Service) -> SparkClient:
    """Of a project of its own."""
    service.quick_command("projects", "create", "hostile")
    return service.client(
        "--project", "hostile", *[o for scope in ("assets:read", "assets:write", "project:admin") for o in ("--scope", scope)]
    )


WITH_BODY: Final = [endpoint for endpoint in ENDPOINTS if endpoint.has_body]
WITH_QUERY: Final = [endpoint for endpoint in ENDPOINTS if endpoint.query and endpoint.media_type == "application/json"]


def _name(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def _path(endpoint: Endpoint) -> str:
    """With the project's own name, and IDs that are unknown, which is found out after the parameters were read."""
    named = ("group_id", "asset_id", "share_id", "task_id", "upload_id", "key_id", "webhook_id")
    return endpoint.path.format(project="hostile", **dict.fromkeys(named, "none"))


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=_name)
def test_no_value_in_a_field_of_a_body_is_a_fault_of_the_server(administrator: SparkClient, endpoint: Endpoint) -> None:
    needed = {parameter.name: json.dumps(parameter.example) for parameter in endpoint.required}

    def ask(name: str, value: str) -> Answer:
        fields = {**needed, name: value} | ({"dry_run": "true"} if endpoint.path == "/v1/erasures" and name != "dry_run" else {})
        body = ("{" + ",".join(f'"{key}": {text}' for key, text in fields.items()) + "}").encode()
        return administrator.request(endpoint.method, _path(endpoint), body=body, headers={"Content-Type": "application/json"})

    every = [*endpoint.required, *endpoint.optional]
    allowed = {403} if endpoint.path.startswith("/v1/projects") else set()
    for (name, value), answer in _sweep(ask, [(parameter.name, value) for parameter in every for value in HOSTILE.values()]):
        if answer.status not in allowed:
            _check((name, value[:40]), answer, *(parameter.name for parameter in every))


IN_QUERIES: Final = (
    "",
    "%00",
    "%ff",
    "%ed%a0%80",
    "-1",
    "9" * 500,
    "1e9",
    "%27%20OR%201%3D1",
    "x" * 8000,
    "%F0%9F%98%80",
    "%0d%0aX-Injected:y",
)


@pytest.mark.parametrize("endpoint", WITH_QUERY, ids=_name)
def test_no_value_in_a_query_is_a_fault_of_the_server(administrator: SparkClient, endpoint: Endpoint) -> None:
    def ask(name: str, value: str) -> Answer:
        return administrator.request(endpoint.method, f"{_path(endpoint)}?{quote(name)}={value}")

    cases = [(parameter.name, value) for parameter in endpoint.query for value in IN_QUERIES]
    for (name, value), answer in _sweep(ask, [*cases, ("unknown", "1"), ("\u202e", "1")]):
        _check((name, value[:40]), answer, name, "query")


def test_whatever_was_sent_the_server_has_met_no_fault(service: Service) -> None:
    assert "request_crashed" not in service.server.log
    assert "routing_crashed" not in service.server.log
