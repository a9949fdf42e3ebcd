"""Every operation on every surface, for the right key, another project's, a reader's and none."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from spark_assets.domain.parameters import (
    CREATE_ASSET,
    CREATE_GROUP,
    DELETE_ASSET,
    DELETE_GROUP,
    GET_ASSET,
    GET_GROUP,
    LIST_ASSETS,
    LIST_GROUPS,
    OPERATIONS,
    UPDATE_ASSET,
    UPDATE_GROUP,
    Operation,
)
from tests.end_to_end.shelf import Shelf
from tests.factories.http import Json
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service
from tests.factories.surfaces import SURFACES, Member, Reply, by_action, member, stranger

Call = Callable[[Member, Operation, Json], Reply]
UNKNOWN_ASSET = "asset-20200101000000-bcdfg"
UNKNOWN_GROUP = "group-20200101000000-bcdfg"
NUMBERS = {"MissingAuthenticationToken": 100003, "AccessDenied": 100013}


class House(NamedTuple):
    """Callers, and where to fetch a picture."""

    right: Member
    other: Member
    reader: Member
    nobody: Member
    url: str


@pytest.fixture(scope="module")
def house(service: Service, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Two projects with a key for each, a key that only reads, and no key."""
    for name in ("mine", "yours"):
        service.quick_command("projects", "create", name)
    url = shelf.put("/family.jpg", make_jpeg(tmp_path_factory.mktemp("family") / "x.jpg"))
    reader = member(service, "--project", "mine", "--scope", "assets:read")
    return House(member(service, "--project", "mine"), member(service, "--project", "yours"), reader, stranger(service), url)


def _make(house: House) -> tuple[str, str]:
    """A new group and a new asset of the right key."""
    group = by_action(house.right, CREATE_GROUP, {"Name": "cast", "GroupType": "AIGC"}).result
    assert group is not None
    asset = by_action(house.right, CREATE_ASSET, {"URL": house.url, "AssetType": "Image", "GroupId": group["Id"]}).result
    assert asset is not None
    return group["Id"], asset["Id"]


@pytest.fixture(scope="module")
def kept(house: House) -> tuple[str, str]:
    """A group and an asset that no test harms."""
    return _make(house)


def _parameters(operation: Operation, house: House, group: str, asset: str) -> Json:
    """What the operation needs to be about this group or this asset."""
    return {
        CREATE_GROUP.model: {"Name": "cast", "GroupType": "AIGC"},
        CREATE_ASSET.model: {"Name": "hero", "URL": house.url, "AssetType": "Image", "GroupId": group},
        GET_ASSET.model: {"Id": asset},
        GET_GROUP.model: {"Id": group},
        LIST_ASSETS.model: {"Filter": {"GroupIds": [group]}},
        LIST_GROUPS.model: {"Filter": {"GroupIds": [group]}},
        UPDATE_ASSET.model: {"Id": asset, "Name": "renamed", "Tags": ["night"], "Metadata": {"take": 2}},
        UPDATE_GROUP.model: {"Id": group, "Name": "renamed", "Description": "new"},
        DELETE_ASSET.model: {"Id": asset},
        DELETE_GROUP.model: {"Id": group},
    }[operation.model]


def _is_as_promised(operation: Operation, result: Json, group: str, asset: str) -> bool:
    match operation.model:
        case CREATE_GROUP.model | CREATE_ASSET.model:
            return set(result) == {"Id"} and result["Id"] not in {group, asset}
        case GET_ASSET.model:
            return bool((result["Id"], result["GroupId"], result["ProjectName"]) == (asset, group, "mine"))
        case GET_GROUP.model:
            return bool((result["Id"], result["Title"], result["GroupType"]) == (group, "cast", "AIGC"))
        case LIST_ASSETS.model:
            return [item["Id"] for item in result["Items"]] == [asset] and "NextToken" not in result
        case LIST_GROUPS.model:
            return [item["Id"] for item in result["Items"]] == [group] and "TotalCount" not in result
        case UPDATE_ASSET.model:
            return result == {"Id": asset}
        case UPDATE_GROUP.model:
            return result == {"Id": group}
        case _:
            return result == {}


