"""What a source is told by a real server, and what a source's address that carries credentials leaves behind."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from spark_assets import __version__
from tests.end_to_end.guarded import ADMIN, PROXIES
from tests.end_to_end.shelf import Shelf
from tests.factories.canaries import Canaries
from tests.factories.http import SparkClient
from tests.factories.media import make_jpeg
from tests.factories.origin import answer, redirect
from tests.factories.receivers import Receiver
from tests.factories.spark_processes import Service, embedded

NETRC: Final = "machine 127.0.0.1 login netrcuser password netrcsecret\ndefault login netrcuser password netrcsecret\n"


@pytest.fixture(scope="module")
def canaries() -> Iterator[Canaries]:
    """What the environment of the server names as a proxy."""
    with Canaries() as standing:
        yield standing


@pytest.fixture(scope="module")
def service(canaries: Canaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server in an environment with proxies for everything, and with passwords for every host in `.netrc`."""
    folder = tmp_path_factory.mktemp("environment")
    (folder / ".netrc").write_text(NETRC)
    (folder / ".netrc").chmod(0o600)
    service = embedded(source_allow="127.0.0.0/8,[::1]", webhook_allow="127.0.0.0/8", log_level="debug", drain_timeout=2)
    service.server.variables.update(dict.fromkeys(PROXIES, f"http://proxyuser:proxysecret@127.0.0.2:{canaries.port}"))
    service.server.variables.update({"HOME": str(folder), "NETRC": str(folder / ".netrc"), "NO_PROXY": "", "no_proxy": ""})
    with service:
        yield service


@pytest.fixture(scope="module")
def client(service: Service) -> SparkClient:
    """An administrator of the project."""
    return service.client("--scope", "admin", *ADMIN)


