"""PostgreSQL and the object store go away under load and come back: a fleet says so, loses nothing, and is never started anew."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from types import TracebackType
from typing import Final, NamedTuple, Self

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import Answer, Json, SparkClient, follow, send
from tests.factories.ledger import Ledger
from tests.factories.media import make_jpeg
from tests.factories.origin import Behaviour, Visit, head
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import Service, fleet

PATIENCE: Final = 60.0
"""Seconds within which a fleet has noticed that a server is away, or is back; a dead worker's jobs take 20 alone."""
PROMPT: Final = 5.0
"""Seconds within which a waiting client is told: less than the 15 after which it would look again by itself."""
_PAUSE: Final = 0.02


class Away(NamedTuple):
    """A fleet whose servers may be stopped, since nobody else uses them."""

    service: Service
    postgres: PostgresServer
    s3: S3Server
    client: SparkClient
    group: str


@pytest.fixture(scope="module")
def away() -> Iterator[Away]:
    with (
        PostgresServer() as postgres,
        S3Server() as s3,
        fleet(postgres, s3, source_allow="127.0.0.0/8", host_concurrency=16, drain_timeout=3) as service,
    ):
        client = service.client()
        yield Away(service, postgres, s3, client, client.create_group())


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_jpeg(tmp_path_factory.mktemp("away") / "picture.jpg", 400, 400, quality=30).read_bytes()


class Load:
    """A client that makes groups without a pause, and asks again under the same key until it is answered."""

    def __init__(self, client: SparkClient) -> None:
        self._client = client
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answers: Counter[int] = Counter()
        self.unexpected: list[Answer] = []
        self.acknowledged: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        for number in count():
            answer = self._ask(number)
            while answer.status == 503 and not self._over.wait(_PAUSE):
                answer = self._ask(number)
            if answer.status == 200:
                self.acknowledged.append(answer.json()["id"])
            if self._over.wait(_PAUSE):
                return

    def _ask(self, number: int) -> Answer:
        body = {"model": "spark_asset_create_group", "Name": f"load {id(self)} {number}", "GroupType": "AIGC"}
        answer = self._client.post(body, {"Idempotency-Key": f"load-{id(self)}-{number}"})
        self.answers[answer.status] += 1
        if answer.status != 200 and (answer.status != 503 or int(answer.headers.get("retry-after", 0)) < 1):
            self.unexpected.append(answer)
        return answer


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(_PAUSE)


def gated(shelf: Shelf, content: bytes) -> tuple[Behaviour, Callable[[], None]]:
    """An address that answers once it is told to, and what tells it."""
    opened, open_gate = shelf.gate()

    async def behave(visit: Visit) -> None:
        await opened.wait()
        await visit.send(head(headers={"Content-Length": str(len(content))}), content)

    return behave, open_gate


def submit_gated(away: Away, shelf: Shelf, picture: bytes, name: str, number: int) -> tuple[dict[str, str], list[Callable[[], None]]]:
    """So many ingests that stand still in the middle of their download: tasks and paths; what lets them go on."""
    tasks, gates = {}, []
    for index in range(number):
        path = f"/{name}-{index}.jpg"
        behaviour, open_gate = gated(shelf, picture + path.encode())
        tasks[away.client.submit_asset(away.group, shelf.behave(path, behaviour))] = path
        gates.append(open_gate)
    until(lambda: all(shelf.origin.count(path) for path in tasks.values()), "every download has begun")
    return tasks, gates


def ready(service: Service) -> Answer:
    return send("GET", f"{service.base_url}/readyz", timeout=20)


def told_promptly(away: Away, shelf: Shelf, picture: bytes, name: str) -> None:
    """A client that waits for a task is told of its end as it happens, not when it looks again by itself."""
    tasks, (open_gate,) = submit_gated(away, shelf, picture, name, 1)
    (task_id,) = tasks

    def wait() -> tuple[Json, float]:
        answer = away.client.request("GET", f"/model/v1/generation/task/{task_id}?wait=30")
        return answer.json(), time.time()

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(wait)
        open_gate()
        task, told_at = waiting.result()
    assert task["status"] == "completed", task
    assert told_at - task["metadata"]["completed_at"] < PROMPT


