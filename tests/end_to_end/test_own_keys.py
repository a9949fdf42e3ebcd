"""`/v1/keys` and `/v1/access-keys`: who may make, see, renew and end which keys, and that nobody climbs."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from spark_assets.domain.parameters import CREATE_GROUP
from tests.factories.http import Answer, Json, SparkClient
from tests.factories.spark_processes import Service
from tests.factories.surfaces import Member, by_signature, send_signed

UNKNOWN = "key-bcdfghjklmnp"
ADMINISTRATION = ("keys", "access-keys")
of_both_kinds = pytest.mark.parametrize("kind", ADMINISTRATION)


class People(NamedTuple):
    """Whoever runs the server, administers one of two projects or all of them, or only works in one."""

    admin: SparkClient
    ours: SparkClient
    theirs: SparkClient
    every_project: SparkClient
    worker: SparkClient


@pytest.fixture(scope="module")
def people(service: Service) -> People:
    """Two projects, and a key for each of the five."""
    for name in ("keys-ours", "keys-theirs"):
        service.quick_command("projects", "create", name)
    return People(
        service.client("--scope", "admin"),
        service.client("--scope", "project:admin", "--project", "keys-ours"),
        service.client("--scope", "project:admin", "--project", "keys-theirs"),
        service.client("--scope", "project:admin"),
        service.client("--project", "keys-ours"),
    )


def _make(caller: SparkClient, kind: str = "keys", **body: Any) -> Json:
    answer = caller.call("POST", f"/v1/{kind}", {"name": "made", **body})
    assert answer.status == 201, answer.body
    found: Json = answer.json()
    return found


def _all(caller: SparkClient, kind: str = "keys") -> dict[str, Json]:
    found: dict[str, Json] = {}
    cursor = ""
    while True:
        answer = caller.call("GET", f"/v1/{kind}?limit=3{cursor}")
        assert answer.status == 200, answer.body
        page = answer.json()
        found |= {item["id"]: item for item in page["items"]}
        if page["next_cursor"] is None:
            return found
        assert len(page["items"]) == 3
        cursor = f"&cursor={page['next_cursor']}"


def _plain(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body.replace(answer.headers["x-request-id"].encode(), b"ID")


def _works(service: Service, made: Json) -> bool:
    """Whether the key lets in whoever holds it: as a bearer key, or by what it signs."""
    if "key" in made:
        return SparkClient(service.base_url, made["key"]).call("GET", "/v1/projects").status == 200
    answer = send_signed(Member(SparkClient(service.base_url, ""), made["id"], made["secret"]), "ListAssetGroups", b'{"Filter": {}}')
    assert answer.status == 200 or answer.json()["ResponseMetadata"]["Error"]["Code"] == "InvalidAccessKey"
    return answer.status == 200


def _wait_until_refused(service: Service, made: Json) -> None:
    since = time.monotonic()
    while _works(service, made):
        assert time.monotonic() - since < 1.0


def test_a_new_key_is_shown_once_and_does_what_it_was_made_for(service: Service, people: People) -> None:
    ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = _make(people.admin, name="laptop", scopes=["assets:read"], projects=["keys-ours"], expires_at=ends)
    assert made["key"].startswith("sk_")
    caller = SparkClient(service.base_url, made["key"])
    assert [project["name"] for project in caller.call("GET", "/v1/projects").json()["items"]] == ["keys-ours"]
    assert caller.call("POST", "/v1/groups", {"name": "x"}).code == "AccessDenied"
    shown = people.admin.call("GET", f"/v1/keys/{made['id']}").json()
    assert shown == {name: value for name, value in made.items() if name != "key"} | {"last_used_at": shown["last_used_at"]}
    assert (shown["name"], shown["scopes"], shown["projects"], shown["hint"]) == ("laptop", ["assets:read"], ["keys-ours"], made["hint"])
    assert datetime.fromisoformat(shown["expires_at"]) == datetime.fromisoformat(ends)
    assert made["key"] not in people.admin.call("GET", "/v1/keys").body.decode()


def test_a_key_of_which_nothing_is_said_reads_and_writes_in_all_projects(people: People) -> None:
    for body in ({}, {"projects": []}, {"projects": None}):
        made = _make(people.admin, **body)
        assert (made["scopes"], made["projects"], made["expires_at"]) == (["assets:read", "assets:write"], None, None)


def test_an_access_key_is_shown_once_and_signs(service: Service, people: People) -> None:
    made = _make(people.ours, "access-keys", projects=["keys-ours"], expires_at="2099-12-31T23:59:59Z")
    member = Member(SparkClient(service.base_url, ""), made["id"], made["secret"])
    assert by_signature(member, CREATE_GROUP, {"Name": "signed", "GroupType": "AIGC"}).result is not None
    shown = people.ours.call("GET", f"/v1/access-keys/{made['id']}").json()
    assert shown == {name: value for name, value in made.items() if name != "secret"} | {"last_used_at": shown["last_used_at"]}
    assert (shown["hint"], shown["expires_at"]) == (f"{made['secret'][:4]}…", "2099-12-31T23:59:59.000000Z")
    assert made["secret"] not in people.ours.call("GET", "/v1/access-keys").body.decode()


@of_both_kinds
def test_a_repeated_request_makes_one_key_and_shows_it_again(people: People, kind: str) -> None:
    before = _all(people.ours, kind)
    body = {"name": "repeated", "projects": ["keys-ours"]}
    first, second = (people.ours.call("POST", f"/v1/{kind}", body, {"Idempotency-Key": f"one of {kind}"}) for _ in range(2))
    assert first.status == second.status == 201
    assert first.body == second.body
    assert len(_all(people.ours, kind)) == len(before) + 1


@of_both_kinds
def test_whoever_administers_a_project_sees_its_keys_and_no_others(people: People, kind: str) -> None:
    mine = _make(people.admin, kind, projects=["keys-ours"])["id"]
    foreign = _make(people.admin, kind, projects=["keys-theirs"])["id"]
    both = _make(people.admin, kind, projects=["keys-ours", "keys-theirs"])["id"]
    unlimited = _make(people.admin, kind)["id"]
    seen = _all(people.ours, kind)
    assert mine in seen
    assert not seen.keys() & {foreign, both, unlimited}
    assert {mine, foreign, both, unlimited} <= _all(people.admin, kind).keys()
    assert {mine, foreign, both, unlimited} <= _all(people.every_project, kind).keys()
    assert all(key["projects"] == ["keys-ours"] for key in seen.values())


@of_both_kinds
def test_another_projects_key_is_byte_for_byte_an_unknown_one(people: People, kind: str) -> None:
    beyond = [_make(people.admin, kind, projects=projects)["id"] for projects in (["keys-theirs"], ["keys-ours", "keys-theirs"], [])]
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        unknown = people.ours.call(method, f"/v1/{kind}/{UNKNOWN}{suffix}")
        assert unknown.code == "NotFound.key_id"
        for key_id in beyond:
            assert _plain(people.ours.call(method, f"/v1/{kind}/{key_id}{suffix}")) == _plain(unknown)
    shown = [people.admin.call("GET", f"/v1/{kind}/{key_id}").json() for key_id in beyond]
    assert {(key["revoked_at"], key["expires_at"]) for key in shown} == {(None, None)}


@of_both_kinds
def test_nobody_makes_a_key_for_more_projects_than_their_own(people: People, kind: str) -> None:
    unknown = people.ours.call("POST", f"/v1/{kind}", {"name": "x", "projects": ["keys-xxxxxx"]})
    assert unknown.code == "NotFound.ProjectName"
    foreign = people.ours.call("POST", f"/v1/{kind}", {"name": "x", "projects": ["keys-theirs"]})
    assert (foreign.status, foreign.message) == (404, unknown.message.replace("keys-xxxxxx", "keys-theirs"))
    mixed = people.ours.call("POST", f"/v1/{kind}", {"name": "x", "projects": ["keys-ours", "keys-theirs"]})
    assert mixed.code == "NotFound.ProjectName"
    for body in ({}, {"projects": []}, {"projects": None}):
        refused = people.ours.call("POST", f"/v1/{kind}", {"name": "x", **body})
        assert (refused.status, refused.code) == (400, "MissingParameter.projects")


@of_both_kinds
@pytest.mark.parametrize("scope", ["admin", "moderation:skip", "metrics"])
def test_nobody_hands_on_a_scope_that_they_lack(people: People, kind: str, scope: str) -> None:
    for caller in (people.ours, people.every_project):
        refused = caller.call("POST", f"/v1/{kind}", {"name": "x", "projects": ["keys-ours"], "scopes": ["assets:read", scope]})
        assert (refused.status, refused.code) == (403, "AccessDenied")
        assert f"'{scope}'" in refused.message
    assert scope in _make(people.admin, kind, projects=["keys-ours"], scopes=[scope])["scopes"]


def test_a_scope_that_one_holds_may_be_handed_on(service: Service) -> None:
    skipper = service.client("--scope", "project:admin", "--scope", "moderation:skip", "--project", "keys-ours")
    made = _make(skipper, projects=["keys-ours"], scopes=["moderation:skip", "assets:write", "project:admin"])
    assert made["scopes"] == ["assets:write", "moderation:skip", "project:admin"]


def test_a_key_made_by_a_key_climbs_no_higher(service: Service, people: People) -> None:
    made = _make(people.ours, projects=["keys-ours"], scopes=["project:admin"])
    heir = SparkClient(service.base_url, made["key"])
    assert heir.call("POST", "/v1/keys", {"name": "x", "projects": ["keys-theirs"]}).code == "NotFound.ProjectName"
    assert heir.call("POST", "/v1/keys", {"name": "x"}).code == "MissingParameter.projects"
    assert heir.call("POST", "/v1/keys", {"name": "x", "projects": ["keys-ours"], "scopes": ["admin"]}).code == "AccessDenied"
    assert heir.call("POST", "/v1/projects", {"name": "x"}).code == "AccessDenied"


def test_an_admin_of_one_project_stays_within_it(service: Service, people: People) -> None:
    limited = service.client("--scope", "admin", "--project", "keys-ours")
    assert limited.call("POST", "/v1/keys", {"name": "x", "scopes": ["admin"]}).code == "MissingParameter.projects"
    assert limited.call("POST", "/v1/keys", {"name": "x", "projects": ["keys-theirs"]}).code == "NotFound.ProjectName"
    foreign = _make(people.theirs, projects=["keys-theirs"])
    assert limited.call("DELETE", f"/v1/keys/{foreign['id']}").code == "NotFound.key_id"


@of_both_kinds
def test_who_administers_nothing_is_told_which_scope_is_missing(people: People, kind: str) -> None:
    own = _make(people.ours, kind, projects=["keys-ours"])["id"]
    for method, path, body in (
        ("GET", f"/v1/{kind}", None),
        ("POST", f"/v1/{kind}", {"name": "x", "projects": ["keys-ours"]}),
        ("GET", f"/v1/{kind}/{own}", None),
        ("DELETE", f"/v1/{kind}/{own}", None),
        ("POST", f"/v1/{kind}/{own}/rotate", {}),
    ):
        refused = people.worker.call(method, path, body)
        assert (refused.status, refused.code) == (403, "AccessDenied"), path
        assert "project:admin" in refused.message


@of_both_kinds
def test_a_revoked_key_is_refused_within_a_second(service: Service, people: People, kind: str) -> None:
    made = _make(people.ours, kind, projects=["keys-ours"])
    assert _works(service, made)
    assert people.ours.call("DELETE", f"/v1/{kind}/{made['id']}").status == 204
    _wait_until_refused(service, made)
    assert people.ours.call("GET", f"/v1/{kind}/{made['id']}").json()["revoked_at"] is not None
    assert people.ours.call("DELETE", f"/v1/{kind}/{made['id']}").code == "NotFound.key_id"
    assert people.ours.call("POST", f"/v1/{kind}/{made['id']}/rotate").code == "Conflict.Status"


def test_a_key_may_end_itself(service: Service, people: People) -> None:
    made = _make(people.ours, projects=["keys-ours"], scopes=["project:admin"])
    assert SparkClient(service.base_url, made["key"]).call("DELETE", f"/v1/keys/{made['id']}").status == 204
    _wait_until_refused(service, made)


@of_both_kinds
@pytest.mark.parametrize("projects", [[], ["keys-ours"]], ids=["of all projects", "of one"])
def test_only_an_admin_ends_an_admin(people: People, kind: str, projects: list[str]) -> None:
    key = _make(people.admin, kind, projects=projects, scopes=["admin"])["id"]
    for method, path in (("DELETE", f"/v1/{kind}/{key}"), ("POST", f"/v1/{kind}/{key}/rotate")):
        refused = people.every_project.call(method, path)
        assert (refused.status, refused.code) == (403, "AccessDenied"), path
    assert people.ours.call("POST", f"/v1/{kind}/{key}/rotate").status == (403 if projects else 404)
    assert people.admin.call("DELETE", f"/v1/{kind}/{key}").status == 204


@of_both_kinds
def test_nobody_gets_a_scope_by_renewing_the_key_that_holds_it(people: People, kind: str) -> None:
    key = _make(people.admin, kind, projects=["keys-ours"], scopes=["assets:read", "moderation:skip"])["id"]
    refused = people.ours.call("POST", f"/v1/{kind}/{key}/rotate")
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert "moderation:skip" in refused.message
    assert people.ours.call("DELETE", f"/v1/{kind}/{key}").status == 204


@of_both_kinds
def test_a_renewed_key_does_the_same_and_the_old_one_ends_at_once(service: Service, people: People, kind: str) -> None:
    old = _make(people.ours, kind, name="ci", projects=["keys-ours"], scopes=["assets:read"], expires_at="2099-01-01T00:00:00Z")
    assert _works(service, old)
    answer = people.ours.call("POST", f"/v1/{kind}/{old['id']}/rotate")
    assert answer.status == 201
    new = answer.json()
    assert new["id"] != old["id"]
    assert all(new[name] == old[name] for name in ("name", "scopes", "projects", "expires_at"))
    assert _works(service, new)
    _wait_until_refused(service, old)
    audit = people.ours.call("GET", f"/v1/audit?subject={old['id']}").json()["items"]
    assert [entry["action"].rpartition(".")[2] for entry in audit] == ["rotated", "created"]
    assert audit[0]["details"]["replaced_by"] == new["id"]


@of_both_kinds
def test_within_the_grace_both_keys_work(service: Service, people: People, kind: str) -> None:
    old = _make(people.ours, kind, projects=["keys-ours"])
    since = time.monotonic()
    answer = people.ours.call("POST", f"/v1/{kind}/{old['id']}/rotate", {"grace_seconds": 2})
    assert answer.status == 201
    assert answer.json()["expires_at"] is None
    assert _works(service, old)
    shown = people.ours.call("GET", f"/v1/{kind}/{old['id']}").json()
    assert (shown["revoked_at"], shown["expires_at"] is None) == (None, False)
    while _works(service, old):
        assert time.monotonic() - since < 4.0
    assert time.monotonic() - since > 1.5
    assert _works(service, answer.json())


@of_both_kinds
@pytest.mark.parametrize("grace", [-1, 7 * 86_400 + 1, "1", 1.5, True])
def test_a_grace_is_at_most_a_week(people: People, kind: str, grace: object) -> None:
    old = _make(people.ours, kind, projects=["keys-ours"])
    refused = people.ours.call("POST", f"/v1/{kind}/{old['id']}/rotate", {"grace_seconds": grace})
    assert (refused.status, refused.code) == (400, "InvalidParameter.grace_seconds")


@of_both_kinds
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MissingParameter.name"),
        ({"name": "  "}, "InvalidParameter.name"),
        ({"name": "x" * 65}, "InvalidParameter.name"),
        ({"name": "a\u202eb"}, "InvalidParameter.name"),
        ({"name": "x", "scopes": []}, "InvalidParameter.scopes"),
        ({"name": "x", "scopes": "admin"}, "InvalidParameter.scopes"),
        ({"name": "x", "scopes": [1]}, "InvalidParameter.scopes"),
        ({"name": "x", "scopes": ["everything"]}, "InvalidParameter.scopes"),
        ({"name": "x", "projects": "default"}, "InvalidParameter.projects"),
        ({"name": "x", "projects": [None]}, "InvalidParameter.projects"),
        ({"name": "x", "projects": ["p"] * 101}, "InvalidParameter.projects"),
        ({"name": "x", "projects": ["no such"]}, "NotFound.ProjectName"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "InvalidParameter.expires_at"),
        ({"name": "x", "expires_at": "2200-01-01T00:00:00Z"}, "InvalidParameter.expires_at"),
        ({"name": "x", "expires_at": "2099-01-01"}, "InvalidParameter.expires_at"),
        ({"name": "x", "expires_at": 4_102_444_800}, "InvalidParameter.expires_at"),
        ({"name": "x", "expiry": "2099-01-01T00:00:00Z"}, "InvalidParameter.expiry"),
    ],
)
def test_a_key_that_is_none_is_refused_by_the_parameter_at_fault(people: People, kind: str, body: Json, code: str) -> None:
    assert people.admin.call("POST", f"/v1/{kind}", body).code == code
