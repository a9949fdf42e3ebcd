"""Who may do what: scopes, expiry, revocation, and projects that know nothing of each other."""

import json
import time
from typing import NamedTuple

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import TASKS, Answer, SparkClient, result
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service

GROUP = {"model": "spark_asset_create_group", "Name": "x", "GroupType": "AIGC"}


class TwoProjects(NamedTuple):
    """Callers of two projects, and one of all; what the first has made."""

    ours: SparkClient
    theirs: SparkClient
    everyone: SparkClient
    group: str
    asset: str
    task: str


@pytest.fixture(scope="module")
def address(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a picture that is accepted."""
    return shelf.put("/isolated.jpg", make_jpeg(tmp_path_factory.mktemp("isolated") / "x.jpg"))


@pytest.fixture(scope="module")
def two(service: Service, address: str) -> TwoProjects:
    """Two projects with a key limited to each."""
    for name in ("ours", "theirs"):
        service.quick_command("projects", "create", name)
    ours, theirs = service.client("--project", "ours"), service.client("--project", "theirs")
    group = ours.create_group()
    task = ours.submit_asset(group, address)
    asset = result(ours.completed(task))["Id"]
    return TwoProjects(ours, theirs, service.client(), group, asset, task)


def _without_ids(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """Everything of an answer but what differs between any two requests."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    return answer.status, headers, answer.body.replace(answer.headers["x-request-id"].encode(), b"ID")


def test_a_key_limited_to_one_project_works_in_it_by_default(two: TwoProjects) -> None:
    assert two.ours.get_asset(two.asset)["ProjectName"] == "ours"
    assert two.ours.get_asset(two.asset, ProjectName="ours")["Id"] == two.asset
    assert two.ours.get_v1_asset(two.asset)["project"] == "ours"


def test_another_projects_task_is_byte_for_byte_an_unknown_one(two: TwoProjects) -> None:
    assert two.ours.poll(two.task)["status"] == "completed"
    foreign = two.theirs.request("GET", f"{TASKS}/{two.task}")
    unknown = two.theirs.request("GET", f"{TASKS}/{'0' * 20}")
    assert foreign.code == "NotFound.task_id"
    assert _without_ids(foreign) == _without_ids(unknown)
    group_task = two.ours.submit("spark_asset_create_group", Name="x", GroupType="AIGC")
    assert _without_ids(two.theirs.request("GET", f"{TASKS}/{group_task}")) == _without_ids(unknown)


def test_another_projects_asset_is_byte_for_byte_an_unknown_one(two: TwoProjects) -> None:
    for body in ({}, {"ProjectName": "theirs"}):
        foreign = two.theirs.post({"model": "spark_asset_get", "Id": two.asset, **body})
        unknown = two.theirs.post({"model": "spark_asset_get", "Id": "asset-20200101000000-bcdfg", **body})
        assert foreign.code == "NotFound.asset_id"
        assert _without_ids(foreign) == _without_ids(unknown)
    for suffix in ("", "/content"):
        foreign = two.theirs.request("GET", f"/v1/assets/{two.asset}{suffix}")
        unknown = two.theirs.request("GET", f"/v1/assets/asset-20200101000000-bcdfg{suffix}")
        assert foreign.code == "NotFound.asset_id"
        assert _without_ids(foreign) == _without_ids(unknown)


def test_another_projects_group_is_byte_for_byte_an_unknown_one(two: TwoProjects, address: str) -> None:
    body = {"model": "spark_asset_create", "Name": "a", "URL": address, "AssetType": "Image"}
    foreign = two.theirs.post({**body, "GroupId": two.group})
    unknown = two.theirs.post({**body, "GroupId": "group-20200101000000-bcdfg"})
    assert foreign.code == "NotFound.group_id"
    assert _without_ids(foreign) == _without_ids(unknown)


def test_another_project_is_byte_for_byte_an_unknown_one(two: TwoProjects) -> None:
    for body, headers in (({"ProjectName": "ours"}, {}), ({}, {"X-Project": "ours"})):
        foreign = two.theirs.post({**GROUP, **body}, headers)
        other = dict.fromkeys({**body, **headers}, "no such")
        unknown = two.theirs.post({**GROUP, **(other if body else {})}, other if headers else {})
        assert foreign.code == "NotFound.ProjectName"
        assert _without_ids(foreign) == _without_ids(unknown)


def test_a_key_of_all_projects_names_the_one_it_means(two: TwoProjects) -> None:
    everyone = two.everyone
    assert everyone.post({"model": "spark_asset_get", "Id": two.asset}).code == "NotFound.asset_id"
    assert everyone.get_asset(two.asset, ProjectName="ours")["ProjectName"] == "ours"
    assert everyone.get_v1_asset(two.asset)["project"] == "ours"
    assert everyone.poll(two.task)["status"] == "completed"


def test_the_project_of_the_body_goes_before_the_header_and_the_header_before_the_default(two: TwoProjects) -> None:
    named = SparkClient(two.everyone.base_url, two.everyone.key, {"X-Project": "ours"})
    assert named.get_asset(two.asset)["ProjectName"] == "ours"
    assert named.post({"model": "spark_asset_get", "Id": two.asset, "ProjectName": "theirs"}).code == "NotFound.asset_id"
    strange = SparkClient(two.everyone.base_url, two.everyone.key, {"X-Project": "no such"})
    assert strange.post(GROUP).code == "NotFound.ProjectName"
    assert strange.get_asset(two.asset, ProjectName="ours")["Id"] == two.asset


def test_a_group_of_another_project_than_the_named_one_is_not_found(two: TwoProjects, address: str) -> None:
    body = {"model": "spark_asset_create", "Name": "a", "URL": address, "AssetType": "Image", "GroupId": two.group}
    assert two.everyone.post({**body, "ProjectName": "theirs"}).code == "NotFound.group_id"
    assert two.everyone.post(body).code == "NotFound.group_id"


def test_a_key_for_several_projects_must_name_one_unless_it_may_use_the_default(service: Service, two: TwoProjects) -> None:
    both = service.client("--project", "ours", "--project", "theirs")
    assert both.post(GROUP).code == "NotFound.ProjectName"
    assert both.post({**GROUP, "ProjectName": "theirs"}).status == 200
    assert both.get_v1_asset(two.asset)["id"] == two.asset


def test_a_key_without_the_scope_is_told_which_one_it_lacks(service: Service, two: TwoProjects, address: str) -> None:
    reader = service.client("--scope", "assets:read")
    writer = service.client("--scope", "assets:write")
    refused = reader.post(GROUP)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert "assets:write" in refused.message
    refused = reader.post({"model": "spark_asset_create", "Name": "a", "URL": address, "AssetType": "Image", "GroupId": two.group})
    assert (refused.status, refused.code) == (403, "AccessDenied")
    for refused in (writer.post({"model": "spark_asset_get", "Id": two.asset}), writer.request("GET", f"/v1/assets/{two.asset}")):
        assert (refused.status, refused.code) == (403, "AccessDenied")
        assert "assets:read" in refused.message
    assert reader.get_v1_asset(two.asset)["id"] == two.asset
    assert writer.post(GROUP).status == 200
    assert service.client("--scope", "admin").get_v1_asset(two.asset)["id"] == two.asset


def test_a_key_with_the_scope_may_skip_moderation(service: Service, client: SparkClient, group: str, address: str) -> None:
    skipper = service.client("--scope", "assets:write", "--scope", "assets:read", "--scope", "moderation:skip")
    for caller, strategy in ((skipper, "Skip"), (client, "Default")):
        asset_id = caller.create_asset(group, address, Moderation={"Strategy": "Skip"})
        assert caller.get_asset(asset_id)["Moderation"] == {"Strategy": strategy}


def test_a_revoked_key_is_refused_within_a_second_while_the_server_runs(service: Service) -> None:
    made = service.quick_command("keys", "create", "--name", "short-lived")
    caller = SparkClient(service.base_url, made["key"])
    assert caller.post(GROUP).status == 200
    assert service.command("keys", "revoke", made["id"]).returncode == 0
    revoked_at = time.monotonic()
    while (answer := caller.post(GROUP)).status == 200:
        assert time.monotonic() - revoked_at < 1.0
    assert (answer.status, answer.code) == (401, "InvalidApiKey")
    listed = {key["id"]: key for key in service.quick_command("keys", "list")}
    assert listed[made["id"]]["revoked_at"] is not None


def test_an_expired_key_is_refused(service: Service) -> None:
    made = service.quick_command("keys", "create", "--name", "brief", "--expires", "2s")
    caller = SparkClient(service.base_url, made["key"])
    created = time.monotonic()
    assert caller.post(GROUP).status == 200
    while (answer := caller.post(GROUP)).status == 200:
        assert time.monotonic() - created < 3
    assert (answer.status, answer.code) == (401, "InvalidApiKey")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_command_line_names_keys_without_showing_them(service: Service) -> None:
    made = service.make_key()
    listed = json.dumps(service.quick_command("keys", "list")) + service.in_process("keys", "list").stdout
    assert listed.count(made["id"]) == 2
    assert made["key"] not in listed
    assert made["key"].startswith("sk_")


def test_a_project_that_exists_cannot_be_made_again_and_an_unknown_one_cannot_be_given_to_a_key(service: Service, two: TwoProjects) -> None:
    again = service.in_process("projects", "create", "ours")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "ours" in again.stderr
    unknown = service.in_process("keys", "create", "--name", "x", "--project", "no such")
    assert (unknown.exit_code, unknown.stdout) == (3, "")
    assert {"default", "ours", "theirs"} <= {project["name"] for project in service.quick_command("projects", "list")}
