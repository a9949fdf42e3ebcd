"""The service behind nginx and Caddy, each with our samples: with TLS, under a name of its own and below a path."""

import hashlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
import volcenginesdkcore
from tusclient import client as tus
from volcenginesdkcore.rest import ApiException

from spark_assets.client import Client
from spark_assets.domain.signature import SignedRequest
from tests.end_to_end.shelf import Shelf
from tests.factories.certificates import make_certificate
from tests.factories.http import SparkClient, result
from tests.factories.loopback_server import free_port
from tests.factories.media import make_jpeg
from tests.factories.origin import answer, wait_for
from tests.factories.proxies import Caddy, Nginx, Proxy, find_program
from tests.factories.signing import NAMES, sign, signing_headers
from tests.factories.spark_processes import Service, embedded, fleet

LIAR: Final = "203.0.113.9"
"""Where a client says that it is."""
CLIENT: Final = "127.0.0.5"
"""Where it is; the proxy connects from 127.0.0.1."""
QUERY: Final = (("Action", "ListAssetGroups"), ("Version", "2024-01-01"))


@dataclass
class Scene:
    """A service, and the proxy before it."""

    service: Service
    proxy: Proxy
    base_url: str

    def browser(self, key: str = "", **options: Any) -> httpx2.Client:
        """A client that trusts the proxy's certificate; with a key or without."""
        given = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx2.HTTPTransport(verify=self.proxy.certificate.trusting, local_address=CLIENT)
        return httpx2.Client(base_url=self.base_url, headers=given, transport=transport, timeout=30, **options)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((Nginx, "nginx.conf", "", False), id="nginx-embedded"),
        pytest.param((Nginx, "nginx-path.conf", "/assets", True), id="nginx-path-fleet"),
        pytest.param((Caddy, "Caddyfile", "", False), id="caddy-embedded"),
        pytest.param((Caddy, "Caddyfile-path", "/assets", False), id="caddy-path-embedded"),
    ],
)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A service behind a proxy of each kind; one of them is a fleet, whose media are on an object store."""
    kind, sample, prefix, is_fleet = request.param
    proxy = kind(sample, make_certificate(tmp_path_factory.mktemp("certificate")))
    proxy.port = free_port()
    base_url = f"https://127.0.0.1:{proxy.port}{prefix}"
    settings = {"base_url": base_url, "trusted_proxies": "127.0.0.1", "source_allow": "127.0.0.0/8", "failed_key_delay": 2}
    try:
        find_program(kind.__name__.lower())
        if is_fleet:
            service = fleet(request.getfixturevalue("postgres_server"), request.getfixturevalue("s3_server"), **settings)
        else:
            service = embedded(**settings)
        with service:
            proxy.target = service.server.port
            proxy.start()
            yield Scene(service, proxy, base_url)
    finally:
        proxy.close()


@pytest.fixture(scope="module")
def key(scene: Scene) -> str:
    """An admin's key."""
    return str(scene.service.make_key("--scope", "admin")["key"])


@pytest.fixture
def browser(scene: Scene, key: str) -> Iterator[httpx2.Client]:
    """That admin, before the proxy."""
    with scene.browser(key) as found:
        yield found


@pytest.fixture(scope="module")
def asset(scene: Scene, key: str, shelf: Shelf, media: Path) -> dict[str, Any]:
    """An active asset, made through the proxy."""
    url = shelf.put("/behind.jpg", make_jpeg(media / "behind.jpg"))
    with scene.browser(key) as browser:
        group = browser.post("/v1/groups", json={"name": "behind"}).json()["id"]
        made = browser.post("/v1/assets", json={"url": url, "type": "Image", "group_id": group, "name": "behind"})
        assert made.status_code in {201, 202}, made.text
        task = browser.get(f"/v1/tasks/{made.json()['id']}", params={"wait": 30}).json()
        assert task["status"] == "completed", task
        found: dict[str, Any] = browser.get(f"/v1/assets/{task['asset_id']}").json()
        return found


