"""The OpenAPI document leaves nothing out, and the codes in it are those that the code knows."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from spark_assets.domain.error_codes import REFUSALS, find_code
from spark_assets.domain.ingest_codes import INGEST_CODES
from spark_assets.web.admin.routes import ENDPOINTS
from spark_assets.web.app import build
from spark_assets.web.error_responses import STATUS
from spark_assets.web.openapi.document import build_document
from tests.architecture.test_house_rules import FILES

DOCUMENT: Final = build_document("http://127.0.0.1:8080")
MOUNTS: Final = {"/model/v1/generation/task": ("/{task_id}", "/{task_id}/events", "/{task_id}/cancel", "/{task_id}/retry")}
"""What is routed as a mount, and the paths below it."""
PEOPLE_ONLY: Final = ("/console",)
"""What is for browsers: not an API."""
OPERATIONS: Final[dict[str, Any]] = {
    f"{method.upper()} {path}": operation for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
}
_FAMILIES: Final = {"NotFound": "NotFound.{}", "Conflict": "Conflict.{}", "SignatureError": "{}", "IngestFailure": "{}"}
_PLACEHOLDER: Final = re.compile(r"\{[^}]*\}")


def shape(path: str) -> str:
    """A path whatever its placeholders are called."""
    return _PLACEHOLDER.sub("{}", path)


def test_every_path_of_the_router_is_described_and_no_other() -> None:
    routes = [route.path for route in build(lambda: pytest.fail("nothing is opened")).routes]
    routed = {shape(path + below) for path in routes for below in MOUNTS.get(path, ("",))}
    assert {path for path in routed if not path.startswith(PEOPLE_ONLY)} == {shape(path) for path in DOCUMENT["paths"]}


def test_every_endpoint_is_described_under_a_name_of_its_own() -> None:
    assert {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS} <= set(OPERATIONS)
    names = Counter(operation["operationId"] for operation in OPERATIONS.values())
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_tells_a_summary_an_answer_an_example_and_its_errors(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"] and operation["tags"]
    statuses = [int(status) for status in operation["responses"]]
    assert any(status < 400 for status in statuses)
    assert any(status >= 400 for status in statuses)
    if operation.get("security") != []:
        assert {401, 403} <= set(statuses)
    if "requestBody" in operation:
        [content] = operation["requestBody"]["content"].values()
        assert "example" in content or "examples" in content


@pytest.mark.parametrize("name", ["POST /model/v1/generation", "POST /", "POST /open/{Action}", "POST /volc/asset/{Action}"])
def test_a_creation_in_either_dialect_tells_of_its_idempotency_key_and_of_files_that_are_too_large(name: str) -> None:
    operation = OPERATIONS[name]
    assert {"$ref": "#/components/parameters/IdempotencyKey"} in operation["parameters"]
    for status, code in (("409", "Conflict.IdempotencyKey"), ("413", "FileSizeTooLarge")):
        assert code in operation["responses"][status]["content"]["application/json"]["examples"]


def test_what_is_referred_to_is_there() -> None:
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for word in reference.removeprefix("#/").split("/"):
            assert word in found, reference
            found = found[word]


def references(part: Any) -> Iterator[str]:
    """Every `$ref` in it."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for item in part.values():
            yield from references(item)
    elif isinstance(part, list):
        for item in part:
            yield from references(item)


def raised_codes() -> Iterator[tuple[str, str]]:
    """The kind of error and the code of every one that is made with a code in so many words."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FAMILIES and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield node.func.id, _FAMILIES[node.func.id].format(first.value)


def test_every_code_that_is_raised_has_a_meaning_and_a_remedy() -> None:
    refusals = {entry.code for entry in REFUSALS}
    ingests = {entry.code for entry in INGEST_CODES}
    unknown = {code for kind, code in raised_codes() if code not in (ingests if kind == "IngestFailure" else refusals)}
    assert unknown == set(), "describe them in domain/error_codes.py or domain/ingest_codes.py"


def test_every_code_of_an_endpoint_is_one_that_can_be_told() -> None:
    for endpoint in ENDPOINTS:
        for code in endpoint.errors:
            assert STATUS[find_code(code).kind] >= 400
