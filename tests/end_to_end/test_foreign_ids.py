"""IDs and names of another project in every parameter of every endpoint and model: answered byte for byte like unknown ones.

The cases are made from the definitions. A parameter that is new must be put into one of the two tables below.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pytest

from spark_assets.domain.filter_values import ASSET_KEYS, GROUP_KEYS
from spark_assets.domain.parameter import Parameter
from spark_assets.domain.parameters import LIST_ASSETS, LIST_GROUPS, Operation
from spark_assets.web.admin.endpoint import Endpoint
from spark_assets.web.admin.routes import ENDPOINTS
from tests.end_to_end.shelf import Shelf
from tests.factories.forms import begin, form, upload
from tests.factories.http import Answer, Json, SparkClient
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service
from tests.factories.streams import Stream
from tests.factories.surfaces import Member, by_action

PROJECTS: Final = ("foreign-theirs", "foreign-ours", "foreign-beside")
SCOPES: Final = [option for scope in ("assets:read", "assets:write", "project:admin") for option in ("--scope", scope)]
NOWHERE: Final = "http://192.0.2.1/hook"

UNKNOWN: Final[dict[str, Any]] = {
    "project": "foreign-nobody",
    "projects": ["foreign-nobody"],
    "id": "group-20200101000000-bcdfg",
    "group_id": "group-20200101000000-bcdfg",
    "asset_id": "asset-20200101000000-bcdfg",
    "asset_ids": ["asset-20200101000000-bcdfg"],
    "ids": ["asset-20200101000000-bcdfg"],
    "subject": "asset-20200101000000-bcdfg",
    "delivery_id": "delivery-bcdfghjklmnpqrst",
    "external_id": "foreign-unknown",
    "sha256": "0" * 64,
    "tag": "foreign-unknown",
    "name": "foreign unknown",
    "cursor": "bm90IGEgY3Vyc29y",
}
"""By parameters that lead to a thing: a value that leads nowhere."""
LEADS_NOWHERE: Final = {
    "action", "after", "assets", "by", "bytes", "callback_url", "created_after", "created_before", "deleted", "description", "dry_run",
    "enabled", "end", "events", "expires_at", "expires_in", "format", "grace_seconds", "groups", "length", "limit", "metadata",
    "moderation", "model", "order", "scopes", "since", "sort", "start", "status", "tags", "type", "url", "variant", "wait",
}  # fmt: skip
"""Parameters whose value is no thing of anybody. `after` is a position, tried below."""

every_list = pytest.mark.parametrize("operation", [LIST_ASSETS, LIST_GROUPS], ids=lambda operation: operation.action)


class Side(NamedTuple):
    """One project: who administers it, one of each thing in it, and what leads to them."""

    client: SparkClient
    paths: dict[str, str]
    values: dict[str, Any]


def _made(client: SparkClient, path: str, body: Json) -> Json:
    answer = client.call("POST", path, body)
    assert answer.status in {200, 201, 202}, answer.body
    found: Json = answer.json()
    return found


def _side(service: Service, project: str, url: str) -> Side:
    client = service.client("--project", project, *SCOPES)
    groups = [_made(client, "/v1/groups", {"name": f"{project} cast"})["id"] for _ in range(2)]
    about = {"tags": [project], "external_id": project, "name": f"{project} hero"}
    tasks = [_made(client, "/v1/assets", {"url": url, "type": "Image", "group_id": groups[0], **about})]
    tasks.append(_made(client, "/v1/assets", {"url": url, "type": "Image", "group_id": groups[0]}))
    for task in tasks:
        assert client.call("GET", f"/v1/tasks/{task['id']}?wait=60").json()["status"] == "completed"
    asset = tasks[0]["asset_id"]
    shares = [_made(client, f"/v1/assets/{asset}/shares", {})["id"] for _ in range(2)]
    webhooks = [_made(client, "/v1/webhooks", {"url": NOWHERE})["id"] for _ in range(2)]
    for _ in range(2):
        _made(client, f"/v1/webhooks/{webhooks[0]}/test", {})
    every = ("keys", "keys", "access-keys", "access-keys")
    key, *_others = [_made(client, f"/v1/{kind}", {"name": "made", "projects": [project]})["id"] for kind in every]
    started = begin(client, 100, type="Image", group_id=groups[0])
    delivery = client.call("GET", f"/v1/webhooks/{webhooks[0]}/deliveries").json()["items"][0]["id"]
    paths = {"project": project, "group_id": groups[0], "asset_id": asset, "task_id": tasks[0]["id"], "share_id": shares[0]}
    paths |= {"webhook_id": webhooks[0], "key_id": key, "upload_id": started.headers["location"].rpartition("/")[2]}
    values = {"project": project, "projects": [project], "id": groups[0], "group_id": groups[0], "asset_id": asset, "asset_ids": [asset]}
    values |= {"ids": [asset], "subject": asset, "delivery_id": delivery, "external_id": project, "tag": project, "name": f"{project} hero"}
    values["sha256"] = client.get_v1_asset(asset)["sha256"]
    return Side(client, paths, values)


class House(NamedTuple):
    """Projects side by side, and what the owner of the first could see before anybody pried."""

    theirs: Side
    ours: Side
    beside: Side
    """A third, where things are given the names that those of the first have."""
    seen: dict[str, bytes]


SEEN: Final = (
    "/v1/assets", "/v1/groups", "/v1/tasks", "/v1/usage", "/v1/audit", "/v1/webhooks", "/v1/shares", "/v1/quotas", "/v1/keys",
    "/v1/access-keys",
)  # fmt: skip


def _seen(side: Side) -> dict[str, bytes]:
    """What the owner sees; addresses are signed anew each time, and a key's last use is written now and then."""
    volatile = re.compile(rb'"(url|last_used_at)":("[^"]*"|null)')
    return {path: volatile.sub(b"", side.client.call("GET", path).body) for path in SEEN}


