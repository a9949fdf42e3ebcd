"""A real server that is led on: by redirects of every kind, and by webhooks and callbacks to addresses that must not be reached."""

import time
from collections.abc import Iterator

import pytest

from spark_assets.domain.webhook import MOST_WEBHOOKS
from tests.end_to_end.guarded import Scene
from tests.end_to_end.written_addresses import hidden, unreadable
from tests.factories.http import Json
from tests.factories.origin import Behaviour, answer, in_turn, raw, redirect
from tests.factories.receivers import PATIENCE


@pytest.fixture(autouse=True)
def nothing_is_touched(scene: Scene) -> Iterator[None]:
    """After each test no canary has been connected to."""
    yield
    assert scene.canaries.touched == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_to_no_address_that_a_submission_could_not_reach(scene: Scene, status: int) -> None:
    port = scene.canaries.port
    blocked = [*hidden(port), f"//127.0.0.2:{port}/x", f"//[::1]:{port}/x", f"HTTP://127.0.0.2:{port}/x"]
    bad = [url for url in unreadable(port, scene.good) if url.isprintable() and url == url.strip() and url.startswith(("http", "f", "\\"))]
    urls = [scene.shelf.behave(f"/to-{status}-{n}", redirect(there, status=status)) for n, there in enumerate([*blocked, *bad])]
    failures = scene.failures(urls)
    assert {failure["reason"] for failure in failures[: len(blocked)]} == {"blocked_address"}
    assert {failure["reason"] for failure in failures[len(blocked) :]} <= {"bad_redirect", "http_status"}
    assert len({failure["message"] for failure in failures[: len(blocked)]}) == 1


def _location(*lines: bytes) -> Behaviour:
    return raw(b"HTTP/1.1 302 Found\r\n" + b"".join(lines) + b"Content-Length: 0\r\n\r\n")


def test_a_location_that_is_a_list_empty_folded_or_no_text_leads_nowhere(scene: Scene) -> None:
    there = f"http://127.0.0.2:{scene.canaries.port}/x".encode()
    good = scene.shelf.put("/somewhere", b"x").encode()
    heads = {
        "twice": (b"Location: " + good + b"\r\n", b"Location: " + there + b"\r\n"),
        "twice, the other way": (b"Location: " + there + b"\r\n", b"Location: " + good + b"\r\n"),
        "list": (b"Location: " + good + b", " + there + b"\r\n",),
        "empty": (b"Location:\r\n",),
        "blank": (b"Location: \t \r\n",),
        "none": (),
        "folded": (b"Location: " + good + b"\r\n " + there + b"\r\n",),
        "no text": (b"Location: http://\xff\xfe/\r\n",),
        "a tab within": (b"Location: http://127.0.0.2\t:80/\r\n",),
        "a bare CR": (b"Location: " + good + b"\rLocation: " + there + b"\r\n",),
        "other headers": (b"Refresh: 0;url=" + there + b"\r\n", b"Content-Location: " + there + b"\r\n", b"URI: " + there + b"\r\n"),
        "too long": (b"Location: " + there + b"a" * 8100 + b"\r\n",),
    }
    urls = [scene.shelf.behave(f"/list-{n}", _location(*lines)) for n, lines in enumerate(heads.values())]
    failures = dict(zip(heads, (failure["reason"] for failure in scene.failures(urls)), strict=True))
    assert set(failures.values()) <= {"bad_redirect", "bad_response", "blocked_address"}, failures
    assert [kind for kind, reason in failures.items() if reason == "blocked_address"] in ([], ["too long"])


@pytest.mark.parametrize("status", [300, 304, 305, 306, 399])
def test_another_status_of_the_300s_is_no_redirect(scene: Scene, status: int) -> None:
    there = f"http://127.0.0.2:{scene.canaries.port}/x"
    (failure,) = scene.failures([scene.shelf.behave(f"/no-{status}", redirect(there, status=status))])
    assert failure["reason"] == "http_status"


def test_every_hop_and_every_retry_is_judged_anew(scene: Scene) -> None:
    urls = []
    for hops in range(1, 6):
        for hop in range(1, hops):
            scene.shelf.behave(f"/hop-{hops}-{hop}", redirect(f"/hop-{hops}-{hop + 1}"))
        scene.shelf.behave(f"/hop-{hops}-{hops}", redirect(f"//127.0.0.2:{scene.canaries.port}/"))
        urls.append(scene.shelf.origin.url(f"/hop-{hops}-1"))
    after_a_retry = in_turn(answer(b"", status=503, headers={"Retry-After": "0"}), redirect(f"http://[::1]:{scene.canaries.port}/"))
    urls.append(scene.shelf.behave("/later", after_a_retry))
    assert {failure["reason"] for failure in scene.failures(urls)} == {"blocked_address"}
    assert scene.shelf.origin.count("/hop-5-5") == 1
    assert scene.shelf.origin.count("/later") == 2


def test_a_webhook_and_a_callback_go_through_the_guard_when_they_are_delivered(scene: Scene) -> None:
    seen = len(scene.receiver.got)
    urls = hidden(scene.canaries.port)
    first, second, *others = urls[:: len(urls) // MOST_WEBHOOKS][:MOST_WEBHOOKS]
    webhooks = [_make_webhook(scene, url) for url in others]
    lines = [{"url": scene.shelf.origin.url("/nothing"), "callback_url": url} for url in (first, second)]
    assert [result["status"] for result in scene.batch(lines)] == ["accepted", "accepted"]
    callbacks = scene.client.call("POST", "/v1/webhooks/callbacks/rotate", {}).json()["id"]
    found = _deliveries(scene, callbacks, len(lines))
    for webhook in webhooks:
        found += _deliveries(scene, webhook, 1)
        assert scene.client.call("DELETE", f"/v1/webhooks/{webhook}").status == 204
    assert {(delivery["status"], delivery["answer_status"]) for delivery in found} == {("waiting", None)}
    assert {delivery["failure"] for delivery in found} == {"its address or port is not one that this server may post to"}
    assert len(scene.receiver.got) == seen


def _make_webhook(scene: Scene, url: str) -> str:
    """A webhook that a test message is on its way to."""
    webhook = str(scene.client.call("POST", "/v1/webhooks", {"url": url, "events": ["asset.active"]}).json()["id"])
    assert scene.client.call("POST", f"/v1/webhooks/{webhook}/test").status == 202
    return webhook


def _deliveries(scene: Scene, webhook: str, count: int) -> list[Json]:
    """The deliveries of a webhook, once so many have been attempted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        listed = scene.client.call("GET", f"/v1/webhooks/{webhook}/deliveries?limit=100").json()["items"]
        found: list[Json] = [delivery for delivery in listed if delivery["failure"]]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} of {count} deliveries were attempted: {listed[:3]}"
        time.sleep(0.05)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_receiver_that_redirects_is_not_followed(scene: Scene, status: int) -> None:
    scene.receiver.then((status, {"Location": f"http://127.0.0.2:{scene.canaries.port}/"}))
    webhook = _make_webhook(scene, scene.receiver.url)
    (delivery,) = _deliveries(scene, webhook, 1)
    assert delivery["answer_status"] == status
    assert scene.client.call("DELETE", f"/v1/webhooks/{webhook}").status == 204
