"""Every endpoint of our own surface x the right key, another project's, one that only reads, none."""

import base64
import http.client
import json
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest

from spark_assets.web.admin.endpoint import Endpoint
from spark_assets.web.admin.routes import ENDPOINTS
from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.http import Answer, Json, SparkClient
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service

MINE: Final = "own-mine"
ALL: Final = ("assets:read", "assets:write", "project:admin")
UNKNOWN: Final = {
    "project": "nowhere",
    "group_id": "group-20200101000000-bcdfg",
    "asset_id": "asset-20200101000000-bcdfg",
    "task_id": "00000000000000000000",
    "share_id": "share-bcdfghjklmnp",
    "key_id": "key-bcdfghjklmnp",
    "webhook_id": "webhook-bcdfghjklmnp",
    "upload_id": "upload-bcdfghjklmnpqrst",
}
READ_BY_WRITING: Final = {("POST", "/v1/assets/{asset_id}/links")}
"""What makes something and still only reads."""
OF_ADMINISTRATION: Final = ("/v1/keys", "/v1/access-keys", "/v1/audit", "/v1/erasures", "/v1/quotas", "/v1/webhooks", "/v1/uploads")
"""What a key that reads assets may not even see, but for quotas, which it may."""
OF_THE_OPERATOR: Final = {("POST", "/v1/projects"), ("PATCH", "/v1/projects/{project}"), ("DELETE", "/v1/projects/{project}")}
"""What needs the scope `admin`."""

NOT_ON_THIS_STORE: Final = {("POST", "/v1/uploads/presigned"), ("POST", "/v1/uploads/{upload_id}/complete")}
"""What answers 409 where the store takes no uploads itself, or where nothing has arrived yet."""
NOWHERE: Final = "http://192.0.2.1/hook"
"""An address that the guard refuses before anything is sent."""
STREAM: Final = "text/event-stream"

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")


class House(NamedTuple):
    """Callers, and where to fetch a picture."""

    right: SparkClient
    other: SparkClient
    reader: SparkClient
    nobody: SparkClient
    admin: SparkClient
    url: str
    slow_url: str


