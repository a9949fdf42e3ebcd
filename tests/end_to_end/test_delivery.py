"""The bytes of assets behind signed links: whole, in part, conditionally, safely, and for nobody who changed the link."""

import hashlib
import time
from email import message_from_bytes
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from spark_assets.domain.link import LinkSigner, SigningKey
from tests.end_to_end.shelf import Shelf
from tests.factories import media as make
from tests.factories.hostile_pictures import segment
from tests.factories.http import Answer, SparkClient, follow, send
from tests.factories.spark_processes import SECRET, Service

SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "referrer-policy": "no-referrer",
}


class Delivered(NamedTuple):
    """An active asset with its link and its bytes."""

    id: str
    url: str
    content: bytes


@pytest.fixture(scope="module")
def picture(client: SparkClient, group: str, shelf: Shelf, media: Path) -> Delivered:
    """A JPEG under a name that no header can carry as it is."""
    content = make.make_jpeg(media / "delivered.jpg", 640, 480).read_bytes()
    asset_id = client.create_asset(group, shelf.put("/delivered.jpg", content), name='Bild "ä/ö\\" \U0001f600')
    return Delivered(asset_id, client.get_asset(asset_id)["URL"], content)


@pytest.fixture
def embedded_service(service: Service) -> Service:
    """The service, where it sends the bytes itself."""
    if service.is_fleet:
        pytest.skip("on an object store, the store answers ranges and conditions")
    return service


@pytest.fixture
def fleet_service(service: Service) -> Service:
    """The service, where an object store sends the bytes."""
    if not service.is_fleet:
        pytest.skip("there is no object store to redirect to")
    return service


def _get(picture: Delivered, **headers: str) -> Answer:
    return follow("GET", picture.url, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_link_gives_the_bytes_to_anyone_without_a_key(picture: Delivered) -> None:
    answer = _get(picture)
    assert (answer.status, answer.body) == (200, picture.content)
    assert answer.headers["content-length"] == str(len(picture.content))
    assert answer.headers["content-type"] == "image/jpeg"


def test_head_tells_all_that_get_does_but_the_bytes(picture: Delivered, service: Service) -> None:
    head = send("HEAD", picture.url)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(picture.content))
    assert head.headers["content-type"] == "image/jpeg"
    assert head.headers["accept-ranges"] == "bytes"
    if not service.is_fleet:
        unlike = {"date", "x-request-id"}
        whole = send("GET", picture.url).headers
        assert {name: value for name, value in head.headers.items() if name not in unlike} == {
            name: value for name, value in whole.items() if name not in unlike
        }


def test_delivery_is_harmless_to_a_browser(picture: Delivered) -> None:
    for method in ("GET", "HEAD"):
        headers = send(method, picture.url).headers
        assert {name: headers.get(name) for name in SAFE} == SAFE
        assert "set-cookie" not in headers


def test_a_name_that_headers_cannot_carry_is_made_safe_and_kept_in_the_encoded_form(picture: Delivered) -> None:
    disposition = send("HEAD", picture.url).headers["content-disposition"]
    assert disposition.isascii()
    assert disposition.startswith('inline; filename="')
    assert disposition.count('"') == 2
    kept = quote("Bild _ä_ö__ \U0001f600.jpg", safe="")
    assert f"filename*=UTF-8''{kept}" in disposition


def test_a_type_that_browsers_do_not_show_is_offered_as_a_file(client: SparkClient, group: str, shelf: Shelf, media: Path) -> None:
    url = shelf.put("/delivered.tif", make.make_tiff(media / "delivered.tif", 400, 400))
    headers = send("HEAD", client.get_asset(client.create_asset(group, url))["URL"]).headers
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["content-type"] == "image/tiff"


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1), ("bytes=0-99", 0, 100), ("bytes=1000-1999", 1000, 2000), ("bytes=-500", -500, None),
        ("bytes=100-", 100, None), ("bytes=0-", 0, None), ("bytes=0-999999999", 0, None), ("bytes=-999999999", 0, None),
        ("BYTES=5-6", 5, 7),
    ],
)  # fmt: skip
def test_a_range_gives_that_part(embedded_service: Service, picture: Delivered, wanted: str, start: int, end: int | None) -> None:
    answer = _get(picture, Range=wanted)
    part = picture.content[start:end]
    assert (answer.status, answer.body) == (206, part)
    first = start % len(picture.content)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(picture.content)}"
    assert answer.headers["content-length"] == str(len(part))


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=99999999-99999999999", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_satisfied(embedded_service: Service, picture: Delivered, wanted: str) -> None:
    answer = _get(picture, Range=wanted)
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(picture.content)}"


