"""The action dialect: its envelope, its signatures, its paging, and what is wrong with a request."""

import json
import time
from pathlib import Path

import pytest

from spark_assets.domain.parameters import CREATE_ASSET, CREATE_GROUP, GET_ASSET, LIST_ASSETS, LIST_GROUPS
from tests.end_to_end.shelf import Shelf
from tests.factories.http import Answer, Json, SparkClient, send
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service
from tests.factories.surfaces import Member, Reply, by_action, by_open, by_task, member, send_signed

GROUP = {"Name": "cast", "GroupType": "AIGC"}
LIST = b'{"Filter": {}}'
ACTION = "/?Action=ListAssetGroups&Version=2024-01-01"


@pytest.fixture(scope="module")
def me(service: Service) -> Member:
    """Someone with both kinds of key, limited to a project of the module's own."""
    service.quick_command("projects", "create", "actions")
    return member(service, "--project", "actions")


@pytest.fixture(scope="module")
def url(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a picture that is accepted."""
    return shelf.put("/action.jpg", make_jpeg(tmp_path_factory.mktemp("action") / "x.jpg"))


def _result(reply: Reply) -> Json:
    assert reply.result is not None, reply.answer.body
    return reply.result


def _error(answer: Answer) -> tuple[int, str, int | None]:
    """Status, code and number of a refusal in an envelope."""
    body = answer.json()
    assert set(body) == {"ResponseMetadata"}
    error = body["ResponseMetadata"]["Error"]
    assert set(error) <= {"Code", "CodeN", "Message"}
    return answer.status, error["Code"], error.get("CodeN")


def test_an_asset_is_processing_at_first_and_then_active(me: Member, url: str) -> None:
    group = _result(by_action(me, CREATE_GROUP, GROUP))["Id"]
    asset_id = _result(by_action(me, CREATE_ASSET, {"URL": url, "AssetType": "Image", "GroupId": group}))["Id"]
    deadline = time.monotonic() + 30
    while (shown := _result(by_action(me, GET_ASSET, {"Id": asset_id})))["Status"] == "Processing":
        assert shown["URL"] == ""
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (shown["Status"], shown["Name"], shown["Moderation"]) == ("Active", "Image", {"Strategy": "Default"})
    assert send("HEAD", shown["URL"]).status in {200, 302, 307}


@pytest.mark.parametrize("name", [{}, {"Name": None}, {"Name": ""}], ids=["absent", "null", "empty"])
def test_the_name_of_an_asset_is_optional_here_alone(me: Member, url: str, name: Json) -> None:
    group = _result(by_action(me, CREATE_GROUP, GROUP))["Id"]
    asset = {"URL": url, "AssetType": "Image", "GroupId": group, **name}
    assert by_action(me, CREATE_ASSET, asset).answer.status == 200
    assert by_open(me, CREATE_ASSET, asset).answer.status == 200
    assert by_task(me, CREATE_ASSET, asset).code == "MissingParameter.Name"
    for surface in (by_action, by_open, by_task):
        reply = surface(me, CREATE_GROUP, {"GroupType": "AIGC", **name})
        assert (reply.answer.status, reply.code) == (400, "MissingParameter.Name")


def test_the_envelope_says_what_was_asked(me: Member) -> None:
    answer = me.client.request("POST", ACTION, body=LIST)
    head = answer.json()["ResponseMetadata"]
    assert head == {
        "RequestId": answer.headers["x-request-id"],
        "Action": "ListAssetGroups",
        "Version": "2024-01-01",
        "Service": "ark",
        "Region": "local",
    }


@pytest.mark.parametrize(
    "target",
    ["/?Action=DropTables&Version=2024-01-01", "/?Action=GetAsset&Version=2023-01-01", "/?Action=GetAsset", "/?Version=2024-01-01", "/"],
)
def test_an_unknown_action_or_version_is_not_found(me: Member, target: str) -> None:
    answer = me.client.request("POST", target, body=b"{}")
    assert _error(answer) == (404, "InvalidActionOrVersion", 100008)


@pytest.mark.parametrize("prefix", ["/open", "/volc/asset"])
def test_an_unknown_bare_action_is_not_found(me: Member, prefix: str) -> None:
    answer = me.client.request("POST", f"{prefix}/DropTables", body=b"{}")
    assert (answer.status, answer.code) == (404, "InvalidActionOrVersion")


def test_actions_are_posted(me: Member) -> None:
    answer = me.client.request("GET", ACTION)
    assert (_error(answer)[:2], answer.headers["allow"]) == ((405, "MethodNotAllowed"), "POST")
    answer = me.client.request("GET", "/open/GetAsset")
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "MethodNotAllowed", "POST")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "MissingParameter.Filter", 100002)),
        (b"{}", (400, "MissingParameter.Filter", 100002)),
        (b"[]", (400, "InvalidParameter.JSON", None)),
        (b'{"Filter": {}, "Filter": {}}', (400, "InvalidParameter.JSON", None)),
        (b'{"filter": {}}', (400, "InvalidParameter.Filter", None)),
        (b'{"Filter": {"Name": "a\\u0000b"}}', (400, "InvalidParameter.Filter", None)),
        (b'{"Filter": {}, "PageNumber": 1, "MaxResults": 1}', (400, "InvalidParameter.Paging", None)),
        (b'{"Filter": {}, "NextToken": "x"}', (400, "InvalidParameter.NextToken", None)),
        (b'{"Filter": {}, "SortBy": "GroupId"}', (400, "InvalidParameter.SortBy", None)),
        (b"x" * (2**20 + 1), (413, "RequestTooLarge", None)),
    ],
    ids=lambda item: repr(item)[:30],
)
def test_what_is_wrong_with_a_request_is_said_in_the_envelope(me: Member, body: bytes, expected: tuple[int, str, int | None]) -> None:
    assert _error(me.client.request("POST", ACTION, body=body)) == expected


def test_a_nul_character_anywhere_is_refused_or_unknown(me: Member) -> None:
    assert by_action(me, GET_ASSET, {"Id": "a\0b"}).code == "NotFound.asset_id"
    assert by_action(me, LIST_GROUPS, {"Filter": {}, "ProjectName": "a\0b"}).code == "NotFound.ProjectName"
    assert by_action(me, LIST_GROUPS, {"Filter": {}, "NextToken": "a\0b"}).code == "InvalidParameter.NextToken"
    assert by_action(me, LIST_GROUPS, {"Filter": {"GroupIds": ["a\0b"]}}).code == "InvalidParameter.Filter"
    group = _result(by_action(me, CREATE_GROUP, GROUP))["Id"]
    asset = {"URL": "http://127.0.0.1:80/\0", "AssetType": "Image", "GroupId": group}
    assert by_action(me, CREATE_ASSET, asset).code == "InvalidParameter.URL"
    assert by_action(me, CREATE_ASSET, {**asset, "URL": "http://127.0.0.1/", "GroupId": "a\0b"}).code == "NotFound.group_id"


def test_a_signed_request_is_accepted(me: Member) -> None:
    assert send_signed(me, "ListAssetGroups", LIST).status == 200


def test_a_wrong_signature_is_refused_with_the_reason(me: Member) -> None:
    wrong = Member(me.client, me.access_key, me.secret[:-1] + ("A" if me.secret[-1] != "A" else "B"))
    answer = send_signed(wrong, "ListAssetGroups", LIST)
    assert _error(answer) == (401, "SignatureDoesNotMatch", 100010)
    assert answer.headers["www-authenticate"] == "HMAC-SHA256"
    assert me.secret.encode() not in answer.body
    changed = send_signed(me, "ListAssetGroups", LIST, sent=b'{"Filter": {"Name": "x"}}')
    assert _error(changed) == (401, "SignatureDoesNotMatch", 100010)
    assert b"X-Content-Sha256" in changed.body


@pytest.mark.parametrize("minutes", [-16, 16, -60 * 24 * 365])
def test_an_old_or_a_future_date_is_refused(me: Member, minutes: int) -> None:
    assert _error(send_signed(me, "ListAssetGroups", LIST, at=time.time() + 60 * minutes)) == (400, "InvalidTimestamp", 100006)


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_may_differ_by_less_than_a_quarter_of_an_hour(me: Member, minutes: int) -> None:
    assert send_signed(me, "ListAssetGroups", LIST, at=time.time() + 60 * minutes).status == 200


def test_an_unknown_access_key_is_refused(me: Member) -> None:
    unknown = Member(me.client, "AK" + "A" * 30, me.secret)
    assert _error(send_signed(unknown, "ListAssetGroups", LIST)) == (401, "InvalidAccessKey", 100009)


def test_a_revoked_access_key_is_refused_within_a_second(service: Service) -> None:
    short = member(service, "--project", "default")
    assert send_signed(short, "ListAssetGroups", LIST).status == 200
    assert service.in_process("access-keys", "revoke", short.access_key).exit_code == 0
    deadline = time.monotonic() + 1.5
    while (answer := send_signed(short, "ListAssetGroups", LIST)).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert _error(answer) == (401, "InvalidAccessKey", 100009)
    listed = service.quick_command("access-keys", "list")
    assert short.secret not in json.dumps(listed)
    assert next(key for key in listed if key["id"] == short.access_key)["revoked_at"] is not None


def test_an_expired_access_key_is_refused_like_a_revoked_one(service: Service) -> None:
    short = member(service, "--project", "default", "--expires", "1s")
    deadline = time.monotonic() + 3.0
    while (expired := send_signed(short, "ListAssetGroups", LIST)).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert _error(expired) == (401, "InvalidAccessKey", 100009)
    revoked = member(service, "--project", "default")
    assert service.in_process("access-keys", "revoke", revoked.access_key).exit_code == 0
    assert Reply(expired).plain == Reply(send_signed(revoked, "ListAssetGroups", LIST)).plain


@pytest.mark.parametrize("header", ["HMAC-SHA256", "HMAC-SHA256 Credential=x", "HMAC-SHA256 Credential=a/b/c/d/request, Signature="])
def test_a_malformed_signature_is_missing(client: SparkClient, header: str) -> None:
    answer = client.request("POST", ACTION, body=LIST, headers={"Authorization": header})
    assert _error(answer) == (400, "MissingSignature", 100005)


def test_the_bare_paths_take_api_keys_alone(me: Member) -> None:
    answer = send(
        "POST",
        me.client.base_url + "/open/ListAssetGroups",
        body=LIST,
        headers={"Authorization": "HMAC-SHA256 Credential=a/20260101/c/ark/request, SignedHeaders=host, Signature=" + "0" * 64},
    )
    assert (answer.status, answer.code) == (401, "MissingAuthenticationToken")


def test_a_header_names_the_project(service: Service, client: SparkClient) -> None:
    service.quick_command("projects", "create", "by-header")
    named = Member(SparkClient(client.base_url, client.key, headers={"X-Project": "by-header"}))
    group = _result(by_action(named, CREATE_GROUP, GROUP))["Id"]
    found = _result(by_action(Member(client), LIST_GROUPS, {"Filter": {"GroupIds": [group]}, "ProjectName": "by-header"}))
    assert [item["ProjectName"] for item in found["Items"]] == ["by-header"]


def test_lists_are_paged_in_both_modes(service: Service) -> None:
    service.quick_command("projects", "create", "paged")
    me = member(service, "--project", "paged")
    made = [_result(by_action(me, CREATE_GROUP, {"Name": f"Größe {number}", "GroupType": "AIGC"}))["Id"] for number in range(7)]
    page = _result(by_action(me, LIST_GROUPS, {"Filter": {}, "PageNumber": 2, "PageSize": 3, "SortOrder": "Asc"}))
    assert [item["Id"] for item in page["Items"]] == made[3:6]
    assert (page["TotalCount"], page["PageNumber"], page["PageSize"]) == (7, 2, 3)
    assert "NextToken" not in page
    seen: list[str] = []
    token: Json = {}
    while True:
        listed = _result(by_action(me, LIST_GROUPS, {"Filter": {"Name": "GRÖSSE"}, "MaxResults": 3, **token}))
        seen += [item["Id"] for item in listed["Items"]]
        if "NextToken" not in listed:
            break
        token = {"NextToken": listed["NextToken"]}
    assert seen == made[::-1]
    for other in ({"Filter": {}}, {"Filter": {"Name": "GRÖSSE"}, "SortOrder": "Asc"}):
        assert by_task(me, LIST_GROUPS, {**other, **token}).code == "InvalidParameter.NextToken"
    assert by_action(me, LIST_ASSETS, {"Filter": {"Name": "GRÖSSE"}, **token}).code == "InvalidParameter.NextToken"


def test_a_liveness_group_is_never_there(me: Member) -> None:
    by_action(me, CREATE_GROUP, GROUP)
    for operation in (LIST_GROUPS, LIST_ASSETS):
        assert _result(by_action(me, operation, {"Filter": {"GroupType": "LivenessFace"}})) == {"Items": []}
        counted = _result(by_action(me, operation, {"Filter": {"GroupType": "LivenessFace"}, "PageNumber": 1}))
        assert counted == {"Items": [], "TotalCount": 0, "PageNumber": 1, "PageSize": 10}


def test_secrets_of_access_keys_are_not_written_down_in_the_clear(service: Service, me: Member) -> None:
    if service.is_fleet:
        pytest.skip("the file of the database belongs to another server")
    secret = me.secret.encode()
    files: list[Path] = [path for path in service.home.rglob("*") if path.is_file()]
    assert files
    assert not any(secret in path.read_bytes() for path in files)
    assert me.secret not in service.server.log
