"""`serve --workers 2` and a second `serve` on one PostgreSQL and one object store: what one process promises, all of them keep."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import Answer, SparkClient
from tests.factories.ledger import Ledger
from tests.factories.loopback_server import free_port
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, head
from tests.factories.sdk_load import SdkLoad
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import ServeProcess, Service, environment, fleet, run
from tests.factories.streams import Stream

PROMPT = 5.0
"""Seconds within which whoever waits is told: less than the 15 after which it would look again by itself."""
RATE = 5
"""Requests for a group, of one key and in one second."""
DELAY = 0.5
"""Seconds that an attempt with a wrong key waits at most."""
PATIENCE = 60.0


class Servers(NamedTuple):
    """Three server processes behind two addresses."""

    service: Service
    """For its settings; its own server and worker are not started."""
    pair: ServeProcess
    single: ServeProcess

    @property
    def addresses(self) -> list[str]:
        """Of the two processes, and of the one."""
        return [self.pair.base_url, self.single.base_url]

    def clients(self, *options: str) -> list[SparkClient]:
        """One key at both addresses; every request has a connection of its own, which the system hands to any process."""
        return [SparkClient(address, self.service.make_key(*options)["key"]) for address in self.addresses]

    def processes(self) -> list[int]:
        """The processes of the pair that serve."""
        return [int(line.split()[-1].rstrip(")")) for line in self.pair.log.splitlines() if line.startswith("ready ")]

    def everywhere(self, ask: Callable[[SparkClient], Answer], count: int, *options: str) -> list[Answer]:
        """The answers to so many requests at once at each address: each process has its share of them."""
        clients = [client for client in self.clients(*options) for _ in range(count)]
        with ThreadPoolExecutor(len(clients)) as threads:
            return list(threads.map(ask, clients))


@pytest.fixture(scope="module")
def servers(postgres_server: PostgresServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    limits = tmp_path_factory.mktemp("limits") / "limits.toml"
    limits.write_text(f"[requests_per_second]\nspark_asset_get_group = {RATE}\n")
    settings = {"source_allow": "127.0.0.0/8", "limits": limits, "failed_key_delay": DELAY, "drain_timeout": 5}
    service = fleet(postgres_server, s3_server, **settings)
    pair, single = ServeProcess(service.variables, "--workers", "2"), ServeProcess(service.variables)
    for process in (pair, single):
        process.variables["SPARK_ASSETS_HOME"] = str(process.home)
    try:
        with pair, single:
            deadline = time.monotonic() + PATIENCE
            found = Servers(service, pair, single)
            while len(found.processes()) < 2:
                assert time.monotonic() < deadline, pair.log
                time.sleep(0.02)
            yield found
    finally:
        service.close()


@pytest.fixture(scope="module")
def picture(media: Path) -> bytes:
    return make_jpeg(media / "processes.jpg", 400, 400, quality=30).read_bytes()


def test_both_processes_of_a_pair_listen_on_its_port(servers: Servers) -> None:
    first, second = servers.processes()
    for pid in (first, second):
        listening = {found.laddr.port for found in psutil.Process(pid).net_connections("tcp") if found.status == psutil.CONN_LISTEN}
        assert servers.pair.port in listening


def test_a_rate_holds_for_a_key_over_all_processes(servers: Servers) -> None:
    group = servers.clients()[0].create_group()
    body = {"model": "spark_asset_get_group", "Id": group}
    began = time.time()
    answers = servers.everywhere(lambda client: client.post(body), 30)
    seconds = int(time.time()) - int(began) + 1
    count = Counter(answer.status for answer in answers)
    assert count.keys() == {200, 429}
    assert RATE <= count[200] <= RATE * seconds
    print(f"{len(answers)} requests at once in {seconds} whole seconds: {dict(count)}, of {RATE} a second")


def test_a_request_that_comes_to_all_processes_at_once_under_one_key_has_one_effect(servers: Servers) -> None:
    body = {"model": "spark_asset_create_group", "Name": "once among processes", "GroupType": "AIGC"}
    answers = servers.everywhere(lambda client: client.post(body, {"Idempotency-Key": "all-at-once"}), 20)
    assert Counter(answer.status for answer in answers) == {200: 40}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Ledger(servers.service).rows("SELECT count(*) FROM groups WHERE name = 'once among processes'") == [(1,)]


def test_whoever_waits_at_any_process_is_told_at_once(servers: Servers, shelf: Shelf, picture: bytes) -> None:
    opened, open_gate = shelf.gate()

    async def behave(visit: Visit) -> None:
        await opened.wait()
        await visit.send(head(headers={"Content-Length": str(len(picture))}), picture)

    client = servers.clients()[0]
    task_id = client.submit_asset(client.create_group(), shelf.behave("/processes.jpg", behave))
    while not shelf.origin.count("/processes.jpg"):
        time.sleep(0.02)
    listeners = [client for client in servers.clients() for _ in range(6)]

    def poll(client: SparkClient) -> float:
        task = client.request("GET", f"/model/v1/generation/task/{task_id}?wait=30").json()
        assert task["status"] == "completed"
        return time.time() - float(task["metadata"]["completed_at"])

    def listen(client: SparkClient) -> float:
        with Stream(client, "/v1/events") as stream:
            assert stream.next().name == "ready"
            ready.append(client)
            told = stream.until("task.completed")[-1]
            assert told.data["data"]["task_id"] == task_id
            return time.time()

    ready: list[SparkClient] = []
    with ThreadPoolExecutor(2 * len(listeners)) as threads:
        polls, streams = [threads.submit(poll, client) for client in listeners], [threads.submit(listen, client) for client in listeners]
        while len(ready) < len(listeners):
            time.sleep(0.02)
        open_gate()
        completed_at = client.completed(task_id)["metadata"]["completed_at"]
        late = [waiting.result() for waiting in polls] + [waiting.result() - completed_at for waiting in streams]
    assert max(late) < PROMPT
    print(f"{len(polls)} long polls and {len(streams)} streams were told within {max(late):.2f} s")


def test_a_key_that_is_revoked_is_refused_by_every_process_within_a_second(servers: Servers) -> None:
    key = servers.service.make_key("--scope", "assets:read")

    def look(client: SparkClient) -> Answer:
        return client.request("GET", "/v1/tasks")

    assert {answer.status for answer in servers.everywhere(look, 15, "--scope", "assets:read")} == {200}, "every process knows the key"
    assert servers.service.in_process("keys", "revoke", key["id"]).exit_code == 0
    time.sleep(1.0)  # the promise is a second
    assert {answer.status for answer in servers.everywhere(look, 15, "--scope", "assets:read")} == {401}


def test_keys_that_are_none_are_looked_at_slowly_by_every_process(servers: Servers) -> None:
    good = servers.clients()
    assert {client.request("GET", "/v1/tasks").status for client in good} == {200}

    def guess(number: int) -> float:
        began = time.monotonic()
        client = SparkClient(servers.addresses[0 if number % 3 else 1], f"sk_guess{number}")
        assert client.request("GET", "/v1/tasks").status in {401, 503}
        return time.monotonic() - began

    with ThreadPoolExecutor(32) as threads:
        list(threads.map(guess, range(96)))
        late = list(threads.map(guess, range(96, 120)))
    assert min(late) >= DELAY
    print(f"after 96 keys that are none, the next 24 took {min(late):.2f} to {max(late):.2f} s each")


def test_a_process_that_is_killed_is_replaced_and_programs_notice_nothing(servers: Servers, shelf: Shelf, picture: bytes) -> None:
    victim, other = servers.processes()
    with SdkLoad(servers.addresses[:1], servers.service.make_key()["key"], shelf, picture, programs=4, pause=0.1) as load:
        load.wait_for(3)
        psutil.Process(victim).kill()
        deadline = time.monotonic() + PATIENCE
        while len(servers.processes()) < 3:
            assert time.monotonic() < deadline, servers.pair.log[-2000:]
            time.sleep(0.02)
        load.wait_for(3)
    assert psutil.pid_exists(other), "the other one serves on"
    assert load.failures == []
    assert load.broken_promises() == []
    print(f"one of two processes killed: {load.figures}")


def test_a_pair_that_is_told_to_stop_drains_and_leaves_nothing_behind(servers: Servers, shelf: Shelf, picture: bytes) -> None:
    client = servers.clients()[0]
    group = client.create_group()
    tasks = [client.submit_asset(group, shelf.put(f"/drained-{number}.jpg", picture + b"%d" % number)) for number in range(12)]
    servers.pair.stop()  # which also proves that no process outlives it
    assert servers.pair.exit_code == 0, servers.pair.log[-2000:]
    other = servers.clients()[1]
    assert {other.completed(task_id)["metadata"]["attempts"] for task_id in tasks} == {1}
    deadline = time.monotonic() + PATIENCE
    while Ledger(servers.service).rows("SELECT count(*) FROM assets WHERE rendition_pending AND deleted_at IS NULL") != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    code, report = servers.service.doctor("--verify")
    assert code == 0, report


def test_a_pair_on_sqlite_is_refused_with_one_sentence(tmp_path: Path) -> None:
    ended = run(["serve", "--port", str(free_port()), "--workers", "2"], environment(home=tmp_path))
    assert (ended.returncode, ended.stdout) == (1, "")
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("spark-assets: ") and "PostgreSQL" in sentence and "WORKERS" in sentence.upper()