@pytest.fixture(scope="module")
def house(service: Service, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Projects with one of everything; each holds bytes of its own."""
    folder = tmp_path_factory.mktemp("foreign")
    for project in PROJECTS:
        service.quick_command("projects", "create", project)
    pictures = [make_jpeg(folder / f"{number}.jpg", 400 + 10 * number, 400) for number in range(len(PROJECTS))]
    sides = [_side(service, project, shelf.put(f"/{project}.jpg", path)) for project, path in zip(PROJECTS, pictures, strict=True)]
    return House(*sides, _seen(sides[0]))


def _cases() -> Iterator[tuple[Endpoint, Parameter]]:
    for endpoint in ENDPOINTS:
        for parameter in (*endpoint.query, *endpoint.required, *endpoint.optional):
            if parameter.name in UNKNOWN:
                yield endpoint, parameter


def _is_a_new_name(endpoint: Endpoint, parameter: Parameter) -> bool:
    """Whether the parameter gives a thing its name, rather than leading to one: each project has names of its own."""
    return endpoint.method in {"POST", "PATCH"} and parameter.name in {"name", "external_id", "sha256"}


def test_every_parameter_is_known_to_lead_to_a_thing_or_to_none() -> None:
    named = {parameter.name for endpoint in ENDPOINTS for parameter in (*endpoint.query, *endpoint.required, *endpoint.optional)}
    assert named == UNKNOWN.keys() | LEADS_NOWHERE


def _ask(side: Side, endpoint: Endpoint, parameter: Parameter, value: Any) -> Answer:
    path = endpoint.path.format(**side.paths)
    if parameter in endpoint.query:
        return side.client.call(endpoint.method, f"{path}?{parameter.name}={quote(str(value))}")
    body = {required.name: required.example for required in endpoint.required} | {"group_id": side.paths["group_id"], "url": NOWHERE}
    body = {name: given for name, given in body.items() if name in {required.name for required in endpoint.required}}
    body |= {"action": "move", "ids": side.values["ids"]} if endpoint.path == "/v1/assets/bulk" else {}
    body |= {"dry_run": True} if endpoint.path == "/v1/erasures" else {}
    return side.client.call(endpoint.method, path, {**body, parameter.name: value})


def _plain(answer: Answer, value: Any) -> tuple[int, dict[str, str], bytes]:
    """The answer without what differs between any two, and without the value that was asked for, where it is repeated."""
    headers = {name: text for name, text in answer.headers.items() if name not in {"x-request-id", "date", "content-length"}}
    body = answer.body.replace(answer.headers["x-request-id"].encode(), b"ID")
    for given in value if isinstance(value, list) else [value]:
        body = body.replace(str(given).encode(), b"GIVEN")
    return answer.status, headers, re.sub(rb'"(id|created_at|updated_at|ended_at|erased_at|secrets?)":("[^"]*"|[0-9]+)', b"", body)


@pytest.mark.parametrize(
    ("endpoint", "parameter"), list(_cases()), ids=lambda part: part.name if isinstance(part, Parameter) else f"{part.method} {part.path}"
)
def test_what_is_another_projects_is_answered_like_what_nobody_has(house: House, endpoint: Endpoint, parameter: Parameter) -> None:
    unknown = UNKNOWN[parameter.name]
    foreign = house.theirs.values.get(parameter.name) or _cursor(house.theirs, endpoint)
    if foreign is None:
        assert parameter.name == "cursor", "only a list of one has none"
        return
    asking = house.beside if _is_a_new_name(endpoint, parameter) else house.ours
    found, missed = _ask(asking, endpoint, parameter, foreign), _ask(asking, endpoint, parameter, unknown)
    assert found.status < 500, found.body
    if _is_a_new_name(endpoint, parameter):
        assert found.status == missed.status, found.body
        return
    assert _plain(found, foreign) == _plain(missed, unknown)
    hidden = {str(value) for value in house.theirs.paths.values()} - {str(given) for given in _flat(foreign)}
    assert not [value for value in hidden if value.encode() in found.body]


def _flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _cursor(side: Side, endpoint: Endpoint) -> str | None:
    """A cursor that the owner was given for the same list; None if all of it fits into one part."""
    answer = side.client.call("GET", f"{endpoint.path.format(**side.paths)}?limit=1")
    found: str | None = answer.json().get("next_cursor") if answer.status == 200 else None
    return found


FILTERS: Final = {LIST_ASSETS.model: set(ASSET_KEYS), LIST_GROUPS.model: set(GROUP_KEYS)}
LEADING_KEYS: Final = {"GroupIds": "ids", "ExternalId": "external_id", "Sha256": "sha256", "Tags": "tag", "Name": "name"}
OTHER_KEYS: Final = {"GroupType", "Statuses", "AssetTypes", "CreatedAfter", "CreatedBefore"}


@every_list
def test_a_filter_of_the_dialects_finds_nothing_of_another_project(house: House, operation: Operation) -> None:
    assert set(LEADING_KEYS) | OTHER_KEYS >= FILTERS[operation.model]
    for key in FILTERS[operation.model] & set(LEADING_KEYS):
        values = {name: [side["group_id"]] if key == "GroupIds" else side[LEADING_KEYS[key]] for name, side in _both(house).items()}
        values = {name: [value] if key == "Tags" else value for name, value in values.items()}
        for paging in ({}, {"PageNumber": 1}):
            replies = [by_action(Member(house.ours.client), operation, {"Filter": {key: value}, **paging}) for value in values.values()]
            assert replies[0].plain == replies[1].plain, key
            assert replies[0].result is not None
            assert replies[0].result["Items"] == []
            assert replies[0].result.get("TotalCount", 0) == 0


def _both(house: House) -> dict[str, dict[str, Any]]:
    return {"foreign": house.theirs.values, "unknown": UNKNOWN}


@every_list
def test_a_cursor_of_another_project_is_no_cursor(house: House, operation: Operation) -> None:
    given = by_action(Member(house.theirs.client), operation, {"Filter": {}, "MaxResults": 1}).result
    assert given is not None
    cursors = given["NextToken"], "bm90IGEgY3Vyc29y"
    replies = [by_action(Member(house.ours.client), operation, {"Filter": {}, "NextToken": cursor}) for cursor in cursors]
    assert replies[0].code == "InvalidParameter.NextToken"
    assert replies[0].plain == replies[1].plain


@pytest.mark.parametrize("parameter", ["group_id", "project"])
def test_nothing_is_sent_into_another_project(house: House, parameter: str) -> None:
    client, own = house.ours.client, {"type": "Image", "group_id": house.ours.paths["group_id"]}
    answers: dict[str, list[tuple[Any, ...]]] = {}
    for value in (house.theirs.values[parameter], UNKNOWN[parameter]):
        fields = own | {parameter: value}
        line = json.dumps({"url": NOWHERE, **fields}).encode()
        sent = {
            "form": upload(client, form(*fields.items(), file=b"x")),
            "tus": begin(client, 10, **fields),
            "batch": client.request("POST", "/v1/batches", body=line, headers={"Content-Type": "application/x-ndjson"}),
            "header": client.call("GET", "/v1/assets", headers={"X-Project": value}),
        }
        for way, answer in sent.items():
            answers.setdefault(way, []).append(_plain(answer, value))
    for way, (foreign, unknown) in answers.items():
        assert foreign == unknown, way
    assert answers["form"][0][0] == 404


def test_a_position_among_another_projects_events_is_as_good_as_any_other(house: House) -> None:
    with Stream(house.theirs.client, "/v1/events?after=0-0") as stream:
        told = stream.next()
        position = stream.next().id if told.name in {"ready", "reset"} else told.id
    assert position is not None
    numbers = [int(number) for number in position.split("-")]
    for after in (position, f"{numbers[0]}-{numbers[1] + 1}"):
        with Stream(house.ours.client, f"/v1/events?after={after}") as stream:
            told = stream.next()
            assert (told.name, told.data, told.id) == ("reset", {}, after)


def test_whoever_pried_has_changed_and_counted_nothing(house: House) -> None:
    assert _seen(house.theirs) == house.seen
