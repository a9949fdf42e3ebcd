"""Metrics of real servers, scraped as Prometheus would: what happened is counted, by every process together, and shown to nobody else."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient, TaskFailed, send
from tests.factories.loopback_server import free_port
from tests.factories.media import make_jpeg
from tests.factories.receivers import Receiver
from tests.factories.spark_processes import ServeProcess, Service, environment, run
from tests.factories.watching import queries

PREFIX: Final = "spark_assets_"
_PATIENCE: Final = 20.0

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Watched(NamedTuple):
    """A service that counts, a caller, a key for its metrics, and where whoever ingests shows them without one."""

    service: Service
    client: SparkClient
    key: SparkClient
    open_address: str

    def scrape(self) -> Samples:
        """What the server has counted; each scrape has a connection, and perhaps a process, of its own."""
        answer = self.key.request("GET", "/metrics")
        assert answer.status == 200, answer.body
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return _samples(answer.body)

    def scrape_ingests(self) -> Samples:
        """What the process has counted that ingests: the server itself, or the worker of a fleet."""
        answer = send("GET", self.open_address)
        assert answer.status == 200, answer.body
        return _samples(answer.body)


@pytest.fixture(scope="module")
def watched(make_service: MakeService) -> Iterator[Watched]:
    """One of each size: the fleet's server has two processes, and its worker shows its own metrics."""
    service = make_service(webhook_allow="127.0.0.0/8")
    port = free_port()
    shows = service.server if service.worker is None else service.worker
    shows.variables["SPARK_ASSETS_METRICS_LISTEN"] = f"127.0.0.1:{port}"
    if service.is_fleet:
        service.server.variables["SPARK_ASSETS_WORKERS"] = "2"
    with service:
        yield Watched(service, service.client(), service.client("--scope", "metrics"), f"http://127.0.0.1:{port}/metrics")


