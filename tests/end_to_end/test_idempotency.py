"""A creating request that is repeated has one effect and one answer, on every surface and at any moment."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from spark_assets.domain.parameters import CREATE_GROUP, UPDATE_GROUP
from tests.end_to_end.conftest import MakeService
from tests.factories.http import GENERATION, Answer, SparkClient, result
from tests.factories.spark_processes import Service
from tests.factories.surfaces import VERSION

ACTION = f"/?Action={CREATE_GROUP.action}&Version={VERSION}"
GROUP = {"Name": "cast", "GroupType": "AIGC"}
SURFACES: dict[str, tuple[str, dict[str, Any]]] = {
    "task": (GENERATION, {"model": CREATE_GROUP.model, **GROUP}),
    "action": (ACTION, GROUP),
    "open": (f"/open/{CREATE_GROUP.action}", GROUP),
    "own": ("/v1/groups", {"name": "cast"}),
}


@pytest.fixture(scope="module")
def caller(service: Service) -> SparkClient:
    """Someone alone in a project, so that everything in it can be counted."""
    service.quick_command("projects", "create", "repeated")
    return service.client("--project", "repeated")


@pytest.fixture(params=SURFACES, ids=list(SURFACES))
def surface(request: pytest.FixtureRequest) -> str:
    """One of the ways in."""
    return str(request.param)


def _create(caller: SparkClient, surface: str, key: str, *, header: str = "Idempotency-Key", **changes: Any) -> Answer:
    path, body = SURFACES[surface]
    return caller.request("POST", path, body=json.dumps({**body, **changes}).encode(), headers={header: key})


def _essence(answer: Answer) -> Any:
    """What was answered, without the ID of the request that brought it."""
    body = answer.json()
    body.pop("ResponseMetadata", None)
    return body


def _count(caller: SparkClient) -> int:
    listed = caller.request("POST", "/open/ListAssetGroups", body=b'{"Filter": {}, "PageNumber": 1}')
    return int(listed.json()["TotalCount"])


def test_fifty_at_once_are_answered_alike_and_make_one_group(caller: SparkClient, surface: str) -> None:
    before, key = _count(caller), str(uuid4())
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: _create(caller, surface, key), range(50)))
    assert {answer.status for answer in answers} == {201 if surface == "own" else 200}
    assert all(_essence(answer) == _essence(answers[0]) for answer in answers)
    assert _count(caller) == before + 1


def test_another_body_under_the_same_key_is_refused(caller: SparkClient, surface: str) -> None:
    key = str(uuid4())
    first = _create(caller, surface, key)
    before = _count(caller)
    changed = {"name": "crew"} if surface == "own" else {"Name": "crew"}
    refused = _create(caller, surface, key, **changed)
    assert refused.status == 409
    assert b"Conflict.IdempotencyKey" in refused.body
    assert _essence(_create(caller, surface, key)) == _essence(first)
    assert _count(caller) == before


def test_a_key_belongs_to_the_one_who_gave_it(caller: SparkClient, service: Service, surface: str) -> None:
    key, other = str(uuid4()), service.client("--project", "repeated", "--scope", "assets:write")
    before = _count(caller)
    assert _essence(_create(caller, surface, key)) != _essence(_create(other, surface, key))
    assert _count(caller) == before + 2


def test_a_refused_request_may_be_repeated_once_it_is_mended(caller: SparkClient, surface: str) -> None:
    key = str(uuid4())
    wrong = {"name": " "} if surface == "own" else {"Name": " "}
    assert _create(caller, surface, key, **wrong).status == 400
    assert _create(caller, surface, key).status in {200, 201}


@pytest.mark.parametrize("key", ["x" * 256, "caf\u00e9"])
def test_a_key_has_limits(caller: SparkClient, surface: str, key: str) -> None:
    refused = _create(caller, surface, key)
    assert refused.status == 400
    assert b"InvalidParameter.Idempotency-Key" in refused.body
    assert _create(caller, surface, f"{uuid4()}".ljust(255, "x")).status in {200, 201}


def test_the_attempts_of_one_sdk_call_are_one_call(caller: SparkClient) -> None:
    before, invocation = _count(caller), str(uuid4())
    answers = [_create(caller, "action", invocation, header="X-Sdk-Invocation-Id") for _ in range(4)]
    assert len({json.dumps(_essence(answer)) for answer in answers}) == 1
    assert _count(caller) == before + 1


def test_what_only_changes_takes_no_key(caller: SparkClient) -> None:
    group, invocation = _create(caller, "open", str(uuid4())).json()["Id"], str(uuid4())
    for name in ("first", "second"):
        body = json.dumps({"Id": group, "Name": name}).encode()
        headers = {"X-Sdk-Invocation-Id": invocation, "Idempotency-Key": invocation}
        assert caller.request("POST", f"/open/{UPDATE_GROUP.action}", body=body, headers=headers).status == 200
    shown = caller.request("POST", "/open/GetAssetGroup", body=json.dumps({"Id": group}).encode()).json()
    assert shown["Name"] == "second"


def test_an_answer_outlives_a_killed_server(make_service: MakeService) -> None:
    with make_service() as service:
        caller, key = service.client(), str(uuid4())
        first = _create(caller, "task", key)
        service.server.kill()
        service.server.start()
        again = _create(caller, "task", key)
        assert again.json() == first.json()
        assert result(caller.completed(again.json()["id"]))["Id"]
