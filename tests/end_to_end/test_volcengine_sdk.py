"""The Volcengine SDK, unmodified, pointed at a service of ours: all ten actions, signed with an access key."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import volcenginesdkcore
from volcenginesdkcore.rest import ApiException

from spark_assets.domain.parameters import ACTIONS
from tests.end_to_end.shelf import Shelf
from tests.factories.http import Json, follow
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service
from tests.factories.surfaces import Member, member

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-volcengine-sdk.md"
Act = Callable[..., Any]


@pytest.fixture(scope="module")
def me(service: Service) -> Member:
    """Someone with an access key for a project of the module's own."""
    service.quick_command("projects", "create", "volcengine")
    return member(service, "--project", "volcengine")


@pytest.fixture
def act(me: Member) -> Act:
    """Calls an action through the SDK."""
    return _acting(me.client.base_url, me.access_key, me.secret)


def _acting(base_url: str, access_key: str, secret: str, version: str = "2024-01-01") -> Act:
    configuration = volcenginesdkcore.Configuration()
    configuration.scheme, _, configuration.host = base_url.partition("://")
    configuration.region = "cn-beijing"
    configuration.ak, configuration.sk = access_key, secret
    api = volcenginesdkcore.UniversalApi(volcenginesdkcore.ApiClient(configuration))

    def act(action: str, **parameters: Any) -> Json:
        info = volcenginesdkcore.UniversalInfo(
            method="POST", service="ark", version=version, action=action, content_type="application/json"
        )
        result: Json = api.do_call(info, parameters)
        return result

    return act


def _error(call: Callable[[], Any]) -> tuple[int, Json]:
    """Status and `ResponseMetadata.Error` of a refusal, as the SDK keeps them."""
    with pytest.raises(ApiException) as raised:
        call()
    return raised.value.status, json.loads(raised.value.body)["ResponseMetadata"]["Error"]


def test_the_sdk_runs_all_ten_actions(act: Act, shelf: Shelf, tmp_path: Path) -> None:
    content = make_jpeg(tmp_path / "x.jpg").read_bytes()
    group = act("CreateAssetGroup", Name="cast", GroupType="AIGC", Description="所有角色")["Id"]
    asset = act("CreateAsset", Name="主角", URL=shelf.put("/volcengine.jpg", content), AssetType="Image", GroupId=group)["Id"]
    deadline = time.monotonic() + 30
    while (shown := act("GetAsset", Id=asset))["Status"] == "Processing":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (shown["Status"], shown["Name"], shown["ProjectName"]) == ("Active", "主角", "volcengine")
    assert follow("GET", shown["URL"]).body == content
    assert act("GetAssetGroup", Id=group)["Description"] == "所有角色"
    listed = act("ListAssets", Filter={"GroupIds": [group], "Statuses": ["Active"], "Name": "主"}, PageNumber=1, PageSize=10)
    assert ([item["Id"] for item in listed["Items"]], listed["TotalCount"]) == ([asset], 1)
    assert [item["Id"] for item in act("ListAssetGroups", Filter={"GroupIds": [group]}, MaxResults=5)["Items"]] == [group]
    assert act("UpdateAsset", Id=asset, Name="反派") == {"Id": asset}
    assert act("UpdateAssetGroup", Id=group, Description="新") == {"Id": group}
    assert act("GetAsset", Id=asset)["Name"] == "反派"
    assert not act("DeleteAsset", Id=asset)
    assert not act("DeleteAssetGroup", Id=group)
    assert _error(lambda: act("GetAssetGroup", Id=group))[0] == 404


def test_all_actions_are_ten() -> None:
    assert len(ACTIONS) == 10


def test_the_sdk_reports_a_wrong_secret(me: Member) -> None:
    status, error = _error(lambda: _acting(me.client.base_url, me.access_key, "wrong")("ListAssetGroups", Filter={}))
    assert (status, error["Code"], error["CodeN"]) == (401, "SignatureDoesNotMatch", 100010)


def test_the_sdk_goes_on_with_the_pair_that_replaced_its_own(service: Service) -> None:
    old = service.quick_command("access-keys", "create", "--name", "sdk", "--project", "default", "--expires", "1h")
    new = service.quick_command("access-keys", "rotate", old["id"], "--grace", "30m")
    for pair in (old, new):
        group = _acting(service.base_url, pair["id"], pair["secret"])("CreateAssetGroup", Name="cast", GroupType="AIGC")["Id"]
    service.quick_command("access-keys", "rotate", new["id"])
    assert _acting(service.base_url, old["id"], old["secret"])("GetAssetGroup", Id=group)["Id"] == group
    ended, deadline = _acting(service.base_url, new["id"], new["secret"]), time.monotonic() + 1.5

    def go_on() -> None:
        while time.monotonic() < deadline:
            ended("ListAssetGroups", Filter={})

    status, error = _error(go_on)
    assert (status, error["Code"]) == (401, "InvalidAccessKey")


def test_the_sdk_reports_an_unknown_access_key(me: Member) -> None:
    status, error = _error(lambda: _acting(me.client.base_url, "AKNONE", me.secret)("ListAssetGroups", Filter={}))
    assert (status, error["Code"], error["CodeN"]) == (401, "InvalidAccessKey", 100009)


def test_the_sdk_reports_an_unknown_action_and_version(act: Act, me: Member) -> None:
    earlier = _acting(me.client.base_url, me.access_key, me.secret, version="2023-01-01")
    for call in (lambda: act("DropTables"), lambda: earlier("ListAssetGroups", Filter={})):
        status, error = _error(call)
        assert (status, error["Code"], error["CodeN"]) == (404, "InvalidActionOrVersion", 100008)


def test_the_sdk_reports_a_parameter_that_is_missing(act: Act) -> None:
    status, error = _error(lambda: act("CreateAssetGroup", GroupType="AIGC"))
    assert (status, error["Code"], error["CodeN"]) == (400, "MissingParameter.Name", 100002)
    assert error["Message"] == "the parameter Name is required"


def test_the_snippet_of_the_guide_works(me: Member, shelf: Shelf, tmp_path: Path) -> None:
    snippet = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert snippet is not None
    picture = shelf.put("/guide.jpg", make_jpeg(tmp_path / "guide.jpg"))
    code = snippet[1]
    for written, real in (
        ("127.0.0.1:8080", me.client.base_url.partition("://")[2]),
        ("AK...", me.access_key),
        ("the secret", me.secret),
        ("https://example.com/hero.jpg", picture),
    ):
        assert written in code
        code = code.replace(written, real)
    names: dict[str, Any] = {}
    exec(compile(code, GUIDE.name, "exec"), names)
    assert names["asset"]["Status"] == "Active"
