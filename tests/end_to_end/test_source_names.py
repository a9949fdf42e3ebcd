"""A real server that asks a name server of ours: names that change their addresses, mix them, pass them on, or have none."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, NamedTuple

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.canaries import Canaries
from tests.factories.http import Json, SparkClient
from tests.factories.media import make_jpeg
from tests.factories.name_server import NamedServeProcess, NameServer, why_not
from tests.factories.origin import answer, in_turn, redirect
from tests.factories.receivers import PATIENCE
from tests.factories.spark_processes import environment, run

GOOD, BAD = "127.0.0.1", "127.0.0.2"
CANARIES: Final = (BAD, "127.1.2.3", "::1")
_ATTEMPTS: Final = 20


class Scene(NamedTuple):
    """A caller, the names it can use, the one origin that is allowed, and canaries on the same port of other addresses."""

    client: SparkClient
    group: str
    names: NameServer
    shelf: Shelf
    canaries: Canaries
    server: NamedServeProcess

    def url(self, name: str, path: str = "/picture") -> str:
        """An address that the name leads to."""
        return f"http://{name}:{self.canaries.port}{path}"

    def end(self, name: str, path: str = "/picture") -> Json:
        """How a creation from there ended."""
        return self.client.ended(self.client.submit_asset(self.group, self.url(name, path)))


def _same_port(stack: ExitStack) -> tuple[Shelf, Canaries]:
    """An origin on 127.0.0.1, and canaries on the same port."""
    for _ in range(_ATTEMPTS):
        with ExitStack() as attempt:
            shelf = attempt.enter_context(Shelf())
            try:
                canaries = attempt.enter_context(Canaries(CANARIES, shelf.origin.port))
            except RuntimeError:
                continue
            stack.push(attempt.pop_all())
            return shelf, canaries
    raise RuntimeError("no port is free on every address")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server with a name server of its own."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with ExitStack() as stack:
        shelf, canaries = _same_port(stack)
        names = stack.enter_context(NameServer())
        settings = {"source_allow": f"{GOOD}:{canaries.port}", "webhook_allow": f"{GOOD}:{canaries.port}", "log_format": "json"}
        server = stack.enter_context(NamedServeProcess(names, environment(drain_timeout=2, fetch_connect_timeout=20, **settings)))
        key = json.loads(run(["keys", "create", "--name", "names", "--json"], server.variables).stdout)["key"]
        client = SparkClient(server.base_url, key)
        shelf.put("/picture", make_jpeg(tmp_path_factory.mktemp("names") / "picture.jpg", 400, 400))
        yield Scene(client, client.create_group(), names, shelf, canaries, server)


@pytest.fixture(autouse=True)
def nothing_is_touched(scene: Scene) -> Iterator[None]:
    """After each test no canary has been connected to, and no message has named an address."""
    yield
    assert scene.canaries.touched == []


def _assert_blocked(task: Json) -> None:
    assert task["status"] == "failed", task
    assert task["error"]["reason"] == "blocked_address"
    assert task["error"]["message"] == "the source's address or port is not one that this server may fetch from"


def test_a_name_is_asked_for_once_and_connected_to_by_the_address_that_was_judged(scene: Scene) -> None:
    scene.names.names["flips.example"] = [[GOOD], [BAD]]
    assert scene.end("flips.example")["status"] == "completed"
    assert scene.names.count("flips.example") == 1
    assert scene.shelf.origin.visits[-1].headers["host"] == f"flips.example:{scene.canaries.port}"
    _assert_blocked(scene.end("flips.example", "/other"))


@pytest.mark.parametrize(
    "answer",
    [
        [BAD],
        ["::1"],
        [GOOD, BAD],
        [BAD, GOOD],
        [GOOD, "::1"],
        [GOOD, "::ffff:127.0.0.2"],
        [GOOD, "64:ff9b::7f00:2"],
        [GOOD, "fe80::1"],
        [GOOD, "10.0.0.1"],
        [GOOD, "0.0.0.0"],
        ["inner.example", GOOD, BAD],
        ["inner.example", "deeper.example", "localhost", BAD],
        [GOOD] + [f"127.0.0.{number}" for number in range(2, 28)],
        [f"127.0.1.{number}" for number in range(1, 26)] + [GOOD],
    ],
    ids=lambda answer: f"{len(answer)}-{'-'.join(answer[:3])}",
)
def test_a_name_with_any_refused_address_is_refused_whole(scene: Scene, answer: list[str]) -> None:
    connections = scene.shelf.origin.connections
    scene.names.names["mixed.example"] = [answer]
    _assert_blocked(scene.end("mixed.example"))
    assert scene.shelf.origin.connections == connections


def test_a_name_that_stands_for_another_is_judged_by_where_it_ends(scene: Scene) -> None:
    scene.names.names["alias.example"] = [["inner.example", "deeper.example", GOOD]]
    assert scene.end("alias.example")["status"] == "completed"


def test_a_name_that_changes_its_address_before_a_retry_is_judged_again(scene: Scene) -> None:
    scene.names.names["rebinds.example"] = [[GOOD], [GOOD], [BAD]]
    scene.shelf.behave("/fails", answer(b"", status=503, headers={"Retry-After": "0"}))
    _assert_blocked(scene.end("rebinds.example", "/fails"))
    assert scene.shelf.origin.count("/fails") == 2


def test_a_name_that_changes_its_address_before_a_redirect_is_judged_again(scene: Scene) -> None:
    scene.names.names["leads.example"] = [[GOOD], ["::1"]]
    scene.shelf.behave("/leads", redirect(scene.url("leads.example", "/led"), status=307))
    _assert_blocked(scene.end("leads.example", "/leads"))
    assert scene.shelf.origin.count("/led") == 0


def test_a_name_that_alternates_for_ever_never_leads_to_the_other_address(scene: Scene) -> None:
    scene.names.names["alternates.example"] = [[GOOD], [BAD]] * 100
    scene.shelf.behave("/again", in_turn(*[redirect("/again"), answer(b"", status=503, headers={"Retry-After": "0"})] * 50))
    tasks = [scene.client.submit_asset(scene.group, scene.url("alternates.example", "/again")) for _ in range(20)]
    reasons = {scene.client.ended(task)["error"]["reason"] for task in tasks}
    assert "blocked_address" in reasons
    assert reasons <= {"blocked_address", "http_status", "too_many_redirects"}


@pytest.mark.parametrize("answers", [None, [[]], [["nowhere.example"]]])
def test_a_name_without_an_address_is_a_failure_of_its_own_and_names_nothing(scene: Scene, answers: list[list[str]] | None) -> None:
    if answers is not None:
        scene.names.names["empty.example"] = answers
    failed = scene.end("gone.example" if answers is None else "empty.example")
    assert failed["error"]["reason"] == "dns_failed"
    assert "53" not in failed["error"]["message"]


def test_an_international_name_is_asked_for_in_its_encoded_form_alone(scene: Scene) -> None:
    scene.names.names["xn--bcher-kva.example"] = [[GOOD]]
    assert scene.end("B\u00dccher\u3002example")["status"] == "completed"
    assert scene.names.count("xn--bcher-kva.example") == 1
    assert all(name.isascii() for name, _ in scene.names.asked)
    assert scene.shelf.origin.visits[-1].headers["host"] == f"xn--bcher-kva.example:{scene.canaries.port}"


def test_a_name_of_a_receiver_is_judged_when_the_message_is_sent(scene: Scene) -> None:
    scene.names.names["receiver.example"] = [[BAD]]
    callback = scene.url("receiver.example", "/hook")
    scene.client.ended(scene.client.submit_asset(scene.group, scene.url("flips.example", "/gone"), callback_url=callback))
    deadline = time.monotonic() + PATIENCE
    while "is not one that this server may post to" not in scene.server.log:
        assert time.monotonic() < deadline, "the message was never attempted"
        time.sleep(0.05)
    assert scene.names.count("receiver.example") == 1
