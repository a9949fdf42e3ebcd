"""The task dialect as clients meet it: where parameters may stand, and what a task looks like in each state."""

import json
import re
import time
from typing import Final

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import GENERATION, TASKS, Json, SparkClient, envelope, result
from tests.factories.media import make_jpeg
from tests.factories.origin import answer, wait_for

GROUP: Final = {"Name": "hero", "GroupType": "AIGC"}
MODEL: Final = "spark_asset_create_group"
GROUP_ID: Final = re.compile(r"group-\d{14}-[bcdfghjklmnpqrstvwxz2456789]{5}")
ASSET_ID: Final = re.compile(r"asset-\d{14}-[bcdfghjklmnpqrstvwxz2456789]{5}")
TASK_ID: Final = re.compile(r"[0-9a-v]{20}")
REQUEST_ID: Final = re.compile(r"\d{14}[0-9A-F]{20}")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(scope="module")
def address(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a picture that is accepted."""
    return shelf.put("/dialect.jpg", make_jpeg(tmp_path_factory.mktemp("dialect") / "x.jpg"))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"model": MODEL, **GROUP}, {}),
        ({"model": MODEL, "input": [{"params": GROUP}]}, {}),
        ({"model": MODEL, "parameters": GROUP}, {}),
        ({"model": MODEL, "Name": "hero", "parameters": {"GroupType": "AIGC"}}, {}),
        ({"model": MODEL, "Name": "hero", "input": [{"params": GROUP}], "parameters": GROUP}, {}),
        (GROUP, {"X-Model": MODEL}),
        ({"model": None, **GROUP}, {"X-Model": MODEL}),
        ({"model": "", **GROUP}, {"X-Model": MODEL}),
        ({"model": MODEL, **GROUP}, {"X-Model": "spark_asset_get"}),
        ({"model": MODEL, **GROUP, "ProjectName": None, "Description": None}, {}),
        ({"model": MODEL, **GROUP, "id": "x", "moderation": {"a": 1}, "metadata": [], "options": 3}, {}),
        ({"model": MODEL, **GROUP, "Colour": "red", "input": [{"params": {"Size": 3}}], "parameters": {"Weight": {}}}, {}),
        ({"model": MODEL, "input": [{"type": "message", "params": GROUP}, {"params": {"Name": "other"}}]}, {}),
        ({"model": MODEL, **GROUP, "input": [], "parameters": None}, {}),
        ({"model": MODEL, **GROUP, "input": [{}]}, {}),
        ({"model": MODEL, **GROUP, "Colour": "red", "parameters": {"Colour": "blue"}}, {}),
    ],
    ids=[
        "top level", "input params", "parameters", "mixed", "the same value everywhere", "model in the header", "null model",
        "empty model", "the body's model wins", "null is absent", "keys of the gateway", "unknown keys", "first input alone",
        "empty places", "input without params", "unknown keys may differ",
    ],
)  # fmt: skip
def test_parameters_are_accepted_wherever_a_client_puts_them(client: SparkClient, body: Json, headers: dict[str, str]) -> None:
    accepted = client.post(body, headers)
    assert accepted.status == 200, accepted.body
    assert GROUP_ID.fullmatch(result(client.completed(accepted.json()["id"]))["Id"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": MODEL, **GROUP, "parameters": {"Name": "villain"}}, "InvalidParameter.Name"),
        ({"model": MODEL, "input": [{"params": {**GROUP, "Name": "a"}}], "parameters": {"Name": "b"}}, "InvalidParameter.Name"),
        ({"model": MODEL, "Name": "1", "GroupType": "AIGC", "parameters": {"Name": 1}}, "InvalidParameter.Name"),
        ({"model": MODEL, "name": "hero", "GroupType": "AIGC"}, "InvalidParameter.Name"),
        ({"model": MODEL, **GROUP, "NAME": "x"}, "InvalidParameter.Name"),
        ({"model": MODEL, **GROUP, "projectname": "x"}, "InvalidParameter.ProjectName"),
        ({"model": MODEL, "parameters": {**GROUP, "grouptype": "AIGC"}}, "InvalidParameter.GroupType"),
        ({"model": MODEL, "input": [{"params": {**GROUP, "Projectname": "x"}}]}, "InvalidParameter.ProjectName"),
        ({"model": MODEL, "GroupType": "AIGC"}, "MissingParameter.Name"),
        ({"model": MODEL, "Name": "", "GroupType": "AIGC"}, "MissingParameter.Name"),
        ({"model": MODEL, "Name": None, "GroupType": "AIGC"}, "MissingParameter.Name"),
        ({"model": MODEL, "Name": "hero"}, "MissingParameter.GroupType"),
        ({"model": MODEL, "Name": "hero", "GroupType": "aigc"}, "InvalidParameter.GroupType"),
        ({"model": MODEL, "Name": "hero", "GroupType": 1}, "InvalidParameter.GroupType"),
        ({"model": MODEL, "Name": 7, "GroupType": "AIGC"}, "InvalidParameter.Name"),
        ({"model": MODEL, "Name": False, "GroupType": "AIGC"}, "InvalidParameter.Name"),
        ({"model": MODEL, "Name": ["x"], "GroupType": "AIGC"}, "InvalidParameter.Name"),
        ({"model": MODEL, "Name": {}, "GroupType": "AIGC"}, "InvalidParameter.Name"),
        ({"model": MODEL, "Name": " \u3000 ", "GroupType": "AIGC"}, "InvalidParameter.Name"),
        ({"model": MODEL, "Name": "a\nb", "GroupType": "AIGC"}, "InvalidParameter.Name"),
        ({"model": MODEL, "Name": "a\u0085b", "GroupType": "AIGC"}, "InvalidParameter.Name"),
        ({"model": MODEL, **GROUP, "Description": "x" * 301}, "InvalidParameter.Description"),
        ({"model": MODEL, **GROUP, "ProjectName": "no such"}, "NotFound.ProjectName"),
        ({"model": MODEL, **GROUP, "ProjectName": 3}, "InvalidParameter.ProjectName"),
        ({"model": MODEL, **GROUP, "input": {"params": {}}}, "InvalidParameter.input"),
        ({"model": MODEL, **GROUP, "input": ["x"]}, "InvalidParameter.input"),
        ({"model": MODEL, **GROUP, "input": [{"params": []}]}, "InvalidParameter.input"),
        ({"model": MODEL, **GROUP, "parameters": "x"}, "InvalidParameter.parameters"),
        ({"model": 5, **GROUP}, "InvalidParameter.model"),
        (GROUP, "MissingParameter.model"),
        ({"model": "spark_asset_dance", **GROUP}, "NotFound.model"),
        ({"model": "SPARK_ASSET_CREATE_GROUP", **GROUP}, "NotFound.model"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_wrong_is_named_and_no_task_is_made(client: SparkClient, body: Json, code: str) -> None:
    refused = client.post(body)
    assert refused.code == code
    assert refused.status == (404 if code.startswith("NotFound") else 400)
    assert refused.json()["error"].get("param") == (None if code.startswith("NotFound") else code.partition(".")[2])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Name": ""}, "MissingParameter.Name"),
        ({"URL": None}, "MissingParameter.URL"),
        ({"AssetType": ""}, "MissingParameter.AssetType"),
        ({"GroupId": None}, "MissingParameter.GroupId"),
        ({"AssetType": "image"}, "InvalidParameter.AssetType"),
        ({"AssetType": "Text"}, "InvalidParameter.AssetType"),
        ({"GroupId": "group-20200101000000-bcdfg"}, "NotFound.group_id"),
        ({"GroupId": "x" * 5000}, "NotFound.group_id"),
        ({"GroupId": 5}, "InvalidParameter.GroupId"),
        ({"URL": "ftp://127.0.0.1/x"}, "InvalidParameter.URL"),
        ({"URL": "file:///etc/passwd"}, "InvalidParameter.URL"),
        ({"URL": "not an address"}, "InvalidParameter.URL"),
        ({"URL": "http://user:secret@127.0.0.1/x"}, "InvalidParameter.URL"),
        ({"URL": "http://127.0.0.1:99999/x"}, "InvalidParameter.URL"),
        ({"URL": "http://127.0.0.1/a\\b"}, "InvalidParameter.URL"),
        ({"URL": "http://127.0.0.1/" + "x" * 8192}, "InvalidParameter.URL"),
        ({"Moderation": "Skip"}, "InvalidParameter.Moderation"),
        ({"Moderation": {"Strategy": "Hard"}}, "InvalidParameter.Moderation"),
        ({"Moderation": {"Strategy": []}}, "InvalidParameter.Moderation"),
        ({"Tags": "a"}, "InvalidParameter.Tags"),
        ({"Tags": [1]}, "InvalidParameter.Tags"),
        ({"Tags": ["x" * 65]}, "InvalidParameter.Tags"),
        ({"Tags": [f"t{number}" for number in range(33)]}, "InvalidParameter.Tags"),
        ({"ExternalId": "x" * 129}, "InvalidParameter.ExternalId"),
        ({"Metadata": []}, "InvalidParameter.Metadata"),
        ({"Metadata": {"x": "y" * 8200}}, "InvalidParameter.Metadata"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_an_asset_with_a_wrong_parameter_is_refused_at_once(
    client: SparkClient, group: str, address: str, changed: Json, code: str
) -> None:
    refused = client.post({"model": "spark_asset_create", "Name": "a", "URL": address, "AssetType": "Image", "GroupId": group, **changed})
    assert refused.code == code
    assert refused.status == (404 if code.startswith("NotFound") else 400)


def test_the_answer_to_a_creation_has_four_fields_and_is_always_in_progress(client: SparkClient) -> None:
    before = int(time.time())
    accepted = client.post({"model": MODEL, **GROUP})
    body = accepted.json()
    assert body.keys() == {"id", "created_at", "status", "model"}
    assert TASK_ID.fullmatch(body["id"])
    assert body["status"] == "in_progress"
    assert body["model"] == MODEL
    assert type(body["created_at"]) is int
    assert before <= body["created_at"] <= time.time()
    assert accepted.headers["content-type"] == "application/json"


def test_ids_of_tasks_sort_by_time(client: SparkClient) -> None:
    ids = [client.submit(MODEL, **GROUP) for _ in range(12)]
    assert ids == sorted(ids)


def test_a_completed_group_task_has_exactly_the_documented_fields(client: SparkClient) -> None:
    task = client.completed(client.submit(MODEL, **GROUP, Description="d" * 300))
    assert task.keys() == {"id", "model", "created_at", "status", "output", "usage", "metadata"}
    group_id = result(task)["Id"]
    assert GROUP_ID.fullmatch(group_id)
    request_id = task["metadata"]["request_id"]
    assert REQUEST_ID.fullmatch(request_id)
    text = (
        f'{{"ResponseMetadata":{{"RequestId":"{request_id}","Action":"CreateAssetGroup","Version":"2024-01-01",'
        f'"Service":"ark","Region":"local"}},"Result":{{"Id":"{group_id}"}}}}'
    )
    assert task["output"] == [{"content": [{"type": "text", "url": "", "text": text, "id": group_id, "jobId": group_id}]}]
    assert task["usage"] == {"cost": "0.000000", "discount": 0}
    assert task["metadata"].keys() == {"in_queue_at", "completed_at", "group_id", "stage", "bytes", "attempts", "request_id"}
    assert task["metadata"]["group_id"] == group_id


def test_a_running_task_shows_progress_and_neither_output_nor_usage_nor_error(
    client: SparkClient, group: str, shelf: Shelf, address: str
) -> None:
    gate, open_gate = shelf.gate()
    url = shelf.behave("/held.jpg", wait_for(gate, answer(b"")))
    task_id = client.submit_asset(group, url)
    try:
        task = client.poll(task_id)
        assert task.keys() == {"id", "model", "created_at", "status", "progress", "metadata"}
        assert 0 <= task["progress"] < 1
        assert ASSET_ID.fullmatch(task["metadata"]["asset_id"])
        asset = client.get_asset(task["metadata"]["asset_id"])
        assert (asset["Status"], asset["URL"]) == ("Processing", "")
        assert "Error" not in asset
    finally:
        open_gate()
    assert client.ended(task_id)["status"] == "failed"


def test_a_failed_task_shows_the_error_and_leads_to_its_asset(client: SparkClient, group: str, shelf: Shelf) -> None:
    task = client.ended(client.submit_asset(group, shelf.put("/nonsense", b"nonsense" * 200)))
    assert task.keys() == {"id", "model", "created_at", "status", "error", "metadata"}
    error = task["error"]
    assert error.keys() == {"code", "message", "error_message"}
    assert error["error_message"] == f"{error['code']}: {error['message']}"
    assert client.get_asset(task["metadata"]["asset_id"])["Status"] == "Failed"
    assert task["metadata"]["stage"] == "failed"


def test_a_completed_asset_task_has_times_bytes_and_the_asset(client: SparkClient, group: str, address: str) -> None:
    task = client.completed(client.submit_asset(group, address))
    metadata = task["metadata"]
    assert metadata.keys() == {"in_queue_at", "upload_at", "completed_at", "asset_id", "stage", "bytes", "attempts", "request_id"}
    assert metadata["in_queue_at"] <= metadata["upload_at"] <= metadata["completed_at"] <= time.time()
    assert all(type(metadata[name]) is float for name in ("in_queue_at", "upload_at", "completed_at"))
    assert metadata["attempts"] == 1
    content = task["output"][0]["content"][0]
    assert content["id"] == content["jobId"] == metadata["asset_id"] == result(task)["Id"]
    assert metadata["bytes"] == client.get_asset(metadata["asset_id"])["Size"]


def test_a_read_asset_has_exactly_the_documented_fields(client: SparkClient, group: str, address: str) -> None:
    extra: Json = {"Tags": ["night", "hero"], "ExternalId": f"shot {time.time_ns()}", "Metadata": {"take": 3, "é": [None, 1.5]}}
    asset_id = client.create_asset(group, address, name="Ein Bild", Moderation={"Strategy": "Skip"}, **extra)
    task = client.completed(client.submit("spark_asset_get", Id=asset_id))
    assert envelope(task)["ResponseMetadata"]["Action"] == "GetAsset"
    asset = result(task)
    assert asset.keys() == {
        "Id", "Name", "URL", "AssetType", "GroupId", "Status", "Moderation", "CreateTime", "UpdateTime", "ProjectName",
        "Sha256", "Size", "Format", "Width", "Height", "Tags", "ExternalId", "Metadata",
    }  # fmt: skip
    assert {name: asset[name] for name in extra} == extra
    assert (asset["Id"], asset["Name"], asset["AssetType"], asset["GroupId"]) == (asset_id, "Ein Bild", "Image", group)
    assert (asset["ProjectName"], asset["Moderation"]) == ("default", {"Strategy": "Default"})
    assert TIME.fullmatch(asset["CreateTime"])
    assert TIME.fullmatch(asset["UpdateTime"])
    assert asset["URL"].startswith(f"{client.base_url}/media/{asset_id}/original.jpg?")


def test_an_external_id_is_unique_in_its_project(client: SparkClient, group: str, address: str) -> None:
    external_id = f"shot {time.time_ns()}"
    client.create_asset(group, address, ExternalId=external_id)
    refused = client.post(
        {"model": "spark_asset_create", "Name": "b", "URL": address, "AssetType": "Image", "GroupId": group, "ExternalId": external_id}
    )
    assert (refused.status, refused.code) == (409, "Conflict.ExternalId")


def test_an_ended_task_is_answered_byte_for_byte_alike_for_ever(client: SparkClient) -> None:
    task_id = client.submit(MODEL, **GROUP)
    client.completed(task_id)
    answers = {client.request("GET", f"{TASKS}/{task_id}").body for _ in range(5)}
    assert len(answers) == 1


def test_each_read_signs_the_address_anew_and_keeps_its_own(client: SparkClient, group: str, address: str) -> None:
    asset_id = client.create_asset(group, address)
    first = client.submit("spark_asset_get", Id=asset_id)
    kept = result(client.completed(first))["URL"]
    deadline = time.monotonic() + 5
    while client.get_asset(asset_id)["URL"] == kept:  # the expiry counts in whole seconds
        assert time.monotonic() < deadline
    assert result(client.completed(first))["URL"] == kept


def test_a_body_is_read_as_json_whatever_media_type_clients_give_it(client: SparkClient) -> None:
    body = json.dumps({"model": MODEL, **GROUP}).encode()
    for kind in (
        "application/json",
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/x+json",
    ):
        assert client.request("POST", GENERATION, body=body, headers={"Content-Type": kind}).status == 200
    assert client.request("POST", GENERATION, body=body).status == 200


@pytest.mark.parametrize("written", [f"{GENERATION}/", GENERATION.replace("/v1/", "//v1/"), f"/{GENERATION}//"])
def test_slashes_too_many_lead_to_the_same_place(client: SparkClient, written: str) -> None:
    task_id = client.request("POST", written, body=json.dumps({"model": MODEL, **GROUP}).encode()).json()["id"]
    plain = client.request("GET", f"{TASKS}/{task_id}")
    assert plain.status == 200
    for address in (f"{TASKS}/{task_id}/", f"{TASKS}//{task_id}", f"{written}/task/{task_id}"):
        assert client.request("GET", address).body == plain.body