def _samples(text: bytes) -> Samples:
    return {
        (sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def _value(found: Samples, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


def _until(scrape: Callable[[], Samples], is_so: Callable[[Samples], bool]) -> Samples:
    """What is shown once it is so: an answer is sent a moment before its ingest has been counted."""
    deadline = time.monotonic() + _PATIENCE
    while not is_so(found := scrape()):
        assert time.monotonic() < deadline, {name: value for name, value in found.items() if name[0] == "request_seconds_count"}
        time.sleep(0.05)
    return found


def test_an_ingest_is_counted_from_its_request_to_its_delivery(
    watched: Watched, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    picture = make_jpeg(tmp_path_factory.mktemp("metrics") / "counted.jpg", 400, 400)
    client = watched.client
    ingests_before = watched.scrape_ingests()
    admin = watched.service.client("--scope", "admin")
    with Receiver() as receiver:
        webhook = admin.call("POST", "/v1/webhooks", {"url": receiver.url, "events": ["asset.active"]})
        assert webhook.status == 201, webhook.body
        group = client.create_group()
        client.create_asset(group, shelf.put("/counted.jpg", picture))
        with pytest.raises(TaskFailed):
            client.create_asset(group, shelf.put("/noise.jpg", bytes(range(1, 28))))
        receiver.wait(1)
    found = _until(watched.scrape_ingests, lambda shown: _value(shown, "webhook_attempts_total", outcome="delivered") >= 1)

    def more(name: str, **labels: str) -> float:
        return _value(found, name, **labels) - _value(ingests_before, name, **labels)

    assert (more("ingests_total", result="active"), more("ingests_total", result="failed")) == (1, 1)
    assert more("ingest_failures_total", code="FormatUndetectable", reason="none") == 1
    assert more("fetched_bytes_total", source="url") == picture.stat().st_size + 27
    stages = {stage: more("ingest_stage_seconds_count", stage=stage) for stage in ("queued", "fetch", "sniff", "inspect", "activate")}
    assert stages == {"queued": 2, "fetch": 2, "sniff": 2, "inspect": 1, "activate": 1}
    assert more("ingest_seconds_count") == 1
    assert 0 < more("ingest_seconds_sum") < 60
    assert more("commit_seconds_count") == more("commit_units_count") > 0
    assert _value(found, "parser_children_total", event="started") > 0
    assert more("webhook_seconds_count") == 1
    assert _value(found, "ingests_running") == 0
    assert _value(found, "resident_memory_bytes", processes="children") > 2**20
    assert _value(found, "database_connections_most") == (20 if watched.service.is_fleet else 0)


def test_requests_are_counted_by_surface_method_and_class_of_the_status(watched: Watched) -> None:
    """Of kinds that no other test sends, since another process's latest ones are seen half a second late."""
    client = watched.client
    sent = {
        ("task", "PUT", "4xx"): client.request("PUT", "/model/v1/generation"),
        ("rest", "PATCH", "4xx"): client.call("PATCH", "/v1/groups/none", {"name": "x"}),
        ("health", "HEAD", "2xx"): client.request("HEAD", "/healthz"),
        ("docs", "GET", "2xx"): client.request("GET", "/openapi.json"),
        ("watch", "GET", "4xx"): client.request("GET", "/model/v1/generation/task/none?wait=1"),
    }
    assert [answer.status for answer in sent.values()] == [405, 404, 200, 200, 404]

    def counted(found: Samples) -> dict[tuple[str, str, str], float]:
        count = "request_seconds_count"
        return {
            (surface, method, status): _value(found, count, surface=surface, method=method, status=status)
            for surface, method, status in sent
        }

    found = _until(watched.scrape, lambda shown: min(counted(shown).values()) > 0)
    assert counted(found) == dict.fromkeys(sent, 1)
    assert _value(found, "request_seconds_sum", surface="docs", method="GET", status="2xx") > 0


def test_what_every_process_of_a_server_counts_is_added_up_whichever_is_asked(watched: Watched) -> None:
    def refuse(_: int) -> int:
        return send("DELETE", f"{watched.service.base_url}/v1/groups/none").status

    def refused(found: Samples) -> float:
        return _value(found, "request_seconds_count", surface="rest", method="DELETE", status="4xx")

    before = watched.scrape()
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(refuse, range(64))) == {401}
    _until(watched.scrape, lambda found: refused(found) - refused(before) >= 64)
    shown = [watched.scrape() for _ in range(8)]
    assert {refused(found) - refused(before) for found in shown} == {64}
    assert {_value(found, "refusals_total", code="MissingAuthenticationToken") for found in shown} == {
        _value(before, "refusals_total", code="MissingAuthenticationToken") + 64
    }
    files = {path.name for process in _processes(watched.service.server) for path in _counts(f"histogram_{process}.db")}
    assert len(files) == (2 if watched.service.is_fleet else 0)


def _processes(server: ServeProcess) -> list[int]:
    """The server's own, in the order in which they became ready."""
    return [int(process) for process in re.findall(r"^ready .*\(process (\d+)\)$", server.log, re.MULTILINE)]


def _counts(name: str) -> list[Path]:
    """The mapped files of that name, in which the processes of a server add up what they count."""
    return list(Path("/dev/shm").glob(f"spark-assets-{os.getuid()}-counts-*/{name}"))


def test_only_keys_for_it_may_read_metrics_on_the_port_of_the_server(watched: Watched) -> None:
    refused = [watched.client.request("GET", "/metrics"), watched.key.request("GET", "/metrics", headers={"Authorization": ""})]
    assert [(answer.status, answer.code) for answer in refused] == [(403, "AccessDenied"), (401, "MissingAuthenticationToken")]
    narrow = watched.service.client("--scope", "metrics", "--project", "default").request("GET", "/metrics")
    assert (narrow.status, narrow.message) == (403, "the API key lacks the scope 'metrics (for all projects)'")
    assert watched.key.request("GET", "/v1/assets").status == 403
    assert watched.key.request("POST", "/metrics").status == 405
    assert watched.key.request("HEAD", "/metrics").body == b""


def test_the_listener_of_its_own_has_nothing_but_metrics(watched: Watched) -> None:
    base = watched.open_address.removesuffix("/metrics")
    assert [send("GET", base + path).status for path in ("/", "/healthz", "/v1/assets", "/metrics")] == [404, 404, 404, 200]


def test_nothing_in_the_metrics_tells_of_a_project_a_key_or_an_address(watched: Watched, shelf: Shelf) -> None:
    client = watched.client
    group = client.create_group("a name that nobody may see")
    with pytest.raises(TaskFailed):
        client.create_asset(group, shelf.put("/secret-path.jpg", b"x") + "?token=secret-query", Tags=["secret-tag"])
    assert client.request("GET", "/v1/assets?secret-parameter=1").status == 400
    assert send("GET", f"{watched.service.base_url}/secret-address/x").status == 404
    shown = watched.key.request("GET", "/metrics").body + send("GET", watched.open_address).body
    for told in (b"secret", b"127.0.0.1", b"default", group.encode(), client.key.encode(), client.key[:7].encode(), b"localhost"):
        assert told not in shown
    assert b'surface="none"' in shown


def test_a_listener_whose_address_is_taken_stops_the_start_with_one_sentence(watched: Watched) -> None:
    address = watched.open_address.removeprefix("http://").removesuffix("/metrics")
    process = watched.service.server if watched.service.worker is None else watched.service.worker
    command = ["serve", "--port", str(free_port())] if watched.service.worker is None else ["worker"]
    variables = {**process.variables, "SPARK_ASSETS_HOME": str(process.folder / "other"), "SPARK_ASSETS_METRICS_LISTEN": address}
    ended = run(command, variables)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [f"spark-assets: cannot listen on {address}: Address already in use"]


def test_a_server_whose_metrics_would_be_shown_at_its_own_address_does_not_start(tmp_path: Path) -> None:
    port = free_port()
    variables = environment(home=tmp_path / "home", metrics_listen=f"127.0.0.1:{port}")
    ended = run(["serve", "--host", "127.0.0.1", "--port", str(port)], variables)
    assert (ended.returncode, ended.stdout) == (1, "")
    why = f"the server itself listens on 127.0.0.1:{port}; choose another port"
    assert ended.stderr.splitlines()[-1:] == [f"spark-assets: SPARK_ASSETS_METRICS_LISTEN cannot be used: {why}"]


def test_a_server_and_its_worker_export_every_metric_that_an_alert_or_the_dashboard_asks_for(watched: Watched) -> None:
    assert watched.client.request("GET", "/v1/groups").status == 200
    exported = {name for found in (watched.scrape(), watched.scrape_ingests()) for name, _ in found}
    asked = {name for query in queries() for name in re.findall(r"spark_assets_(\w+)", query)}
    assert len(asked) > 20
    assert asked <= exported


def test_what_a_killed_process_had_counted_stays_and_what_it_held_is_let_go(watched: Watched) -> None:
    """Last in this file: the process that takes its place has counted nothing yet."""
    server = watched.service.server
    if not watched.service.is_fleet:
        pytest.skip("an embedded server has one process")

    def refused(found: Samples) -> float:
        return _value(found, "refusals_total", code="MethodNotAllowed")

    def look() -> Samples:
        try:
            return watched.scrape()
        except OSError:  # the process that was asked is the one that was killed
            return {}

    for _ in range(16):
        assert watched.key.request("PUT", "/metrics").status == 405
    before = watched.scrape()
    assert _value(before, "database_connections_most") == 40
    killed = _processes(server)[-1]
    assert _counts(f"gauge_*_{killed}.db")
    os.kill(killed, signal.SIGKILL)
    found = _until(look, lambda shown: server.log.count("ready    http") > 2 and _value(shown, "database_connections_most") == 40)
    assert refused(found) == refused(before) >= 16
    assert not _counts(f"gauge_*_{killed}.db")