@pytest.fixture(scope="module")
def group(client: SparkClient) -> str:
    """A group."""
    return client.create_group()


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file that is accepted."""
    return make_jpeg(tmp_path_factory.mktemp("secrets") / "picture.jpg", 400, 400).read_bytes()


def test_a_source_is_told_who_asks_and_nothing_of_the_environment_or_of_other_hosts(
    service: Service, client: SparkClient, group: str, picture: bytes, canaries: Canaries
) -> None:
    with Shelf(host="127.0.0.3") as second, Shelf() as first:
        cookies = {"Set-Cookie": "session=cookiesecret; Path=/", "Location": second.put("/end", picture)}
        first.behave("/begin", answer(b"", status=302, headers={**cookies, "Authorization": "Bearer x"}))
        for _ in range(2):
            client.create_asset(group, first.origin.url("/begin?token=querysecret"))
        (visit, *_), (arrival, *_) = first.origin.visits, second.origin.visits
        assert (len(first.origin.visits), len(second.origin.visits)) == (2, 2)
    for told in (*first.origin.visits, *second.origin.visits):
        assert told.headers.keys() == {"host", "user-agent", "accept", "accept-encoding"}
        assert told.headers["accept-encoding"] == "identity"
        assert told.headers["user-agent"] == f"spark-assets/{__version__} (+{service.base_url})"
    assert visit.path == "/begin?token=querysecret"
    assert arrival.headers["host"] == f"127.0.0.3:{second.origin.port}"
    assert canaries.touched == []


def test_a_receiver_is_told_nothing_of_the_environment_and_no_proxy_is_asked(client: SparkClient, group: str, canaries: Canaries) -> None:
    with Receiver() as receiver, Shelf() as shelf:
        client.ended(client.submit_asset(group, shelf.origin.url("/nothing"), callback_url=receiver.url))
        (told,) = receiver.wait(1)
    assert not told.headers.keys() & {"authorization", "cookie", "referer", "proxy-authorization"}
    assert canaries.touched == []


def test_our_own_listening_address_is_not_fetched_though_its_network_is_allowed(service: Service, client: SparkClient, group: str) -> None:
    port = service.server.port
    seen = service.server.log.count("/never-asked-for")
    for host in ("127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0"):
        failed = client.ended(client.submit_asset(group, f"http://{host}:{port}/never-asked-for"))
        assert failed["error"]["reason"] == "blocked_address"
    with Shelf() as shelf:
        url = shelf.behave("/back", redirect(f"http://127.0.0.1:{port}/never-asked-for"))
        assert client.ended(client.submit_asset(group, url))["error"]["reason"] == "blocked_address"
    assert service.server.log.count("/never-asked-for") == seen


def _rows(service: Service, statement: str, *values: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{service.home / 'library.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(statement, values).fetchall()


def _places(service: Service, secret: str) -> list[str]:
    """Where the secret lies in plain: in a column of a row, in a file of the home, or in the log."""
    found = []
    for (table,) in _rows(service, "SELECT name FROM sqlite_schema WHERE type = 'table'"):
        for row in _rows(service, f'SELECT * FROM "{table}"'):
            found += [str(table) for value in row if secret in _text(value)]
    found += [path.name for path in service.home.rglob("*") if path.is_file() and secret.encode() in _content(path)]
    return found + (["log"] if secret in service.server.log else [])


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a spool file that has been done with since
        return b""


EXPORTS: Final = (
    "/v1/tasks/{task}", "/v1/tasks?limit=100", "/v1/assets?limit=100", "/v1/assets/{asset}", "/v1/audit?format=jsonl",
    "/v1/audit?limit=100", "/v1/usage", "/v1/webhooks?limit=100", "/v1/webhooks/{webhook}", "/v1/webhooks/{webhook}/deliveries?limit=100",
    "/v1/webhooks/callbacks-default/deliveries?limit=100", "/model/v1/generation/task/{task}", "/metrics", "/readyz", "/openapi.json",
)  # fmt: skip


def test_the_query_of_a_source_or_callback_is_sealed_while_it_is_needed_and_gone_after_success(
    service: Service, client: SparkClient, group: str, picture: bytes
) -> None:
    secret = f"verysecret{time.time_ns()}"
    with Shelf() as shelf, Receiver() as receiver, Receiver(500) as stubborn:
        source = shelf.put("/signed", picture)
        webhook = client.call("POST", "/v1/webhooks", {"url": f"{stubborn.url}?sig={secret}"}).json()["id"]
        body = {"url": f"{source}?X-Amz-Signature={secret}", "type": "Image", "group_id": group, "external_id": secret[-6:]}
        headers = {"Idempotency-Key": f"key-{secret[-6:]}"}
        accepted = client.call("POST", "/v1/assets", {**body, "callback_url": f"{receiver.url}?sig={secret}"}, headers).json()
        task, asset = accepted["id"], accepted["asset_id"]
        assert client.completed(task)["status"] == "completed"
        receiver.wait(1)
        stubborn.wait(1)
        failing = client.submit_asset(group, f"{shelf.origin.url('/gone')}?sig={secret}")
        redirected = shelf.behave("/led", redirect(f"http://user:{secret}@127.0.0.1/?sig={secret}"))
        ended = [client.ended(failing), client.ended(client.submit_asset(group, redirected))]
        assert [failed["error"]["reason"] for failed in ended] == ["http_status", "bad_redirect"]
        assert client.call("POST", f"/v1/tasks/{failing}/retry", {"url": f"http://127.0.0.1:0/?sig={secret}"}).status == 400
    assert _rows(service, "SELECT source, callback FROM tasks WHERE id = ?", task) == [(None, None)]
    ((kept,),) = _rows(service, "SELECT source FROM tasks WHERE id = ?", failing)
    assert isinstance(kept, bytes)
    assert _places(service, secret) == []
    for path in EXPORTS:
        shown = client.request("GET", path.format(task=task, asset=asset, webhook=webhook))
        assert secret.encode() not in shown.body, path
        assert secret not in json.dumps(shown.headers)
    assert client.call("DELETE", f"/v1/webhooks/{webhook}").status == 204
    assert _rows(service, "SELECT url FROM webhooks WHERE id = ?", webhook) == [(None,)]
