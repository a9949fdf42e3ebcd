"""Signed links on request, and shares: addresses that need no key and work until they are revoked."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories.http import Answer, Json, SparkClient, follow, send
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, head
from tests.factories.spark_processes import Service

UNKNOWN = "/v1/assets/asset-20200101000000-bcdfg"


class Scene(NamedTuple):
    """Someone of one project with an asset, its bytes, and someone of another project."""

    client: SparkClient
    stranger: SparkClient
    reader: SparkClient
    asset: str
    content: bytes


@pytest.fixture(scope="module")
def scene(service: Service, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A picture whose thumbnail is there."""
    for name in ("shares-ours", "shares-theirs"):
        service.quick_command("projects", "create", name)
    client = service.client("--project", "shares-ours")
    path: Path = make_jpeg(tmp_path_factory.mktemp("shares") / "shared.jpg", 800, 600)
    asset = client.create_asset(client.create_group(), shelf.put("/shared.jpg", path), name="Sunset")
    service.wait_for_empty_spool()
    stranger, reader = service.client("--project", "shares-theirs"), service.client("--project", "shares-ours", "--scope", "assets:read")
    return Scene(client, stranger, reader, asset, path.read_bytes())


@pytest.fixture
def other(scene: Scene, shelf: Shelf) -> str:
    """An asset that a test may delete."""
    return scene.client.create_asset(scene.client.create_group(), shelf.put("/other.jpg", scene.content))


def _link(scene: Scene, **body: Any) -> Json:
    answer = scene.client.call("POST", f"/v1/assets/{scene.asset}/links", body)
    assert answer.status == 201, answer.body
    found: Json = answer.json()
    return found


def _share(scene: Scene, asset: str, **body: Any) -> Json:
    answer = scene.client.call("POST", f"/v1/assets/{asset}/shares", body)
    assert answer.status == 201, answer.body
    found: Json = answer.json()
    return found


def _lifetime(link: str) -> float:
    return int(parse_qs(urlsplit(link).query)["expires"][0]) - time.time()


def _plain(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    return answer.status, headers, answer.body.replace(answer.headers["x-request-id"].encode(), b"ID")


def test_a_minted_link_lives_as_long_as_was_asked_for(scene: Scene) -> None:
    for body, seconds in (({}, 43_200), ({"expires_in": 604_800}, 604_800), ({"expires_in": 60}, 60)):
        minted = _link(scene, **body)
        assert minted["variant"] == "original"
        assert seconds - 10 < _lifetime(minted["url"]) <= seconds
        assert datetime.fromisoformat(minted["expires_at"]).timestamp() == pytest.approx(_lifetime(minted["url"]) + time.time(), abs=0.5)
        assert follow("GET", minted["url"]).body == scene.content
    short = _link(scene, expires_in=1)["url"]
    deadline = time.monotonic() + 5
    while send("HEAD", short).status != 404:
        assert time.monotonic() < deadline


def test_a_link_leads_to_the_variant_that_was_asked_for(scene: Scene) -> None:
    minted = _link(scene, variant="thumbnail")
    assert (minted["variant"], follow("GET", minted["url"]).headers["content-type"]) == ("thumbnail", "image/jpeg")
    missing = scene.client.call("POST", f"/v1/assets/{scene.asset}/links", {"variant": "waveform"})
    assert (missing.status, missing.code) == (404, "NotFound.variant")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"expires_in": 0}, "InvalidParameter.expires_in"),
        ({"expires_in": 604_801}, "InvalidParameter.expires_in"),
        ({"expires_in": "60"}, "InvalidParameter.expires_in"),
        ({"variant": "small"}, "InvalidParameter.variant"),
        ({"lifetime": 60}, "InvalidParameter.lifetime"),
    ],
)
def test_a_link_that_is_none_is_refused_by_the_parameter_at_fault(scene: Scene, body: Json, code: str) -> None:
    assert scene.client.call("POST", f"/v1/assets/{scene.asset}/links", body).code == code


