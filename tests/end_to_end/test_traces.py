"""One request, its ingest and what webhooks are told of it are one trace, over as many processes as it takes; secrets are not in it."""

import secrets
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.collectors import Collector, Told
from tests.factories.http import SparkClient, TaskFailed
from tests.factories.media import make_jpeg
from tests.factories.receivers import Receiver
from tests.factories.spark_processes import Service

PROXY, STRANGER = "127.0.0.7", "127.0.0.1"
"""Who connects to the server: one whose word it takes, and one whose it does not."""
SERVES, CALLS, TAKES = 2, 3, 5
"""Kinds of spans, in OTLP's numbers."""
STATIONS = ["fetch", "recall", "sniff", "inspect", "verify", "moderate", "store", "activate"]


class Scene(NamedTuple):
    """A service that tells its traces, and to whom."""

    service: Service
    client: SparkClient
    collector: Collector


@pytest.fixture(scope="module")
def scene(make_service: MakeService) -> Iterator[Scene]:
    """One of each size; spans are sent ten times a second."""
    with Collector() as collector:
        service = make_service(webhook_allow="127.0.0.0/8", trusted_proxies=PROXY, traces=collector.url)
        for process in service.processes:
            process.variables["OTEL_BSP_SCHEDULE_DELAY"] = "100"
        with service:
            scopes = ("--scope", "project:admin", "--scope", "assets:read", "--scope", "assets:write")
            yield Scene(service, service.client(*scopes), collector)


def _told(collector: Collector, trace: str, *names: str) -> list[Told]:
    """The steps of these names in a trace, one of each, once all have been told: each process tells its own."""
    spans = collector.wait(lambda told: {*names} <= {span.name for span in told if span.trace == trace})
    found = [[span for span in spans if (span.name, span.trace) == (name, trace)] for name in names]
    assert [len(same) for same in found] == [1] * len(names)
    return [same[0] for same in found]


