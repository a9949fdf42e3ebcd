"""Quotas, over HTTP and on the command line, of real servers of both sizes."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import Answer, SparkClient, result
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service

PARALLEL = 100
CREATE = {"model": "spark_asset_create", "Name": "hero", "AssetType": "Image"}
Body = dict[str, Any]


class Film(NamedTuple):
    """A project of its own: who administers it, who works in it, and a picture."""

    name: str
    keeper: SparkClient
    worker: SparkClient
    address: str
    size: int

    def limit(self, **limits: int | None) -> Answer:
        """Set the project's quota."""
        return _send(self.keeper, "PUT", f"/v1/quotas/{self.name}", limits)

    def quota(self) -> Body:
        """The quota as the surface shows it."""
        answer = self.worker.request("GET", f"/v1/quotas/{self.name}")
        assert answer.status == 200, answer.body
        found: Body = answer.json()
        return found

    def submit(self, group: str) -> Answer:
        """Ask for an asset."""
        return self.worker.post({**CREATE, "URL": self.address, "GroupId": group})


def _send(client: SparkClient, method: str, path: str, body: Body) -> Answer:
    return client.request(method, path, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


@pytest.fixture(scope="module")
def make_film(service: Service, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Film]:
    """Makes projects."""
    picture = make_jpeg(tmp_path_factory.mktemp("quotas") / "quota.jpg")
    address, size = shelf.put("/quota.jpg", picture), Path(picture).stat().st_size

    def make(name: str) -> Film:
        service.quick_command("projects", "create", name)
        keeper = service.client("--project", name, "--scope", "project:admin", "--scope", "assets:read", "--scope", "assets:write")
        return Film(name, keeper, service.client("--project", name), address, size)

    return make


def _at_once(act: Callable[[int], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(50) as threads:
        return list(threads.map(act, range(PARALLEL)))


def _is_one_of_all(answers: list[Answer], created: int) -> None:
    assert Counter(answer.status for answer in answers) == {created: 1, 429: PARALLEL - 1}
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.code for answer in refused} == {"QuotaExceeded"}
    assert all("retry-after" not in answer.headers for answer in refused)


def test_of_a_hundred_requests_at_once_at_one_place_left_one_is_accepted(make_film: Callable[[str], Film], service: Service) -> None:
    film = make_film("crowded")
    group = film.worker.create_group()
    film.worker.create_asset(group, film.address)
    assert film.limit(assets=2, groups=2).status == 200
    answers = _at_once(lambda _: film.submit(group))
    _is_one_of_all(answers, 200)
    accepted = next(answer.json()["id"] for answer in answers if answer.status == 200)
    film.worker.completed(accepted)
    own = _at_once(lambda number: _send(film.worker, "POST", "/v1/groups", {"name": f"group {number}"}))
    _is_one_of_all(own, 201)
    assert film.quota()["used"] == {"assets": 2, "groups": 2, "bytes": 2 * film.size}
    service.wait_for_empty_spool()
    assert service.doctor("--verify", "--quick")[0] == 0


def test_every_surface_refuses_with_the_same_code(make_film: Callable[[str], Film]) -> None:
    film = make_film("full")
    group = film.worker.create_group()
    film.limit(assets=0, groups=0)
    header = {"Content-Type": "application/json"}
    asset = {"URL": film.address, "AssetType": "Image", "GroupId": group}
    own = {"url": film.address, "type": "Image", "group_id": group}
    refused = [
        film.worker.post({**CREATE, **asset}),
        film.worker.request("POST", "/open/CreateAsset", body=json.dumps(asset).encode(), headers=header),
        _send(film.worker, "POST", "/v1/assets", own),
        film.worker.post({"model": "spark_asset_create_group", "Name": "x", "GroupType": "AIGC"}),
        film.worker.request("POST", "/open/CreateAssetGroup", body=b'{"Name": "x", "GroupType": "AIGC"}', headers=header),
        _send(film.worker, "POST", "/v1/groups", {"name": "x"}),
    ]
    assert [(answer.status, answer.code) for answer in refused] == [(429, "QuotaExceeded")] * 6
    assert refused[0].message == (
        "with 1 more the project's number of assets would be 1, and its quota allows 0; delete some assets, or have the quota raised"
    )
    repeated = [_send(film.worker, "POST", "/v1/groups", {"name": "x"}) for _ in range(2)]
    assert {answer.status for answer in repeated} == {429}


def test_a_file_that_does_not_fit_fails_its_task_and_asset_and_a_deletion_makes_room(make_film: Callable[[str], Film]) -> None:
    film = make_film("heavy")
    group = film.worker.create_group()
    film.limit(bytes=film.size + 1)
    kept = film.worker.create_asset(group, film.address)
    task = film.worker.ended(film.worker.submit_asset(group, film.address))
    assert (task["status"], task["error"]["code"]) == ("failed", "InvalidParameter.QuotaExceeded")
    assert str(2 * film.size) in task["error"]["message"]
    assert film.worker.get_asset(task["metadata"]["asset_id"])["Error"]["Code"] == "QuotaExceeded"
    assert film.quota()["used"] == {"assets": 2, "groups": 1, "bytes": film.size}
    assert film.worker.request("DELETE", f"/v1/assets/{kept}").status == 204
    again = film.worker.create_asset(group, film.address)
    back = film.worker.request("POST", f"/v1/assets/{kept}/restore")
    assert (back.status, back.code) == (429, "QuotaExceeded")
    for dry_run in (True, False):
        bulk = {"action": "restore", "ids": [kept], "dry_run": dry_run}
        (restored,) = _send(film.worker, "POST", "/v1/assets/bulk", bulk).json()["results"]
        assert (restored["status"], restored["error"]["code"]) == ("failed", "QuotaExceeded")
    assert film.worker.get_asset(again)["Status"] == "Active"


def test_a_quota_is_set_shown_listed_and_taken_away(make_film: Callable[[str], Film], service: Service) -> None:
    film = make_film("tended")
    none = {"assets": None, "groups": None, "bytes": None}
    used = {"assets": 0, "groups": 0, "bytes": 0}
    assert film.quota() == {"project": "tended", "limits": none, "used": used, "updated_at": None}
    assert film.worker.request("DELETE", "/v1/quotas/tended").status == 403
    missing = film.keeper.request("DELETE", "/v1/quotas/tended")
    assert (missing.status, missing.code) == (404, "NotFound.quota")
    answer = film.limit(assets=5, bytes=None)
    assert answer.json() == film.quota()
    assert film.quota()["limits"] == {**none, "assets": 5}
    listed = film.keeper.request("GET", "/v1/quotas").json()
    assert listed == {"items": [film.quota()], "next_cursor": None}
    assert film.keeper.request("DELETE", "/v1/quotas/tended").status == 204
    assert film.quota()["updated_at"] is None
    administrator = service.client("--scope", "admin")
    assert _send(administrator, "PUT", "/v1/quotas/tended", {"groups": 1}).status == 200
    stranger = make_film("quotas-elsewhere").keeper
    foreign = [_send(stranger, "PUT", "/v1/quotas/tended", {}), stranger.request("GET", "/v1/quotas/tended")]
    foreign += [stranger.request("DELETE", "/v1/quotas/tended")]
    assert {(answer.status, answer.code) for answer in foreign} == {(404, "NotFound.ProjectName")}


@pytest.mark.parametrize(
    "body", [{"assets": -1}, {"assets": "5"}, {"groups": 1.5}, {"bytes": 2**53}, {"bytes": True}, {"files": 1}], ids=json.dumps
)
def test_a_limit_that_cannot_be_meant_is_refused_by_name(client: SparkClient, service: Service, body: Body) -> None:
    answer = _send(service.client("--scope", "admin"), "PUT", "/v1/quotas/default", body)
    assert (answer.status, answer.code) == (400, f"InvalidParameter.{next(iter(body))}")


def test_the_command_line_sets_and_shows_a_quota_while_the_server_runs(make_film: Callable[[str], Film], service: Service) -> None:
    film = make_film("steered")
    film.worker.create_group()
    set_up = service.quick_command("projects", "quota", "steered", "--assets", "7", "--bytes", "1.5GB")
    assert set_up["limits"] == {"assets": 7, "groups": None, "bytes": 1_500_000_000}
    changed = service.quick_command("projects", "quota", "steered", "--assets", "none", "--groups", "1")
    assert changed["limits"] == {"assets": None, "groups": 1, "bytes": 1_500_000_000}
    assert changed == service.quick_command("projects", "quota", "steered") == film.quota()
    refused = film.worker.post({"model": "spark_asset_create_group", "Name": "x", "GroupType": "AIGC"})
    assert (refused.status, refused.code) == (429, "QuotaExceeded")
    shown = service.in_process("projects", "quota", "steered").stdout
    assert [line.split() for line in shown.splitlines()[1:]] == [
        ["Assets", "0", "any", "number"],
        ["Groups", "1", "1"],
        ["Bytes", "0", "B", "1500", "MB"],
    ]
    assert service.quick_command("projects", "quota", "steered", "--none")["updated_at"] is None
    assert result(film.worker.completed(film.worker.submit("spark_asset_create_group", Name="x", GroupType="AIGC")))["Id"]
    for arguments, code in (
        (["steered", "--none"], 3),
        (["nowhere"], 3),
        (["nowhere", "--assets", "1"], 3),
        (["steered", "--none", "--assets", "1"], 2),
        (["steered", "--assets", "many"], 2),
        (["steered", "--bytes", "5 apples"], 2),
        (["steered", "--bytes", "9000000TB"], 2),
    ):
        assert service.in_process("projects", "quota", *arguments).exit_code == code
