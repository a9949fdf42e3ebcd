"""Prices, estimates and statements, over HTTP, on a service of each size that charges."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.end_to_end.conftest import MakeService
from tests.factories.http import GENERATION, Answer, SparkClient
from tests.factories.spark_processes import Service

PRECHARGE = f"{GENERATION}/precharge"
BILLING = "/monitor/api/v1/cost/billing"
GROUP = {"Name": "hero", "GroupType": "AIGC"}
MODEL = "spark_asset_create_group"


@pytest.fixture(scope="module")
def priced(make_service: MakeService) -> Iterator[Service]:
    """A service where a group costs 3 cents and reading one a micro-dollar, less a third."""
    with make_service(price_create_group="0.03", price_get_group="0.000001", discount="33.3") as running:
        yield running


@pytest.fixture(scope="module")
def payer(priced: Service) -> SparkClient:
    """A caller with an ordinary key."""
    return priced.client()


def _precharge(client: SparkClient, body: Any, **headers: str) -> Answer:
    return client.request("POST", PRECHARGE, body=json.dumps(body).encode(), headers={"Content-Type": "application/json", **headers})


def _billing(client: SparkClient, headers: dict[str, str] | None = None, **query: str) -> Any:
    answer = client.request("GET", f"{BILLING}?{urlencode(query)}", headers=headers)
    assert answer.status == 200, answer.body
    shown = answer.json()
    assert (shown["code"], shown["message"]) == (0, "")
    return shown["data"]


def _use(priced: Service, project: str, groups: int) -> SparkClient:
    """A caller with a project of its own, in which so many groups are made and read once each."""
    priced.quick_command("projects", "create", project)
    client = priced.client("--project", project)
    for _ in range(groups):
        client.completed(client.submit("spark_asset_get_group", Id=client.create_group()))
    return client


def test_a_completed_task_says_what_it_cost(payer: SparkClient) -> None:
    task = payer.completed(payer.submit(MODEL, **GROUP))
    assert task["usage"] == {"cost": "0.020010", "discount": 0.00999}


def test_an_estimate_has_the_price_and_makes_nothing(priced: Service) -> None:
    client = _use(priced, "estimate", 0)
    answer = _precharge(client, {"model": MODEL, **GROUP})
    assert answer.status == 200, answer.body
    shown = answer.json()
    data = shown["data"]
    assert shown["status"] == "success"
    assert {name: data[name] for name in ("billing_model", "model", "original_model")} == dict.fromkeys(
        ("billing_model", "model", "original_model"), MODEL
    )
    assert (data["cost"], data["discount"], data["currency"], data["sample_count"]) == ("0.020010", 0.00999, "USD", 0)
    assert re.fullmatch(r"v1:[0-9a-f]{64}", data["hash"])
    assert abs(data["updated_at"] / 1000 - time.time()) < 60
    assert _billing(client)["summary"]["total_requests"] == 0


def test_an_estimate_reads_its_body_as_a_creation_does(payer: SparkClient) -> None:
    bodies = [
        {"model": MODEL, **GROUP},
        {"model": MODEL, "input": [{"params": GROUP}], "moderation": False, "id": "x"},
        {"model": MODEL, "parameters": GROUP},
    ]
    hashes = {_precharge(payer, body).json()["data"]["hash"] for body in bodies}
    hashes.add(_precharge(payer, GROUP, **{"X-Model": MODEL}).json()["data"]["hash"])
    assert len(hashes) == 1
    assert _precharge(payer, {"model": "spark_asset_get", "Id": "x"}).json()["data"]["hash"] not in hashes


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": MODEL, "GroupType": "AIGC"}, 400, "MissingParameter.Name"),
        ({"model": MODEL, "Name": "x", "GroupType": "Other"}, 400, "InvalidParameter.GroupType"),
        (GROUP, 400, "MissingParameter.model"),
        ({"model": "nope"}, 404, "NotFound.model"),
        (
            {"model": "spark_asset_create", "Name": "x", "URL": "ftp://x", "AssetType": "Image", "GroupId": "none"},
            400,
            "InvalidParameter.URL",
        ),
        ([], 400, "InvalidParameter.JSON"),
    ],
)
def test_an_estimate_refuses_what_a_creation_would(payer: SparkClient, body: Any, status: int, code: str) -> None:
    estimate, creation = _precharge(payer, body), payer.post(body)
    assert (estimate.status, estimate.code) == (creation.status, creation.code) == (status, code)


def test_an_estimate_needs_a_key_and_a_post(payer: SparkClient) -> None:
    assert _precharge(payer, {"model": MODEL, **GROUP}, Authorization="").status == 401
    assert payer.request("GET", PRECHARGE).status == 405


def test_a_statement_adds_up_what_the_key_may_see(priced: Service) -> None:
    client = _use(priced, "bill", 3)
    shown = _billing(client)
    assert (shown["team"], shown["environments"]) == ("bill", ["release"])
    assert shown["summary"] == {
        "total_requests": 6,
        "total_cost": "0.090003",
        "discount_total_cost": "0.060033",
        "currency": "USD",
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
    }
    lines = shown["items"]
    assert (lines["total"], lines["page"], lines["page_size"], lines["total_pages"]) == (2, 1, 20, 1)
    dearest, other = lines["items"]
    assert dearest == {
        "team_alias": "bill",
        "provider": "spark-assets",
        "model_group": MODEL,
        "total_requests": 3,
        "total_cost": "0.090000",
        "discount_total_cost": "0.060030",
        "discount_rate": 0.667,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
    }
    assert (other["model_group"], other["total_cost"], other["discount_total_cost"], other["discount_rate"]) == (
        ("spark_asset_get_group", "0.000003", "0.000003", 1.0)
    )


def test_a_key_for_all_projects_may_look_at_one(priced: Service, payer: SparkClient) -> None:
    _use(priced, "narrow", 1)
    everything = _billing(payer, page_size="100")
    assert everything["team"] == "*"
    assert "narrow" in {item["team_alias"] for item in everything["items"]["items"]}
    narrowed = _billing(payer, {"X-Project": "narrow"})
    assert (narrowed["team"], narrowed["summary"]["total_requests"]) == ("narrow", 2)
    stranger = priced.client("--project", "narrow").request("GET", BILLING, headers={"X-Project": "default"})
    assert (stranger.status, stranger.code) == (404, "NotFound.ProjectName")


def test_a_statement_is_filtered_and_paged(priced: Service) -> None:
    client = _use(priced, "filters", 1)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    key = priced.make_key("--project", "filters")
    queries: list[tuple[dict[str, str], int]] = [
        ({"start": today, "end": today}, 2),
        ({"start": "2020-01-01", "end": "2020-12-31"}, 0),
        ({"environment": "release"}, 2),
        ({"environment": "develop"}, 0),
        ({"provider": "spark-assets"}, 2),
        ({"provider": "other"}, 0),
        ({"model_group": MODEL}, 1),
        ({"model_group": "other"}, 0),
        ({"credential_name": key["name"]}, 2),
        ({"credential_name": key["id"]}, 2),
        ({"credential_name": "nobody"}, 0),
    ]
    for query, requests in queries:
        assert _billing(client, **query)["summary"]["total_requests"] == requests, query
    second = _billing(client, page="2", page_size="1")
    assert [item["model_group"] for item in second["items"]["items"]] == ["spark_asset_get_group"]
    assert (second["items"]["total"], second["items"]["total_pages"], second["summary"]["total_requests"]) == (2, 2, 2)
    assert _billing(client, page="3", page_size="1")["items"]["items"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [("page=0", "page"), ("page=x", "page"), ("page_size=101", "page_size"), ("start=soon", "start"), ("end=%00", "end")],
)
def test_a_query_that_makes_no_sense_is_refused_by_name(payer: SparkClient, query: str, param: str) -> None:
    refused = payer.request("GET", f"{BILLING}?{query}")
    assert (refused.status, refused.code) == (400, f"InvalidParameter.{param}")


def test_a_statement_needs_a_key_that_may_read(priced: Service, payer: SparkClient) -> None:
    assert payer.request("GET", BILLING, headers={"Authorization": ""}).status == 401
    assert priced.client("--scope", "metrics").request("GET", BILLING).status == 403
    assert payer.request("POST", BILLING, body=b"{}").status == 405


def test_the_command_line_tells_the_same(priced: Service) -> None:
    _use(priced, "shell", 2)
    shown = priced.quick_command("usage", "--project", "shell")
    assert shown["total"] == {"tasks": 4, "cost": "0.040022", "discount": "0.019980"}
    assert [model["model"] for model in shown["models"]] == [MODEL, "spark_asset_get_group"]


def _usage(client: SparkClient, query: str = "", headers: dict[str, str] | None = None) -> Any:
    answer = client.request("GET", f"/v1/usage{query}", headers=headers)
    assert answer.status == 200, answer.body
    return answer.json()


def test_our_own_surface_tells_usage_by_model_and_day_and_by_whatever_is_asked_for(priced: Service) -> None:
    client = _use(priced, "own-usage", 3)
    shown = _usage(client)
    assert shown["total"] == {"tasks": 6, "price": "0.090003", "discount": "0.029970", "cost": "0.060033"}
    assert shown["currency"] == "USD"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert [(item["model"], item["day"], item["project"], item["tasks"], item["cost"]) for item in shown["items"]] == [
        (MODEL, today, None, 3, "0.060030"),
        ("spark_asset_get_group", today, None, 3, "0.000003"),
    ]
    by_project = _usage(client, "?by=project")
    assert by_project["total"] == shown["total"]
    assert by_project["items"] == [{**shown["total"], "project": "own-usage", "model": None, "day": None}]
    assert len(_usage(client, "?by=project&by=model&by=day")["items"]) == 2


def test_usage_is_of_the_projects_that_the_key_may_use_and_of_the_span_that_is_asked_for(priced: Service) -> None:
    _use(priced, "own-one", 1)
    client, everyone = _use(priced, "own-two", 1), priced.client()
    assert (
        _usage(everyone, "?project=own-one")["total"]["tasks"] == _usage(everyone, headers={"X-Project": "own-one"})["total"]["tasks"] == 2
    )
    assert {"own-one", "own-two"} <= {item["project"] for item in _usage(everyone, "?by=project")["items"]}
    assert [item["project"] for item in _usage(client, "?by=project")["items"]] == ["own-two"]
    refused = client.request("GET", "/v1/usage?project=own-one")
    assert (refused.status, refused.code) == (404, "NotFound.ProjectName")
    old = _usage(client, "?start=2020-01-01&end=2020-01-31")
    assert (old["start"], old["end"], old["items"]) == ("2020-01-01T00:00:00.000000Z", "2020-02-01T00:00:00.000000Z", [])
    assert _usage(client, "?end=9999-12-31")["end"] == "9999-12-31T23:59:59.999999Z"
    assert _usage(client, "?end=0001-01-01")["start"] == "0001-01-01T00:00:00.000000Z"
    for query, code in (("start=yesterday", "start"), ("end=", "end"), ("by=hour", "by"), ("start=2026-02-01&end=2026-01-01", "start")):
        assert client.request("GET", f"/v1/usage?{query}").code == f"InvalidParameter.{code}"
    denied = priced.client("--scope", "metrics").request("GET", "/v1/usage")
    assert (denied.status, denied.code) == (403, "AccessDenied")
