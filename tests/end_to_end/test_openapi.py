"""The OpenAPI document holds what it says, against a running server."""

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient, send
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "schemathesis"
EXAMPLES: Final = 6
"""Cases of the kind that are drawn at random, for each operation; those of the kinds that are enumerated come on top."""
PATIENCE: Final = 300.0
"""Seconds; on a machine that does nothing else it takes twenty."""
ENDLESS: Final = "/events$"
"""Streams go on for as long as their client listens, and Schemathesis would: `test_live_state.py` does."""
LEFT_OUT: Final = "missing_required_header,positive_data_acceptance,negative_data_rejection,use_after_free,ensure_resource_availability"
"""They are asked in `documented_refusals.py`, which tells what a schema cannot announce. All other checks are on as they are."""


@pytest.fixture(scope="session")
def explored(make_service: MakeService) -> Iterator[Service]:
    """A service of its own: it is left with whatever a thousand random requests have made of it."""
    with make_service() as running:
        yield running


@pytest.fixture(scope="session")
def document(service: Service) -> Any:
    """The document as it is served."""
    return send("GET", f"{service.base_url}/openapi.json").json()


def test_the_document_is_valid_openapi_3_1(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_document_needs_no_key_and_is_sent_once(service: Service) -> None:
    first = send("GET", f"{service.base_url}/openapi.json")
    assert (first.status, first.headers["content-type"]) == (200, "application/json")
    assert first.json()["servers"] == [{"url": service.base_url}]
    again = send("GET", f"{service.base_url}/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    head = send("HEAD", f"{service.base_url}/openapi.json")
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", first.headers["etag"])


def test_the_page_shows_every_operation_and_loads_nothing(service: Service, document: Any) -> None:
    answered = send("GET", f"{service.base_url}/docs")
    page = answered.body.decode()
    policy = answered.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not any(sign in page for sign in ("<script", "<link", "<img", "<iframe", "@import", "url(", "style=", "onclick"))
    for item in document["paths"].values():
        for operation in item.values():
            assert f'<article id="{operation["operationId"]}">' in page


@pytest.mark.parametrize("method", ["TRACE", "QUERY", "PURGE"])
def test_a_method_that_is_nowhere_in_use_is_refused_with_those_that_are(service: Service, method: str) -> None:
    answered = send(method, f"{service.base_url}/v1/groups/group-1")
    assert (answered.status, answered.code, answered.headers["allow"]) == (405, "MethodNotAllowed", "GET, PATCH, DELETE, HEAD")
    assert send(method, f"{service.base_url}/nowhere").status == 404


def stop_ingesting(service: Service) -> None:
    """Leave the server running, and nobody who takes jobs."""
    if service.worker is not None:
        service.worker.stop()
        return
    service.server.stop()
    service.server.variables["SPARK_ASSETS_INGEST"] = "false"
    service.server.start()


def test_requests_made_from_the_document_are_answered_as_it_says(explored: Service, shelf: Shelf, media: Path) -> None:
    """Schemathesis: examples, edges of every schema, random cases, and requests that follow from each other's answers.

    Nothing is fetched meanwhile: by then the server does not ingest, so that no address that was made up is looked for.
    """
    key = explored.make_key("--scope", "admin")
    client = SparkClient(explored.base_url, key["key"])
    group = client.create_group("explored")
    task = client.completed(client.submit_asset(group, shelf.put("/explored.jpg", make_jpeg(media / "explored.jpg"))))
    real = {
        "group-20260101120000-bcdfg": group,
        "asset-20260101120000-bcdfg": task["metadata"]["asset_id"],
        "d5k1e9g6n88s73f0a1bg": task["id"],
    }
    stop_ingesting(explored)
    hooks = {"SCHEMATHESIS_HOOKS": "tests.end_to_end.documented_refusals"}
    phases = "examples,fuzzing" if explored.is_fleet else "examples,coverage,fuzzing,stateful"  # the edges are long, and alike on both
    finished = subprocess.run(
        [
            str(PROGRAM), "run", f"{explored.base_url}/openapi.json", "--header", f"Authorization: Bearer {key['key']}",
            "--exclude-path-regex", ENDLESS, "--exclude-checks", LEFT_OUT, "--phases", phases,
            "--max-examples", str(EXAMPLES), "--seed", "1",
            "--continue-on-failure", "--no-color", "--request-timeout", "30",
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, **hooks, "SPARK_TEST_KEY_ID": key["id"], "SPARK_TEST_REAL_IDS": json.dumps(real)},
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout[-20_000:] + finished.stderr[-2_000:]
    assert "request_crashed" not in explored.server.log
