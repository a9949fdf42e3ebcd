"""A real server and addresses that it must not reach, in every spelling and at each of its doors."""

import json
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.end_to_end.guarded import Scene
from tests.end_to_end.written_addresses import hidden, unreadable
from tests.factories.canaries import HOSTS, Canaries
from tests.factories.loopback_server import free_port

BLOCKED: Final = "InvalidParameter.DownloadFailed"


@pytest.fixture(autouse=True)
def nothing_is_touched(scene: Scene) -> Iterator[None]:
    """After each test no canary has been connected to."""
    yield
    assert scene.canaries.touched == []


def test_a_canary_tells_of_whoever_connects() -> None:
    with Canaries() as canaries:
        for host in HOSTS:
            with socket.create_connection((host, canaries.port)) as guest:
                guest.sendall(host.encode())
        assert canaries.touched == [(host, host.encode()) for host in HOSTS]


def test_an_address_that_two_programs_could_read_differently_is_refused_at_submission(scene: Scene) -> None:
    seen = len(scene.shelf.origin.visits)
    urls = unreadable(scene.canaries.port, scene.good)
    results = scene.batch([{"url": url} for url in urls])
    accepted = [url for url, result in zip(urls, results, strict=True) if result["status"] == "accepted"]
    assert accepted == []
    assert {result["error"]["code"] for result in results} == {"InvalidParameter.url", "MissingParameter.url"}
    assert not any(str(scene.canaries.port) in result["error"]["message"] for result in results)
    assert len(scene.shelf.origin.visits) == seen


def test_an_address_that_must_not_be_reached_is_refused_in_every_spelling_and_all_refusals_look_alike(scene: Scene) -> None:
    failures = scene.failures(hidden(scene.canaries.port))
    assert len({json.dumps(failure) for failure in failures}) == 1
    assert (failures[0]["code"], failures[0]["reason"]) == (BLOCKED, "blocked_address")
    assert not any(number in failures[0]["message"] for number in ("127", "::", "10.", "169", str(scene.canaries.port)))


Door = Callable[[Scene, str], Any]
DOORS: Final[dict[str, Door]] = {
    "task dialect": lambda scene, url: scene.client.post(
        {"model": "spark_asset_create", "Name": "x", "URL": url, "AssetType": "Image", "GroupId": scene.group}
    ),
    "task dialect, as the command line nests it": lambda scene, url: scene.client.post(
        {"model": "spark_asset_create", "input": [{"params": {"Name": "x", "URL": url, "AssetType": "Image", "GroupId": scene.group}}]}
    ),
    "action dialect": lambda scene, url: scene.client.call(
        "POST", "/open/CreateAsset", {"Name": "x", "URL": url, "AssetType": "Image", "GroupId": scene.group}
    ),
    "price in advance": lambda scene, url: scene.client.call(
        "POST",
        "/model/v1/generation/precharge",
        {"model": "spark_asset_create", "Name": "x", "URL": url, "AssetType": "Image", "GroupId": scene.group},
    ),
    "own surface": lambda scene, url: scene.client.call("POST", "/v1/assets", {"url": url, "type": "Image", "group_id": scene.group}),
    "webhook": lambda scene, url: scene.client.call("POST", "/v1/webhooks", {"url": url}),
    "callback": lambda scene, url: scene.client.call(
        "POST",
        "/v1/assets",
        {"url": scene.shelf.origin.url("/x"), "type": "Image", "group_id": scene.group, "callback_url": url},
    ),
    "callback of the task dialect": lambda scene, url: scene.client.post(
        {
            "model": "spark_asset_create",
            "Name": "x",
            "URL": scene.shelf.origin.url("/x"),
            "AssetType": "Image",
            "GroupId": scene.group,
            "callback_url": url,
        }
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_what_is_no_plain_http_address(scene: Scene, door: str) -> None:
    port = scene.canaries.port
    for url in (
        f"http://2130706434:{port}/",
        f"http://user:word@127.0.0.2:{port}/",
        f"http://{scene.good}\\@127.0.0.2:{port}/",
        f"ftp://127.0.0.2:{port}/",
        f"http://127.0.0.2:{port}/a\tb",
        f" http://127.0.0.2:{port}/",
        "http://127.0.0.2:65536/",
        f"http://127.0.0.2:{port}/{'a' * 8192}",
    ):
        answered = DOORS[door](scene, url)
        assert answered.status == 400, (url, answered.body)
        code = answered.code
        assert code.lower() in {"invalidparameter.url", "invalidparameter.callback_url"}, (url, code)
        assert "word" not in answered.message.replace("password", "")


def test_a_retry_with_another_address_is_judged_like_a_creation(scene: Scene) -> None:
    (failed,) = scene.batch([{"url": f"http://127.0.0.2:{scene.canaries.port}/x"}])
    task = failed["task"]["id"]
    assert scene.client.ended(task)["error"]["reason"] == "blocked_address"
    refused = scene.client.call("POST", f"/v1/tasks/{task}/retry", {"url": f"http://0x7f.2:{scene.canaries.port}/"})
    assert (refused.status, refused.code) == (400, "InvalidParameter.url")
    again = scene.client.call("POST", f"/v1/tasks/{task}/retry", {"url": f"http://[::1]:{scene.canaries.port}/"})
    assert scene.client.ended(again.json()["id"])["error"]["reason"] == "blocked_address"
    once_more = scene.client.call("POST", f"/v1/tasks/{again.json()['id']}/retry", {})
    assert scene.client.ended(once_more.json()["id"])["error"]["reason"] == "blocked_address"


def test_a_port_outside_the_list_is_refused_like_an_address(scene: Scene) -> None:
    host, port = scene.good.split(":")
    others = [f"http://{host}:{other}/" for other in (1, 22, 25, 6379, 65535, scene.service.server.port)]
    failures = scene.failures([*others, f"http://8.8.8.8:{port}/", "http://[2606:4700::1]:22/", f"https://{host}/", f"http://{host}/"])
    assert {failure["reason"] for failure in failures} == {"blocked_address"}


def test_blocked_refused_and_open_targets_cannot_be_told_apart_by_time(scene: Scene) -> None:
    port, closed = scene.shelf.origin.port, free_port()
    targets = {"blocked": f"http://127.0.0.2:{port}/", "refused": f"http://127.0.0.1:{closed}/", "open": f"http://127.0.0.1:{port}/gone"}
    times: dict[str, list[float]] = {kind: [] for kind in targets}
    for _ in range(40):
        for kind, url in targets.items():
            began = time.perf_counter()
            task = scene.client.submit_asset(scene.group, url)
            answered = scene.client.request("GET", f"/model/v1/generation/task/{task}?wait=30")
            times[kind].append(time.perf_counter() - began)
            assert answered.json()["status"] == "failed"
    medians = [statistics.median(taken) for taken in times.values()]
    assert max(medians) - min(medians) < 0.05