@pytest.mark.parametrize(
    "wanted",
    ["bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "items=0-5", "bytes=0-5,15-10", "bytes=--5", "bytes=0x5-9", "", "bytes=\xb2-"],
)
def test_a_range_that_is_malformed_gives_the_whole(embedded_service: Service, picture: Delivered, wanted: str) -> None:
    answer = _get(picture, Range=wanted)
    assert (answer.status, answer.body) == (200, picture.content)


def test_a_few_ranges_come_in_one_body_with_a_line_about_each(embedded_service: Service, picture: Delivered) -> None:
    answer = _get(picture, Range="bytes=0-9,500-599,-7")
    size = len(picture.content)
    assert answer.status == 206
    assert answer.headers["content-length"] == str(len(answer.body))
    assert {name: answer.headers.get(name) for name in SAFE} == SAFE
    message = message_from_bytes(b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n" + answer.body)
    assert message.get_content_type() == "multipart/byteranges"
    found = [(part["Content-Range"], part["Content-Type"], part.get_payload(decode=True)) for part in message.walk()][1:]
    places = [(0, 9), (500, 599), (size - 7, size - 1)]
    expected = [(f"bytes {first}-{last}/{size}", "image/jpeg", picture.content[first : last + 1]) for first, last in places]
    assert found == expected
    head = send("HEAD", picture.url, headers={"Range": "bytes=0-9,500-599,-7"})
    assert (head.status, head.body, head.headers["content-length"]) == (206, b"", answer.headers["content-length"])


@pytest.mark.parametrize("wanted", ["bytes=" + ",".join(["0-0"] * 9), "bytes=0-,0-", "bytes=" + ",".join(["0-"] * 1000)])
def test_ranges_that_ask_for_too_much_give_the_whole_once(embedded_service: Service, picture: Delivered, wanted: str) -> None:
    answer = _get(picture, Range=wanted)
    assert (answer.status, answer.body) == (200, picture.content)


def test_a_copy_that_is_another_than_the_client_wants_is_not_sent(embedded_service: Service, picture: Delivered) -> None:
    known = _get(picture).headers
    etag, modified, long_ago = known["etag"], known["last-modified"], "Thu, 01 Jan 1970 00:00:00 GMT"
    for conditions, status in (
        ({"If_Match": etag}, 200),
        ({"If_Match": f'"other", {etag}'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"other"'}, 412),
        ({"If_Match": f"W/{etag}"}, 412),
        ({"If_Match": etag, "If_Unmodified_Since": long_ago}, 200),
        ({"If_Match": '"other"', "If_None_Match": etag}, 412),
        ({"If_Match": '"other"', "Range": "bytes=0-1"}, 412),
        ({"If_Unmodified_Since": modified}, 200),
        ({"If_Unmodified_Since": long_ago}, 412),
        ({"If_Unmodified_Since": "never"}, 200),
    ):
        answer = _get(picture, **conditions)
        assert answer.status == status, conditions
        assert status == 200 or (answer.body, answer.headers["etag"]) == (b"", etag)


def test_head_with_a_range_tells_of_the_part(embedded_service: Service, picture: Delivered) -> None:
    answer = send("HEAD", picture.url, headers={"Range": "bytes=10-19"})
    assert (answer.status, answer.body, answer.headers["content-length"]) == (206, b"", "10")


def test_a_copy_that_is_still_good_is_not_sent_again(embedded_service: Service, picture: Delivered) -> None:
    known = _get(picture).headers
    assert known["etag"] == f'"{hashlib.sha256(picture.content).hexdigest()}"'
    good = (
        {"If_None_Match": known["etag"]},
        {"If_None_Match": f"W/{known['etag']}"},
        {"If_None_Match": f'"other", {known["etag"]}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": known["last-modified"]},
        {"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    )
    for headers in good:
        answer = _get(picture, **headers)
        assert (answer.status, answer.body) == (304, b""), headers
        assert answer.headers["etag"] == known["etag"]
        assert "content-length" not in answer.headers or answer.headers["content-length"] == "0"


def test_a_copy_that_is_not_known_to_be_good_is_sent_again(embedded_service: Service, picture: Delivered) -> None:
    known = _get(picture).headers
    for headers in (
        {"If_None_Match": '"other"'},
        {"If_None_Match": known["etag"].strip('"')},
        {"If_None_Match": '"other"', "If_Modified_Since": known["last-modified"]},
        {"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If_Modified_Since": "yesterday"},
        {"If_Modified_Since": "Fri, 99 Jan 2100 00:00:00 GMT"},
        {"If_Modified_Since": ""},
    ):
        assert _get(picture, **headers).status == 200, headers


def test_a_range_is_only_sent_for_the_copy_that_the_client_has(embedded_service: Service, picture: Delivered) -> None:
    known = _get(picture).headers
    for validator, status in ((known["etag"], 206), (known["last-modified"], 206), ('"other"', 200), (f"W/{known['etag']}", 200)):
        answer = _get(picture, Range="bytes=0-9", If_Range=validator)
        assert (answer.status, len(answer.body)) == (status, 10 if status == 206 else len(picture.content)), validator


def test_a_changed_character_anywhere_in_a_link_is_refused(service: Service, picture: Delivered) -> None:
    link = picture.url.removeprefix(service.base_url)
    begin = link.index("/media/") + len("/media/")
    for place in range(begin, len(link)):
        if link[place] in "/?&=":
            continue
        changed = link[:place] + ("b" if link[place] != "b" else "c") + link[place + 1 :]
        answer = send("GET", service.base_url + changed)
        assert answer.status == 404, changed
        assert answer.body.count(b"NotFound.path") == 2


def test_a_link_with_something_more_or_less_is_refused(service: Service, picture: Delivered) -> None:
    parts = urlsplit(picture.url)
    query = dict(parse_qsl(parts.query))
    base = f"{service.base_url}{parts.path}"
    for changed in (
        {name: value for name, value in query.items() if name != "expires"},
        {name: value for name, value in query.items() if name != "key"},
        {name: value for name, value in query.items() if name != "signature"},
        {**query, "expires": "0" + query["expires"]},
        {**query, "expires": query["expires"] + "0"},
        {**query, "expires": "+" + query["expires"]},
        {**query, "expires": "\u0661"},
        {**query, "signature": query["signature"] + "="},
        {**query, "signature": query["signature"].swapcase()},
        {**query, "key": ""},
        {},
    ):
        assert send("GET", f"{base}?{urlencode(changed)}").status == 404, changed
    assert send("GET", f"{base.replace('original.jpg', 'thumbnail.jpg')}?{parts.query}").status == 404
    assert send("GET", f"{base.replace('original.jpg', 'original.png')}?{parts.query}").status == 404


def test_an_expired_link_is_refused_and_says_so(service: Service, picture: Delivered) -> None:
    path = urlsplit(picture.url).path
    secret = SECRET if service.is_fleet else (service.home / "signing-keys").read_text().strip()
    signer = LinkSigner((SigningKey(*secret.split(":")),))
    now = int(time.time())
    assert send("HEAD", service.base_url + signer.sign(path, now + 60)).status == 200
    expired = send("GET", service.base_url + signer.sign(path, now - 1))
    assert (expired.status, expired.code) == (404, "NotFound.path")
    assert "expired" in expired.message
    stranger = LinkSigner((SigningKey("1", "another secret of enough length"),))
    assert send("GET", service.base_url + stranger.sign(path, now + 60)).status == 404


def test_a_link_lives_twelve_hours(picture: Delivered, client: SparkClient) -> None:
    url = client.get_v1_asset(picture.id)["url"]
    left = int(dict(parse_qsl(urlsplit(url).query))["expires"]) - time.time()
    assert 12 * 3600 - 60 < left <= 12 * 3600


def test_the_content_of_an_asset_leads_to_a_fresh_link(client: SparkClient, picture: Delivered) -> None:
    for method in ("GET", "HEAD"):
        answer = client.request(method, f"/v1/assets/{picture.id}/content")
        assert (answer.status, answer.body, answer.headers["cache-control"]) == (307, b"", "no-store")
        assert follow("GET", answer.headers["location"]).body == picture.content
    assert send("GET", f"{client.base_url}/v1/assets/{picture.id}/content").status == 401


def test_an_asset_without_content_says_so(client: SparkClient, group: str, shelf: Shelf) -> None:
    task = client.ended(client.submit_asset(group, shelf.put("/rubbish", b"rubbish" * 50)))
    asset_id = task["metadata"]["asset_id"]
    refused = client.request("GET", f"/v1/assets/{asset_id}/content")
    assert (refused.status, refused.code) == (409, "Conflict.Status")
    shown = client.get_v1_asset(asset_id)
    assert (shown["status"], shown["url"], shown["sha256"]) == ("Failed", None, None)
    assert shown["error"] == {"code": "FormatUnsupported", "message": task["error"]["message"]}


def test_the_address_handed_out_never_follows_the_host_header(client: SparkClient, picture: Delivered) -> None:
    answer = client.request("GET", f"/v1/assets/{picture.id}", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert answer.json()["url"].startswith(client.base_url)


def test_on_an_object_store_a_link_leads_on_to_an_address_of_the_store(fleet_service: Service, picture: Delivered) -> None:
    answer = send("GET", picture.url)
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (307, b"", "no-store")
    address = urlsplit(answer.headers["location"])
    assert f"http://{address.netloc}" == fleet_service.variables["SPARK_ASSETS_S3_ENDPOINT"]
    signed = {name.lower(): value for name, value in parse_qsl(address.query)}
    assert int(signed["x-amz-expires"]) <= 60
    stored = send("GET", answer.headers["location"])
    assert (stored.status, stored.body) == (200, picture.content)
    assert stored.headers["content-type"] == "image/jpeg"
    assert stored.headers.get("content-disposition", "inline") == "inline"


def test_another_spelling_of_a_link_is_refused(picture: Delivered) -> None:
    link = picture.url
    for other in (
        f"{link}&x=1",
        link.replace("signature=", "signatur%65="),
        link.replace("/original", "%2foriginal", 1),
        link.replace("asset-", "asset%2d", 1),
        link.replace("?", "/?", 1),
        link.replace("/media/", "//media/", 1),
        link.replace("/media/", "/Media/", 1),
        link.replace("expires=", "Expires=", 1),
        f"{link}&{urlsplit(link).query}",
        f"{link}&",
        f"{link}&signature=",
        f"{link}%20",
        link.replace("?", "?&", 1),
        link.replace("&", ";"),
        link.replace("?", "?variant=thumbnail&", 1),
    ):
        assert send("GET", other).status == 404, other


def test_a_date_beyond_all_calendars_is_no_condition(embedded_service: Service, picture: Delivered) -> None:
    answer = send("GET", picture.url, headers={"If-Modified-Since": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"})
    assert answer.status == 200


def test_a_picture_that_is_a_page_and_a_program_too_is_delivered_as_a_picture(
    client: SparkClient, group: str, shelf: Shelf, media: Path
) -> None:
    page = b"<!DOCTYPE html><script>alert(document.domain)</script>"
    plain = make.make_jpeg(media / "twofold.jpg", 320, 320).read_bytes()
    content = plain[:2] + segment(0xFE, page) + plain[2:] + page
    asset_id = client.create_asset(group, shelf.put("/page.html", content), name="page.html")
    told = client.request("GET", f"/v1/assets/{asset_id}")
    assert b"<script" not in told.body
    link = told.json()["url"]
    for headers in ({}, {"Range": "bytes=0-99"}, {"Accept": "text/html"}):
        answer = send("GET", link, headers=headers)
        assert answer.status == 307 or answer.headers["content-type"] == "image/jpeg"
        assert {name: answer.headers.get(name) for name in SAFE} == SAFE
    assert follow("GET", link).body == content
    assert send("HEAD", link).headers["content-disposition"].startswith('inline; filename="page.html.jpg"')
