"""How often a key may ask, held by real servers: one on its home, and two on one PostgreSQL."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.factories.http import TASKS, Answer, SparkClient
from tests.factories.servers import PostgresServer
from tests.factories.spark_processes import SECRET, Service, embedded, environment, run

LIMIT = 30
"""Lists per second, in the profile `ark`."""
GROUP = "spark_asset_create_group"
LIMITED = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}
PATIENCE = 60.0
"""Seconds."""


def _two_servers(postgres: PostgresServer, folder: Path) -> list[Service]:
    """Two services on one database and one folder of blobs."""
    shared = {
        "database_url": postgres.create_database(),
        "storage_url": f"file://{folder}",
        "signing_keys": SECRET,
        "encryption_keys": SECRET,
        "limits": "ark",
        "ingest": False,
    }
    return [embedded(**shared) for _ in range(2)]


@pytest.fixture(scope="module", params=["embedded", "fleet"])
def clients(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SparkClient]]:
    """One key at each server of a size, twice the same one where there may be one only."""
    if request.param == "embedded":
        services = [embedded(limits="ark", ingest=False)]
    else:
        services = _two_servers(request.getfixturevalue("postgres_server"), tmp_path_factory.mktemp("blobs"))
    with ExitStack() as stack:
        for service in services:
            stack.enter_context(service)
        key = services[0].client().key
        yield [SparkClient(service.base_url, key) for service in (services * 2)[:2]]


def _list(client: SparkClient) -> Answer:
    return client.post({"model": "spark_asset_list", "Filter": {}})


def _list_by_action(client: SparkClient) -> Answer:
    return client.request("POST", "/open/ListAssets", body=b'{"Filter": {}}', headers={"Content-Type": "application/json"})


def _at_once(clients: list[SparkClient], ask: Callable[[SparkClient], Answer], requests: int) -> list[Answer]:
    with ThreadPoolExecutor(25) as threads:
        return list(threads.map(lambda number: ask(clients[number % 2]), range(requests)))


@pytest.mark.parametrize("ask", [_list, _list_by_action], ids=["task", "action"])
def test_of_many_lists_at_once_no_second_sees_more_than_the_limit(clients: list[SparkClient], ask: Callable[[SparkClient], Answer]) -> None:
    deadline = time.monotonic() + PATIENCE
    refused: list[Answer] = []
    while not refused:
        assert time.monotonic() < deadline
        started = time.monotonic()
        answers = _at_once(clients, ask, 100)
        elapsed = time.monotonic() - started
        assert all(answer.headers["ratelimit-limit"] == str(LIMIT) for answer in answers)
        allowed = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status != 200]
        left = Counter(int(answer.headers["ratelimit-remaining"]) for answer in allowed)
        assert set(left) <= set(range(LIMIT))
        # Each request of a second leaves less than the one before it, so no number is told twice in one.
        assert all(times <= elapsed + 2 for times in left.values())
    for answer in refused:
        assert (answer.status, answer.code) == (429, "AccountFlowLimitExceeded")
        assert answer.headers["retry-after"] == "1"
        assert (answer.headers["ratelimit-remaining"], answer.headers["ratelimit-reset"]) == ("0", "1")


def test_polls_are_never_limited(clients: list[SparkClient]) -> None:
    answered = clients[0].post({"model": GROUP, "Name": "cast", "GroupType": "AIGC"})
    path = f"{TASKS}/{answered.json()['id']}"
    polls = _at_once(clients, lambda client: client.request("GET", path), 200)
    assert {answer.status for answer in polls} == {200}
    assert all(LIMITED.isdisjoint(answer.headers) for answer in polls)


@pytest.fixture(scope="module")
def limited_by_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server with limits of its own, on which ingestions begin and never end."""
    file = tmp_path_factory.mktemp("limits") / "limits.toml"
    file.write_text(f"creations_in_progress = 3\n[requests_per_second]\n{GROUP} = 1\n")
    with embedded(limits=file, ingest=False) as service:
        yield service


def test_both_dialects_count_together(limited_by_file: Service) -> None:
    client = limited_by_file.client()
    body = {"Name": "cast", "GroupType": "AIGC"}
    deadline = time.monotonic() + PATIENCE
    seen: set[tuple[int, str]] = set()
    while not {(429, "task"), (429, "action")} <= seen:
        assert time.monotonic() < deadline
        seen.add((client.post({"model": GROUP, **body}).status, "task"))
        action = client.request("POST", "/open/CreateAssetGroup", body=json.dumps(body).encode())
        seen.add((action.status, "action"))
    assert {status for status, _ in seen} == {200, 429}


def test_what_a_file_leaves_out_is_not_limited(limited_by_file: Service) -> None:
    client = limited_by_file.client()
    answers = _at_once([client, client], _list, 60)
    assert {answer.status for answer in answers} == {200}
    assert all(LIMITED.isdisjoint(answer.headers) for answer in answers)


def test_of_many_creations_at_once_only_so_many_are_in_progress(limited_by_file: Service) -> None:
    client = limited_by_file.client("--scope", "assets:read", "--scope", "assets:write")
    group = client.create_group()
    body = {"model": "spark_asset_create", "Name": "hero", "URL": "https://example.com/a.jpg", "AssetType": "Image", "GroupId": group}
    answers = _at_once([client, client], lambda one: one.post(body), 20)
    assert Counter(answer.status for answer in answers) == {200: 3, 429: 17}
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.code, refused.headers["retry-after"], refused.headers["ratelimit-limit"]) == ("AccountFlowLimitExceeded", "1", "3")
    assert "3 creations in progress" in refused.message


def test_limits_that_are_not_there_stop_the_start_with_one_sentence(tmp_path: Path) -> None:
    finished = run(["serve"], environment(home=tmp_path, limits="arc"))
    assert finished.returncode == 1
    assert finished.stderr.splitlines() == ["spark-assets: SPARK_ASSETS_LIMITS names neither a profile (off, ark) nor a .toml file"]