@pytest.fixture(params=SURFACES, ids=list(SURFACES))
def surface(request: pytest.FixtureRequest) -> str:
    """One of the ways in."""
    return str(request.param)


@pytest.fixture
def call(surface: str) -> Call:
    """How to call an operation there."""
    return SURFACES[surface]


every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.action)


@every_operation
def test_the_right_key_may(house: House, call: Call, operation: Operation) -> None:
    group, asset = _make(house)
    reply = call(house.right, operation, _parameters(operation, house, group, asset))
    assert reply.answer.status == 200, reply.answer.body
    assert reply.result is not None
    assert _is_as_promised(operation, reply.result, group, asset), reply.result


@every_operation
def test_another_projects_key_meets_what_is_unknown_byte_for_byte(
    house: House, kept: tuple[str, str], call: Call, operation: Operation
) -> None:
    foreign = call(house.other, operation, _parameters(operation, house, *kept))
    unknown = call(house.other, operation, _parameters(operation, house, UNKNOWN_GROUP, UNKNOWN_ASSET))
    if operation.model in {LIST_ASSETS.model, LIST_GROUPS.model}:
        assert foreign.result == unknown.result == {"Items": []}
    elif operation is not CREATE_GROUP:
        assert foreign.code == unknown.code
        assert foreign.code.startswith("NotFound.")
        assert foreign.answer.status == 404
        assert foreign.plain == unknown.plain


@every_operation
def test_another_projects_name_is_as_good_as_none(house: House, kept: tuple[str, str], call: Call, operation: Operation) -> None:
    parameters = _parameters(operation, house, *kept)
    foreign = call(house.other, operation, {**parameters, "ProjectName": "mine"})
    unknown = call(house.other, operation, {**parameters, "ProjectName": "nowhere"})
    assert (foreign.answer.status, foreign.code) == (404, "NotFound.ProjectName")
    assert foreign.plain == unknown.plain


@every_operation
def test_a_key_that_only_reads_changes_nothing(house: House, kept: tuple[str, str], call: Call, operation: Operation) -> None:
    reply = call(house.reader, operation, _parameters(operation, house, *kept))
    if operation.is_reading:
        assert reply.result is not None
        assert _is_as_promised(operation, reply.result, *kept)
    else:
        assert (reply.answer.status, reply.code) == (403, "AccessDenied")
        assert b"assets:write" in reply.answer.body
        _has_its_number(reply)


@every_operation
def test_without_a_key_nothing_is_told(house: House, kept: tuple[str, str], call: Call, operation: Operation) -> None:
    reply = call(house.nobody, operation, _parameters(operation, house, *kept))
    assert (reply.answer.status, reply.code) == (401, "MissingAuthenticationToken")
    assert reply.answer.headers["www-authenticate"] == "Bearer"
    unknown = call(house.nobody, operation, _parameters(operation, house, UNKNOWN_GROUP, UNKNOWN_ASSET))
    assert reply.plain == unknown.plain
    _has_its_number(reply)


def _has_its_number(reply: Reply) -> None:
    """Envelopes carry the vendor's number; the other surfaces do not."""
    assert reply.error is not None
    if "Code" in reply.error:
        assert reply.error["CodeN"] == NUMBERS[reply.code]


def test_nothing_that_was_refused_has_changed_anything(house: House, kept: tuple[str, str]) -> None:
    group, asset = kept
    shown = by_action(house.right, GET_ASSET, {"Id": asset}).result
    assert shown is not None
    assert (shown["Name"], shown["Tags"]) == ("Image", [])
    found = by_action(house.right, GET_GROUP, {"Id": group}).result
    assert found is not None
    assert (found["Name"], found["Description"]) == ("cast", "")