def test_a_request_its_ingest_and_its_delivery_are_one_trace_that_goes_on_from_a_trusted_proxy(
    scene: Scene, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    client, collector = scene.client, scene.collector
    picture = shelf.put("/traced-path.jpg", make_jpeg(tmp_path_factory.mktemp("traces") / "traced.jpg", 400, 400))
    trace, step = secrets.token_hex(16), secrets.token_hex(8)
    with Receiver() as receiver:
        webhook = client.call("POST", "/v1/webhooks", {"url": f"{receiver.url}?token=webhook-secret", "events": ["asset.active"]})
        assert webhook.status == 201, webhook.body
        group = client.create_group("a name nobody may see")
        traced = SparkClient(client.base_url, client.key, {"traceparent": f"00-{trace}-{step}-01"}, source=PROXY)
        answer = traced.post(
            {"model": "spark_asset_create", "Name": "n", "URL": f"{picture}?token=source-secret", "AssetType": "Image", "GroupId": group}
        )
        task = client.completed(answer.json()["id"])
        receiver.wait(1)
    request, submit, ingest, preview, deliver = _told(
        collector, trace, "POST /model/v1/generation", "submit", "ingest", "preview", "deliver"
    )
    spans = collector.spans
    assert (request.parent, submit.parent, ingest.parent) == (step, request.id, submit.id)
    assert preview.parent == deliver.parent == submit.id
    assert (request.kind, ingest.kind, deliver.kind) == (SERVES, TAKES, CALLS)
    assert [span.name for span in spans if span.parent == ingest.id] == STATIONS
    assert request.said == {
        "http.request.method": "POST",
        "http.route": "/model/v1/generation",
        "http.response.status_code": 200,
        "spark_assets.surface": "task",
        "spark_assets.request_id": answer.headers["x-request-id"],
    }
    assert submit.said == {"spark_assets.task_id": task["id"]}
    assert ingest.said["spark_assets.request_id"] == answer.headers["x-request-id"]
    assert (ingest.said["spark_assets.asset_id"], ingest.said["spark_assets.attempt"]) == (task["metadata"]["asset_id"], 1)
    assert (deliver.said["http.response.status_code"], deliver.said["spark_assets.event"]) == (204, "asset.active")
    assert not any(span.failed for span in spans if span.trace == trace)
    assert collector.services == {"spark-assets"}


def test_what_fails_is_told_by_its_code_and_nothing_secret_is_told_at_all(scene: Scene, shelf: Shelf) -> None:
    client, collector = scene.client, scene.collector
    group = client.create_group("a name nobody may see")
    source = shelf.put("/traced-noise.jpg", bytes(range(1, 28)))
    with pytest.raises(TaskFailed):
        client.completed(client.submit_asset(group, f"{source}?token=source-secret"))
    assert client.request("GET", "/s/share-secret?x=query-secret").status == 404
    assert client.request("GET", "/media/asset-none/original.jpg?signature=signature-secret").status == 404
    spans = collector.wait(
        lambda told: {"sniff", "GET /media/{asset_id}/{file_name}"} <= {span.name for span in told if span.said or span.failed}
    )
    failed = [span for span in spans if span.failed]
    assert {(span.name, span.said["error.type"]) for span in failed} == {("sniff", "FormatUndetectable"), ("ingest", "FormatUndetectable")}
    told = b"".join(collector.bodies)
    secret = (b"-secret", b"nobody may see", b"traced-path", b"traced-noise", b"127.0.0.1", client.key.encode(), client.key[3:12].encode())
    assert [word for word in secret if word in told] == []


def test_what_webhooks_are_told_of_a_deletion_is_in_the_trace_of_the_request(scene: Scene) -> None:
    client, collector = scene.client, scene.collector
    with Receiver() as receiver:
        webhook = client.call("POST", "/v1/webhooks", {"url": receiver.url, "events": ["group.deleted"]})
        assert webhook.status == 201, webhook.body
        trace, step = secrets.token_hex(16), secrets.token_hex(8)
        traced = SparkClient(client.base_url, client.key, {"traceparent": f"00-{trace}-{step}-01"}, source=PROXY)
        assert traced.request("DELETE", f"/v1/groups/{client.create_group()}").status in {200, 204}
        receiver.wait(1)
    request, deliver = _told(collector, trace, "DELETE /v1/groups/{group_id}", "deliver")
    assert (request.parent, deliver.parent) == (step, request.id)
    assert deliver.said["spark_assets.event"] == "group.deleted"


def test_a_stranger_decides_neither_whose_trace_a_request_is_nor_whether_it_is_told_nor_under_which_name(scene: Scene) -> None:
    trace, step = secrets.token_hex(16), secrets.token_hex(8)
    for sampled in ("00", "01"):
        stranger = SparkClient(scene.client.base_url, scene.client.key, {"traceparent": f"00-{trace}-{step}-{sampled}"}, source=STRANGER)
        assert stranger.request("GET", f"/v1/groups/stranger-{sampled}").status == 404
        assert stranger.request(f"MADE-UP-{sampled}", "/model/v1/generation").status == 405
    routes = ["GET /v1/groups/{group_id}", "_OTHER /model/v1/generation"]

    def theirs(told: list[Told]) -> list[Told]:
        return [span for span in told if trace in span.beside]

    spans = scene.collector.wait(lambda told: len(theirs(told)) == 4)
    assert sorted(span.name for span in theirs(spans)) == sorted(routes * 2)
    assert {span.said["http.request.method"] for span in theirs(spans)} == {"GET", "_OTHER"}
    assert {span.parent for span in theirs(spans)} == {""}
    assert len({span.trace for span in theirs(spans)} - {trace}) == 4
    assert not any(span.trace == trace for span in spans)
    assert b"MADE-UP" not in b"".join(scene.collector.bodies)


def test_a_poll_is_told_and_probes_are_not(scene: Scene) -> None:
    for path in ("/healthz", "/readyz", "/model/v1/generation/task/none"):
        scene.client.request("GET", path)
    spans = scene.collector.wait(lambda told: any(span.name == "GET /model/v1/generation/task" for span in told))
    assert not any("/healthz" in span.name or "/readyz" in span.name for span in spans)
    assert all(span.parent == "" for span in spans if span.name == "GET /model/v1/generation/task")