def nothing_is_lost(away: Away, acknowledged: list[str], tasks: dict[str, str]) -> None:
    """All that was acknowledged completed, once, and the promises hold."""
    for task_id in (*acknowledged, *tasks):
        assert away.client.completed(task_id, PATIENCE)["status"] == "completed"
    ledger = Ledger(away.service)
    lines = dict(ledger.rows("SELECT task_id, count(*) FROM usage GROUP BY 1"))
    assert {task_id: lines.get(task_id) for task_id in (*acknowledged, *tasks)} == dict.fromkeys((*acknowledged, *tasks), 1)
    groups = ledger.rows("SELECT name, count(*) FROM groups WHERE name LIKE 'load %' GROUP BY 1 HAVING count(*) > 1")
    assert groups == [], "a request that was repeated under its key has one effect"
    until(lambda: not ledger.pending_renditions(), "every preview is made")
    away.service.wait_for_empty_spool(PATIENCE)
    code, report = away.service.doctor("--verify")
    assert code == 0, report


def _database_up(watcher: SparkClient) -> bytes:
    """What a scrape with a key says of the database."""
    answer = watcher.request("GET", "/metrics")
    assert answer.status == 200, answer.body
    (found,) = re.findall(rb"^spark_assets_database_up ([01])\.0$", answer.body, re.MULTILINE)
    return bytes(found)


def lose_postgresql_under_load(away: Away, shelf: Shelf, picture: bytes, in_flight: int) -> None:
    """PostgreSQL is stopped and started again while a client asks without a pause, and so many downloads are under way."""
    service, client = away.service, away.client
    pids = [process.pid for process in service.processes]
    watcher = service.client("--scope", "metrics")
    assert _database_up(watcher) == b"1"
    tasks, gates = submit_gated(away, shelf, picture, f"postgres-{in_flight}", in_flight)
    with Load(client) as load:
        until(lambda: len(load.acknowledged) > 5, "there is a load")
        away.postgres.stop()
        try:
            until(lambda: load.answers[503] > 2, "requests are refused")
            until(lambda: ready(service).status == 503, "the server is not ready")
            trouble = ready(service)
            assert trouble.json()["troubles"].keys() == {"database"}
            assert int(trouble.headers["retry-after"]) > 0
            assert send("GET", f"{service.base_url}/healthz").status == 200
            refused = client.request("GET", f"/v1/groups/{away.group}")
            assert (refused.status, refused.code) == (503, "ServiceUnavailable")
            assert int(refused.headers["retry-after"]) > 0
            until(lambda: _database_up(watcher) == b"0", "a scrape tells that the database is away")
            for open_gate in gates:
                open_gate()
        finally:
            away.postgres.start()
        until(lambda: ready(service).status == 200, "the server is ready")
        before = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > before + 5, "the load goes on")
        told_promptly(away, shelf, picture, f"after-postgres-{in_flight}")
    assert load.unexpected == []
    assert [process.pid for process in service.processes] == pids
    nothing_is_lost(away, load.acknowledged, tasks)


def test_postgresql_that_goes_away_under_load_is_waited_for_and_everything_acknowledged_ends_once(
    away: Away, shelf: Shelf, picture: bytes
) -> None:
    lose_postgresql_under_load(away, shelf, picture, in_flight=0)


@pytest.mark.chaos
def test_ingests_in_whose_middle_postgresql_goes_away_end_once(away: Away, shelf: Shelf, picture: bytes) -> None:
    """It takes until their jobs count as those of a dead worker."""
    lose_postgresql_under_load(away, shelf, picture, in_flight=6)


def test_an_object_store_that_goes_away_under_load_is_waited_for_and_nothing_is_lost(away: Away, shelf: Shelf, picture: bytes) -> None:
    service, client, worker = away.service, away.client, away.service.worker
    assert worker is not None
    known = client.get_v1_asset(client.create_asset(away.group, shelf.put("/known.jpg", picture)))
    tasks, gates = submit_gated(away, shelf, picture, "s3", 3)
    with Load(client) as load:
        away.s3.stop()
        try:
            until(lambda: ready(service).status == 503, "the server is not ready")
            assert ready(service).json()["troubles"].keys() == {"storage"}
            for open_gate in gates:
                open_gate()
            download = send("GET", known["url"], timeout=20)
            assert (download.status, download.code) == (503, "ServiceUnavailable")
            assert int(download.headers["retry-after"]) > 0
            assert client.get_v1_asset(known["id"])["status"] == "Active"
            until(lambda: worker.log.count('"ingest_postponed"') > 0, "an ingest is postponed")
            assert {client.poll(task)["status"] for task in tasks} == {"in_progress"}
        finally:
            away.s3.start()
        until(lambda: ready(service).status == 200, "the server is ready")
        for task_id in tasks:
            assert client.completed(task_id, PATIENCE)["metadata"]["attempts"] <= 2
        assert follow("GET", known["url"]).body == picture
    assert load.unexpected == []
    assert load.answers[503] == 0, "what needs no store is served"
    nothing_is_lost(away, load.acknowledged, tasks)