def test_an_asset_that_is_not_active_has_no_links_and_no_shares(scene: Scene, shelf: Shelf) -> None:
    async def refuse(visit: Visit) -> None:
        await visit.send(head(404))

    task = scene.client.ended(scene.client.submit_asset(scene.client.create_group(), shelf.behave("/missing.jpg", refuse)))
    for kind in ("links", "shares"):
        refused = scene.client.call("POST", f"/v1/assets/{task['metadata']['asset_id']}/{kind}")
        assert (refused.status, refused.code) == (409, "Conflict.Status")
        assert "Failed" in refused.message


def test_a_share_needs_no_key_and_leads_to_a_fresh_link_that_lives_an_hour(scene: Scene, service: Service) -> None:
    share = _share(scene, scene.asset)
    assert share["url"].startswith(f"{service.base_url}/s/")
    assert (share["asset_id"], share["project"], share["variant"], share["expires_at"]) == (scene.asset, "shares-ours", "original", None)
    for method in ("GET", "HEAD"):
        answer = send(method, share["url"])
        assert (answer.status, answer.body) == (307, b"")
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert 3590 < _lifetime(answer.headers["location"]) <= 3600
    assert follow("GET", share["url"]).body == scene.content
    refused = send("POST", share["url"], body=b"")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


def test_a_share_of_a_thumbnail_leads_to_the_thumbnail(scene: Scene) -> None:
    share = _share(scene, scene.asset, variant="thumbnail")
    assert "/thumbnail." in send("GET", share["url"]).headers["location"]
    missing = scene.client.call("POST", f"/v1/assets/{scene.asset}/shares", {"variant": "poster"})
    assert (missing.status, missing.code) == (404, "NotFound.variant")


def test_every_share_that_leads_nowhere_is_byte_for_byte_an_unknown_one(scene: Scene, service: Service, other: str) -> None:
    unknown = send("GET", f"{service.base_url}/s/{'A' * 43}")
    assert unknown.code == "NotFound.path"
    revoked, deleted = _share(scene, scene.asset), _share(scene, other)
    ends = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    expired = _share(scene, scene.asset, expires_at=ends)
    assert scene.client.call("DELETE", f"/v1/shares/{revoked['id']}").status == 204
    assert scene.client.call("DELETE", f"/v1/assets/{other}").status == 204
    deadline = time.monotonic() + 5
    while send("GET", expired["url"]).status == 307:
        assert time.monotonic() < deadline
    for url in (
        revoked["url"],
        deleted["url"],
        expired["url"],
        f"{service.base_url}/s/x",
        f"{service.base_url}/s/%00",
        revoked["url"] + "A",
    ):
        assert _plain(send("GET", url)) == _plain(unknown), url


def test_a_link_lives_no_longer_than_the_share_that_led_to_it(scene: Scene) -> None:
    share = _share(scene, scene.asset, expires_at=(datetime.now(UTC) + timedelta(seconds=30)).isoformat())
    assert _lifetime(send("GET", share["url"]).headers["location"]) <= 30


def test_a_share_works_again_once_its_asset_is_restored(scene: Scene, other: str) -> None:
    share = _share(scene, other)
    assert scene.client.call("DELETE", f"/v1/assets/{other}").status == 204
    assert send("GET", share["url"]).status == 404
    assert scene.client.call("POST", f"/v1/assets/{other}/restore").status == 200
    assert follow("GET", share["url"]).body == scene.content
    assert [found["id"] for found in scene.client.call("GET", f"/v1/assets/{other}/shares").json()["items"]] == [share["id"]]


def test_lists_show_the_addresses_again_and_no_revoked_ones(scene: Scene, other: str) -> None:
    made = [_share(scene, other) for _ in range(4)]
    assert scene.client.call("DELETE", f"/v1/shares/{made.pop(1)['id']}").status == 204
    newest_first = [*reversed(made)]
    assert scene.client.call("GET", f"/v1/assets/{other}/shares").json() == {"items": newest_first, "next_cursor": None}
    first = scene.client.call("GET", f"/v1/assets/{other}/shares?limit=2").json()
    assert first["items"] == newest_first[:2]
    second = scene.client.call("GET", f"/v1/assets/{other}/shares?limit=2&cursor={first['next_cursor']}").json()
    assert second == {"items": newest_first[2:], "next_cursor": None}
    assert scene.client.call("GET", f"/v1/shares?limit=2&cursor={first['next_cursor']}").code == "InvalidParameter.cursor"
    everywhere = scene.client.call("GET", "/v1/shares?limit=100").json()["items"]
    assert [share for share in everywhere if share["asset_id"] == other] == newest_first