def test_every_address_that_is_handed_out_is_one_before_the_proxy(scene: Scene, browser: httpx2.Client, asset: dict[str, Any]) -> None:
    share = browser.post(f"/v1/assets/{asset['id']}/shares", json={}).json()["url"]
    document = browser.get("/openapi.json").json()
    spec = browser.get("/api/v1/skill/models/spark_asset_create/spec").json()["data"]["api"]["endpoint"]
    content = browser.get(f"/v1/assets/{asset['id']}/content").headers["location"]
    given = [share, asset["url"], spec, content, *(server["url"] for server in document["servers"])]
    assert [one for one in given if not one.startswith(scene.base_url)] == []
    assert f"{scene.base_url}/v1" in browser.get("/docs").text
    assert browser.get("/nowhere").json()["error"]["code"] == "NotFound.path"


def test_a_link_leads_to_the_bytes_also_in_part_and_on_to_an_object_store(
    scene: Scene, browser: httpx2.Client, asset: dict[str, Any]
) -> None:
    answer = browser.get(asset["url"])
    if scene.service.is_fleet:
        assert answer.status_code == 307
        assert answer.headers["location"].startswith(scene.service.variables["SPARK_ASSETS_S3_ENDPOINT"])
        answer = httpx2.get(answer.headers["location"])
    else:
        part = browser.get(asset["url"], headers={"Range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, answer.content[:10])
    assert hashlib.sha256(answer.content).hexdigest() == asset["sha256"]


def test_events_come_through_as_they_happen(browser: httpx2.Client) -> None:
    late = []
    with browser.stream("GET", "/v1/events") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("id: ")
        for number in range(5):
            group = browser.post("/v1/groups", json={"name": f"short-lived {number}"}).json()["id"]
            assert browser.delete(f"/v1/groups/{group}").status_code == 204
            began = time.monotonic()
            while group not in next(lines):
                assert time.monotonic() - began < 10
            late.append(time.monotonic() - began)
    assert median(late) < 1, late


def test_a_long_poll_is_answered_when_its_task_ends_and_not_before(browser: httpx2.Client, shelf: Shelf) -> None:
    gate, let_go = shelf.gate()
    waits = shelf.behave("/waits.jpg", wait_for(gate, answer(b"")))
    group = browser.post("/v1/groups", json={"name": "slow"}).json()["id"]
    task = browser.post("/v1/assets", json={"url": waits, "type": "Image", "group_id": group}).json()["id"]
    began = time.monotonic()
    assert browser.get(f"/v1/tasks/{task}", params={"wait": 2}).json()["status"] == "in_progress"
    assert time.monotonic() - began >= 2
    assert browser.post(f"/v1/tasks/{task}/cancel").status_code == 200
    assert browser.get(f"/v1/tasks/{task}", params={"wait": 30}).json()["error"]["code"] == "Conflict.Cancelled"
    let_go()


def test_a_resumable_upload_keeps_what_has_arrived_when_the_line_breaks(
    scene: Scene, key: str, browser: httpx2.Client, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(scene.proxy.certificate.chain))
    source = make_jpeg(media / f"upload {scene.proxy.port}.jpg", 1600, 1200, quality=95)
    group = browser.post("/v1/groups", json={"name": "uploaded"}).json()["id"]
    metadata = {"name": "uploaded", "type": "Image", "group_id": group}
    there = tus.TusClient(f"{scene.base_url}/v1/uploads/tus", headers={"Authorization": f"Bearer {key}"})
    with source.open("rb") as file:
        uploader = there.uploader(file_stream=file, metadata=metadata, chunk_size=100_000)
        uploader.upload_chunk()
        assert uploader.url.startswith(f"{scene.base_url}/v1/uploads/tus/")
        _send_half(scene, key, uploader.url, uploader.offset, source)
        deadline = time.monotonic() + 30
        while (arrived := uploader.get_offset()) <= uploader.offset:
            assert time.monotonic() < deadline, "nothing of the broken request was kept"
        uploader.offset = arrived
        uploader.upload()
    done = browser.get(f"/v1/uploads/{uploader.url.rpartition('/')[2]}").json()
    task = browser.get(f"/v1/tasks/{done['task_id']}", params={"wait": 30}).json()
    assert task["status"] == "completed"
    assert browser.get(f"/v1/assets/{task['asset_id']}").json()["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()


def _send_half(scene: Scene, key: str, url: str, offset: int, source: Path) -> None:
    """Say that all the rest comes, send half of it, and go away."""
    rest = source.read_bytes()[offset:]

    def half() -> Iterator[bytes]:
        yield rest[: len(rest) // 2]
        time.sleep(1)  # for the proxy to pass it on before the line breaks
        raise ConnectionAbortedError

    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    with scene.browser(key) as browser, pytest.raises(ConnectionAbortedError):
        browser.patch(url, headers={**headers, "Content-Length": str(len(rest))}, content=half())


def test_signing_in_sets_a_cookie_for_https_and_this_path_alone(scene: Scene, key: str) -> None:
    path = urlsplit(scene.base_url).path
    with scene.browser() as visitor:
        led = visitor.get("/console")
        assert (led.status_code, led.headers["location"]) == (303, f"{path}/console/sign-in?{urlencode({'next': f'{path}/console'})}")
        form = visitor.post(led.headers["location"].removeprefix(path), data={"key": key}, headers={"Origin": _origin(scene)})
        assert (form.status_code, form.headers["location"]) == (303, f"{path}/console")
        attributes = form.headers["set-cookie"].split("; ")
        assert {"Secure", "HttpOnly", "SameSite=Lax", f"Path={path or '/'}"} < set(attributes)
        page = visitor.get("/console")
        assert page.status_code == 200
        assert f'src="{path}/console/static/' in page.text
        assert visitor.post("/v1/groups", json={"name": "forged"}).status_code == 403
        assert visitor.get("/v1/groups").status_code == 200


def _origin(scene: Scene) -> str:
    parts = urlsplit(scene.base_url)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.fixture(scope="module")
def pair(scene: Scene) -> tuple[str, str]:
    """An access key and its secret."""
    made = scene.service.quick_command("access-keys", "create", "--name", "signer")
    return made["id"], made["secret"]


def test_the_volcengine_sdk_signs_what_arrives_under_a_name_of_its_own(scene: Scene, pair: tuple[str, str]) -> None:
    configuration = volcenginesdkcore.Configuration()
    configuration.scheme, _, configuration.host = scene.base_url.partition("://")
    configuration.ssl_ca_cert = str(scene.proxy.certificate.chain)
    configuration.region, (configuration.ak, configuration.sk) = "cn-beijing", pair
    api = volcenginesdkcore.UniversalApi(volcenginesdkcore.ApiClient(configuration))
    info = volcenginesdkcore.UniversalInfo(
        method="POST", service="ark", version="2024-01-01", action="CreateAssetGroup", content_type="application/json"
    )
    if urlsplit(scene.base_url).path:  # the SDK knows no path: it sends it as a part of Host, and every proxy refuses that
        with pytest.raises(ApiException, match="Bad Request"):
            api.do_call(info, {"Name": "signed", "GroupType": "AIGC"})
    else:
        assert api.do_call(info, {"Name": "signed", "GroupType": "AIGC"})["Id"].startswith("group-")


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_signature_covers_the_public_host_and_path(scene: Scene, pair: tuple[str, str], ending: str) -> None:
    parts = urlsplit(scene.base_url)
    with scene.browser() as visitor:
        right = _signed(pair, parts.netloc, f"{parts.path}{ending}" or "/")
        assert visitor.post(f"/?{urlencode(QUERY)}", content=b'{"Filter":{}}', headers=right).status_code == 200
        for host, path in (("other.example.com", "/"), (parts.netloc, "/elsewhere")):
            answer = visitor.post(f"/?{urlencode(QUERY)}", content=b'{"Filter":{}}', headers=_signed(pair, host, path))
            assert answer.json()["ResponseMetadata"]["Error"]["Code"] == "SignatureDoesNotMatch"


def test_a_signature_over_the_public_host_holds_where_a_proxy_changes_the_host(scene: Scene, pair: tuple[str, str]) -> None:
    parts = urlsplit(scene.base_url)
    headers = {**_signed(pair, parts.netloc, parts.path or "/"), "Host": "spark.internal:8080"}
    answer = httpx2.post(f"{scene.service.base_url}/?{urlencode(QUERY)}", content=b'{"Filter":{}}', headers=headers)
    assert answer.status_code == 200


def _signed(pair: tuple[str, str], host: str, path: str) -> dict[str, str]:
    """The headers of a request of QUERY that was signed for this host and path."""
    body = b'{"Filter":{}}'
    headers = signing_headers(host, body, time.time())
    request = SignedRequest(method="POST", path=path, query=QUERY, headers=headers, body=body)
    headers["authorization"] = sign(request, pair[1], NAMES, key=pair[0])
    del headers["host"]
    return headers


def test_the_trail_names_the_client_whatever_it_says_of_itself(scene: Scene, browser: httpx2.Client) -> None:
    lies = {"X-Forwarded-For": LIAR, "Forwarded": f"for={LIAR}", "X-Real-IP": LIAR, "X-Forwarded-Host": "evil.example"}
    group = browser.post("/v1/groups", json={"name": "traced"}, headers=lies).json()["id"]
    assert browser.delete(f"/v1/groups/{group}", headers=lies).status_code == 204
    found = browser.get("/v1/audit", params={"subject": group}).json()["items"]
    assert {entry["address"] for entry in found} == {CLIENT}


def test_who_goes_past_the_proxy_is_not_believed(scene: Scene, browser: httpx2.Client, key: str) -> None:
    group = browser.post("/v1/groups", json={"name": "direct"}).json()["id"]
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": LIAR}
    with httpx2.Client(transport=httpx2.HTTPTransport(local_address=CLIENT), headers=headers) as direct:
        assert direct.delete(f"{scene.service.base_url}/v1/groups/{group}").status_code == 204
    found = browser.get("/v1/audit", params={"subject": group}).json()["items"]
    assert {entry["address"] for entry in found} == {CLIENT}


def test_who_tries_keys_through_the_proxy_waits_and_nobody_else_does(scene: Scene) -> None:
    transport = httpx2.HTTPTransport(verify=scene.proxy.certificate.trusting, local_address="127.0.0.6")
    with httpx2.Client(base_url=scene.base_url, transport=transport, timeout=30) as guesser, scene.browser() as other:
        for number in range(16):
            took = _seconds_of_a_guess(guesser, f"sk_guess_{number}")
        assert took > 0.6, "the sixteenth guess waits for 0.8 seconds"
        assert _seconds_of_a_guess(other, "sk_mistyped") < took


def _seconds_of_a_guess(client: httpx2.Client, key: str) -> float:
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": f"198.51.100.{time.monotonic_ns() % 250}"}
    assert client.get("/v1/groups", headers=headers).status_code == 401
    return time.monotonic() - began


def test_the_sdk_and_the_task_dialect_work_there(scene: Scene, key: str, shelf: Shelf, media: Path, tmp_path: Path) -> None:
    picture = make_jpeg(media / "sdk.jpg", 500, 500)
    transport = httpx2.HTTPTransport(verify=scene.proxy.certificate.trusting)
    with Client(scene.base_url, key, transport=transport) as client:
        group = client.groups.create("sdk")
        uploaded = client.assets.create(path=picture, group_id=group.id, wait=True)
    with scene.browser(key) as browser:
        body = {"model": "spark_asset_get", "Id": uploaded.id}
        task = browser.post("/model/v1/generation", json=body).json()["id"]
        shown = result(browser.get(f"/model/v1/generation/task/{task}", params={"wait": 30}).json())
        assert shown["URL"].startswith(f"{scene.base_url}/media/")


def test_the_server_answers_without_the_prefix_to_who_reaches_it_directly(scene: Scene) -> None:
    direct = SparkClient(scene.service.base_url, scene.service.make_key()["key"])
    assert direct.request("GET", "/readyz").status == 200
    assert direct.request("GET", f"{urlsplit(scene.base_url).path}/v1/groups").status == 200


def test_the_program_finds_the_sample_valid_and_well_written(scene: Scene) -> None:
    proxy = scene.proxy
    if isinstance(proxy, Nginx):
        assert "syntax is ok" in _said([find_program("nginx"), "-t", *proxy.arguments()], proxy.folder)
    else:
        assert isinstance(proxy, Caddy)
        assert "Valid configuration" in _said([find_program("caddy"), "validate", *proxy.arguments()], proxy.folder)
        assert _said([find_program("caddy"), "fmt", str(proxy.sample)], proxy.folder) == proxy.text


def _said(command: list[str], folder: Path) -> str:
    """What a program prints that must succeed."""
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout or finished.stderr