@pytest.fixture(scope="module")
def house(service: Service, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Two projects with an administrator for each, one who reads, one for all, and a stranger."""
    for name in (MINE, "own-yours"):
        service.quick_command("projects", "create", name)
    scopes = [option for scope in ALL for option in ("--scope", scope)]
    url = shelf.put("/own.jpg", make_jpeg(tmp_path_factory.mktemp("own") / "x.jpg"))
    return House(
        service.client("--project", MINE, *scopes),
        service.client("--project", "own-yours", *scopes),
        service.client("--project", MINE, "--scope", "assets:read"),
        SparkClient(service.base_url, "", headers={"Authorization": ""}),
        service.client("--scope", "admin"),
        url,
        shelf.behave("/own-slow.jpg", slowly(bytes(1000), 60.0, parts=1000)),
    )


def _ask(caller: SparkClient, method: str, path: str, body: Json | None = None) -> Answer:
    content = None if body is None else json.dumps(body).encode()
    return caller.request(method, path, body=content, headers={"Content-Type": "application/json"} if body is not None else {})


def _open(caller: SparkClient, endpoint: Endpoint, path: str) -> Answer:
    """The head of a stream, which goes on for as long as someone listens."""
    parts = urlsplit(caller.base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request(endpoint.method, path, headers={"Authorization": f"Bearer {caller.key}"} if caller.key else {})
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    body = b"" if headers.get("content-type", "").startswith(STREAM) else response.read()
    connection.close()
    return Answer(response.status, headers, body)


def _upload(caller: SparkClient, group: str) -> str:
    """The ID of an upload that has only begun."""
    metadata = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in {"type": "Image", "group_id": group}.items()
    )
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "100", "Upload-Metadata": metadata}
    answer = caller.request("POST", "/v1/uploads/tus", body=b"", headers=headers)
    assert answer.status == 201, answer.body
    return answer.headers["location"].rpartition("/")[2]


def _made(caller: SparkClient, path: str, body: Json) -> Json:
    answer = _ask(caller, "POST", path, body)
    assert answer.status in {200, 201, 202}, answer.body
    found: Json = answer.json()
    return found


class Things(NamedTuple):
    """One of everything, in the project of the right key."""

    ids: dict[str, str]
    key_id: str
    access_key_id: str

    def path(self, endpoint: Endpoint) -> str:
        """The endpoint's path with these in the place of its placeholders."""
        return endpoint.path.format(**self.ids, key_id=self.access_key_id if "access-keys" in endpoint.path else self.key_id)


def _make(house: House, *, webhook: bool) -> Things:
    group = _made(house.right, "/v1/groups", {"name": "cast"})
    task = _made(house.right, "/v1/assets", {"url": house.url, "type": "Image", "group_id": group["id"]})
    ended = _ask(house.right, "GET", f"/v1/tasks/{task['id']}?wait=60").json()
    assert ended["status"] == "completed", ended
    share = _made(house.right, f"/v1/assets/{task['asset_id']}/shares", {})
    ids = {"project": MINE, "group_id": group["id"], "asset_id": task["asset_id"], "task_id": task["id"], "share_id": share["id"]}
    ids["webhook_id"] = _made(house.right, "/v1/webhooks", {"url": NOWHERE})["id"] if webhook else UNKNOWN["webhook_id"]
    ids["upload_id"] = _upload(house.right, group["id"])
    key = _made(house.right, "/v1/keys", {"name": "made", "projects": [MINE]})
    access_key = _made(house.right, "/v1/access-keys", {"name": "made", "projects": [MINE]})
    return Things(ids, key["id"], access_key["id"])


def _make_task(house: House, things: Things, *, is_over: bool) -> str:
    """The ID of a task that goes on for long, or has failed."""
    task = _made(house.right, "/v1/assets", {"url": house.slow_url, "type": "Image", "group_id": things.ids["group_id"]})
    if is_over:
        assert _ask(house.right, "POST", f"/v1/tasks/{task['id']}/cancel").status == 200
    return str(task["id"])


@pytest.fixture(scope="module")
def kept(house: House) -> Things:
    """Things that no test harms."""
    return _make(house, webhook=True)


def _body(endpoint: Endpoint, house: House, ids: dict[str, str]) -> Json | None:
    """What the endpoint needs to be about these."""
    if not endpoint.has_body:
        return None
    needed = {parameter.name: parameter.example for parameter in endpoint.required}
    known: dict[str, Any] = {"url": house.url, "group_id": ids["group_id"]}
    given = {
        "/v1/assets/bulk": {"action": "tag", "tags": ["night"], "ids": [ids["asset_id"]]},
        "/v1/erasures": {"asset_ids": [ids["asset_id"]], "dry_run": True},
        "/v1/quotas/{project}": {"assets": 1_000_000},
        "/v1/webhooks": {"url": NOWHERE},
        "/v1/keys": {"name": "again", "projects": [MINE]},
        "/v1/access-keys": {"name": "again", "projects": [MINE]},
    }.get(endpoint.path, {})
    return needed | {name: value for name, value in known.items() if name in needed} | given


def _plain(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body.replace(answer.headers["x-request-id"].encode(), b"ID")


@every_endpoint
def test_the_right_key_may(house: House, endpoint: Endpoint) -> None:
    things = _make(house, webhook="{webhook_id}" in endpoint.path)  # a project has but so many
    path = things.path(endpoint)
    if endpoint.path.endswith("/restore"):
        assert _ask(house.right, "DELETE", path.removesuffix("/restore")).status == 204
    if endpoint.path.endswith(("/cancel", "/retry")):
        path = endpoint.path.format(task_id=_make_task(house, things, is_over=endpoint.path.endswith("/retry")))
    if (endpoint.method, endpoint.path) in OF_THE_OPERATOR:
        assert _ask(house.right, endpoint.method, path, _body(endpoint, house, things.ids)).code == "AccessDenied"
        return
    if endpoint.media_type == STREAM:
        assert _open(house.right, endpoint, path).status == 200
        return
    answer = _ask(house.right, endpoint.method, path, _body(endpoint, house, things.ids))
    if (endpoint.method, endpoint.path) in NOT_ON_THIS_STORE and answer.status == 409:
        assert answer.code.startswith("Conflict.")
        return
    if endpoint.path.endswith("/resend"):  # nothing was delivered yet
        assert answer.code == "NotFound.delivery_id"
        return
    assert answer.status == (endpoint.status if endpoint.answer is not None or endpoint.status == 307 else 204), answer.body
    if endpoint.method == "GET" and endpoint.answer is not None:
        head = _ask(house.right, "HEAD", path)
        assert (head.status, head.body) == (answer.status, b"")


def test_an_operator_makes_renames_and_ends_a_project(house: House) -> None:
    made = _made(house.admin, "/v1/projects", {"name": "own-third"})
    assert _ask(house.admin, "POST", "/v1/projects", {"name": "own-third"}).code == "Conflict.ProjectName"
    assert _ask(house.admin, "PATCH", f"/v1/projects/{made['id']}", {"name": "own-fourth"}).json()["name"] == "own-fourth"
    group = _made(house.admin, "/v1/groups", {"name": "cast", "project": "own-fourth"})
    assert _ask(house.admin, "DELETE", "/v1/projects/own-fourth").code == "Conflict.ProjectNotEmpty"
    assert _ask(house.admin, "DELETE", f"/v1/groups/{group['id']}").status == 204
    assert _ask(house.admin, "DELETE", "/v1/projects/own-fourth").status == 204
    assert _ask(house.admin, "GET", "/v1/projects/own-fourth").code == "NotFound.ProjectName"
    assert _ask(house.admin, "POST", f"/v1/groups/{group['id']}/restore").status == 404
    for method, body in (("DELETE", None), ("PATCH", {"name": "other"})):
        assert _ask(house.admin, method, "/v1/projects/default", body).code == "Conflict.ProjectName"


@every_endpoint
def test_another_projects_key_meets_what_is_unknown_byte_for_byte(house: House, kept: Things, endpoint: Endpoint) -> None:
    if endpoint.media_type == STREAM and "{" not in endpoint.path:
        assert _open(house.other, endpoint, f"{endpoint.path}?project={MINE}").code == "NotFound.ProjectName"
        return
    foreign = _ask(house.other, endpoint.method, kept.path(endpoint), _body(endpoint, house, kept.ids))
    unknown_path = endpoint.path.format(**UNKNOWN)
    unknown = _ask(house.other, endpoint.method, unknown_path, _body(endpoint, house, UNKNOWN))
    if "{" in endpoint.path:
        assert foreign.status in {403, 404}, foreign.body
        assert _plain(foreign) == _plain(unknown)
    elif endpoint.method == "GET":
        assert not any(known.encode() in foreign.body for known in [*kept.ids.values(), kept.key_id, kept.access_key_id])
    elif endpoint.path == "/v1/assets/bulk":
        assert foreign.json()["results"][0]["error"]["code"] == unknown.json()["results"][0]["error"]["code"] == "NotFound.asset_id"
    elif endpoint.path == "/v1/assets":
        assert _plain(foreign) == _plain(unknown)
        assert foreign.code == "NotFound.group_id"


@pytest.mark.parametrize(
    "endpoint",
    [endpoint for endpoint in ENDPOINTS if any(parameter.name == "project" for parameter in (*endpoint.query, *endpoint.optional))],
    ids=lambda endpoint: f"{endpoint.method} {endpoint.path}",
)
def test_another_projects_name_is_as_good_as_none(house: House, kept: Things, endpoint: Endpoint) -> None:
    def ask(project: str) -> Answer:
        if endpoint.has_body:
            body = {"tag": "x", "dry_run": True} if "erasures" in endpoint.path else _body(endpoint, house, kept.ids)
            path = endpoint.path.format(webhook_id="callbacks")
            return _ask(house.other, endpoint.method, path, {**(body or {}), "project": project})
        return _ask(house.other, endpoint.method, f"{endpoint.path}?project={project}")

    foreign, unknown = ask(MINE), ask("nowhere")
    if foreign.code == "Conflict.Storage":
        pytest.skip("a folder takes no presigned uploads, whoever asks")
    assert (foreign.status, foreign.code) == (404, "NotFound.ProjectName")
    assert _plain(foreign) == _plain(unknown)


@every_endpoint
def test_a_key_that_only_reads_changes_nothing(house: House, kept: Things, endpoint: Endpoint) -> None:
    if endpoint.media_type == STREAM:
        assert _open(house.reader, endpoint, kept.path(endpoint)).status == 200
        return
    answer = _ask(house.reader, endpoint.method, kept.path(endpoint), _body(endpoint, house, kept.ids))
    if endpoint.method == "GET" and not endpoint.path.startswith(OF_ADMINISTRATION):
        assert answer.status == endpoint.status, answer.body
    elif (endpoint.method, endpoint.path) in READ_BY_WRITING or (endpoint.method == "GET" and "quotas" in endpoint.path):
        assert answer.status in {200, 201}, answer.body
    elif endpoint.path == "/v1/assets/bulk" and answer.status == 200:
        assert answer.json()["results"][0]["error"]["code"] == "AccessDenied"
    else:
        assert (answer.status, answer.code) == (403, "AccessDenied"), answer.body


@every_endpoint
def test_without_a_key_nothing_is_told(house: House, kept: Things, endpoint: Endpoint) -> None:
    answer = _ask(house.nobody, endpoint.method, kept.path(endpoint), _body(endpoint, house, kept.ids))
    assert (answer.status, answer.code) == (401, "MissingAuthenticationToken")
    assert answer.headers["www-authenticate"] == "Bearer"
    unknown = _ask(house.nobody, endpoint.method, endpoint.path.format(**UNKNOWN), _body(endpoint, house, UNKNOWN))
    assert _plain(answer) == _plain(unknown)


def test_nothing_that_was_refused_has_changed_anything(house: House, kept: Things) -> None:
    shown = _ask(house.right, "GET", f"/v1/assets/{kept.ids['asset_id']}").json()
    assert (shown["name"], shown["tags"], shown["status"], shown["deleted_at"]) == ("Image", [], "Active", None)
    assert _ask(house.right, "GET", f"/v1/groups/{kept.ids['group_id']}").json()["name"] == "cast"
    assert [key["id"] for key in _ask(house.right, "GET", "/v1/keys?limit=100").json()["items"]].count(kept.key_id) == 1


def test_a_method_that_a_path_has_no_use_for_is_told_which_it_has(house: House) -> None:
    for path in {endpoint.path for endpoint in ENDPOINTS}:
        taken = {endpoint.method for endpoint in ENDPOINTS if endpoint.path == path}
        answer = _ask(house.right, "OPTIONS", path.format(**UNKNOWN))
        assert (answer.status, answer.code) == (405, "MethodNotAllowed")
        assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == taken


def test_an_unknown_parameter_is_told_as_it_was_spelled(house: House) -> None:
    for answer in (_ask(house.right, "GET", "/v1/assets?Limit=5"), _ask(house.right, "POST", "/v1/groups", {"name": "cast", "Limit": 5})):
        assert (answer.status, answer.code) == (400, "InvalidParameter.Limit")


def test_an_administrator_of_some_projects_makes_no_others(service: Service) -> None:
    limited = service.client("--project", MINE, "--scope", "admin")
    refused = _ask(limited, "POST", "/v1/projects", {"name": "own-fifth"})
    assert (refused.status, refused.code) == (403, "AccessDenied")
    taken = _ask(limited, "POST", "/v1/projects", {"name": "own-yours"})
    assert _plain(taken) == _plain(refused)