def test_another_projects_shares_are_byte_for_byte_unknown_ones(scene: Scene) -> None:
    share = _share(scene, scene.asset)
    for method, path, unknown in (
        ("POST", f"/v1/assets/{scene.asset}/links", f"{UNKNOWN}/links"),
        ("POST", f"/v1/assets/{scene.asset}/shares", f"{UNKNOWN}/shares"),
        ("GET", f"/v1/assets/{scene.asset}/shares", f"{UNKNOWN}/shares"),
        ("DELETE", f"/v1/shares/{share['id']}", "/v1/shares/share-bcdfghjklmnp"),
        ("GET", "/v1/shares?project=shares-ours", "/v1/shares?project=nowhere"),
    ):
        foreign = scene.stranger.call(method, path)
        assert foreign.status == 404
        assert _plain(foreign) == _plain(scene.stranger.call(method, unknown)), path
    assert scene.stranger.call("GET", "/v1/shares").json()["items"] == []
    assert send("GET", share["url"]).status == 307


def test_a_reading_key_mints_links_and_lists_shares_but_makes_and_ends_none(scene: Scene) -> None:
    share = _share(scene, scene.asset)
    assert scene.reader.call("POST", f"/v1/assets/{scene.asset}/links").status == 201
    assert scene.reader.call("GET", f"/v1/assets/{scene.asset}/shares").status == 200
    for method, path in (("POST", f"/v1/assets/{scene.asset}/shares"), ("DELETE", f"/v1/shares/{share['id']}")):
        refused = scene.reader.call(method, path)
        assert (refused.status, refused.code) == (403, "AccessDenied")
        assert "assets:write" in refused.message


def test_a_key_that_may_not_read_gets_no_address_of_the_bytes(scene: Scene, service: Service, other: str) -> None:
    writer = service.client("--project", "shares-ours", "--scope", "assets:write")
    refused = writer.call("POST", f"/v1/assets/{other}/shares", {})
    assert (refused.status, refused.code, "assets:read" in refused.message) == (403, "AccessDenied", True)
    assert writer.call("PATCH", f"/v1/assets/{other}", {}).json()["url"] is None
    assert writer.call("DELETE", f"/v1/assets/{other}").status == 204
    assert writer.call("POST", f"/v1/assets/{other}/restore").json()["url"] is None
    assert scene.client.call("PATCH", f"/v1/assets/{other}", {}).json()["url"]


def test_a_repeated_request_makes_one_share(scene: Scene, other: str) -> None:
    first, second = (scene.client.call("POST", f"/v1/assets/{other}/shares", {}, {"Idempotency-Key": "one share"}) for _ in range(2))
    assert first.body == second.body
    assert len(scene.client.call("GET", f"/v1/assets/{other}/shares").json()["items"]) == 1


def test_no_token_stands_in_the_log_though_its_share_leads_nowhere_for_now(scene: Scene, service: Service, other: str) -> None:
    url = _share(scene, other)["url"]
    assert send("GET", url).status == 307
    assert scene.client.call("DELETE", f"/v1/assets/{other}").status == 204
    refused = send("GET", url)
    assert (refused.status, refused.headers["x-request-id"] in service.server.log) == (404, True)
    assert url.rpartition("/")[2] not in service.server.log


@pytest.mark.parametrize("ends", ["2020-01-01T00:00:00Z", "2200-01-01T00:00:00Z", "tomorrow", 5])
def test_a_share_ends_in_the_future_or_never(scene: Scene, ends: object) -> None:
    assert scene.client.call("POST", f"/v1/assets/{scene.asset}/shares", {"expires_at": ends}).code == "InvalidParameter.expires_at"
