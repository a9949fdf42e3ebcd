"""Every way in besides a URL ends in the same task and the same asset, on both sizes."""

import base64
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from spark_assets.domain.parameters import CREATE_ASSET
from tests.end_to_end.shelf import Shelf
from tests.factories import forms
from tests.factories.http import GENERATION, Json, SparkClient, send
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service
from tests.factories.surfaces import by_signature, member, send_signed


@pytest.fixture(scope="module")
def photo(media: Path) -> bytes:
    """A picture that the policy accepts."""
    return make_jpeg(media / "way-in.jpg", 400, 400).read_bytes()


def fields(group: str, **more: str) -> list[tuple[str, str]]:
    return [("type", "Image"), ("group_id", group), *more.items()]


def asset_of(client: SparkClient, task_id: str) -> Json:
    task = forms.ended(client, task_id)
    assert task["status"] == "completed", task
    return client.get_v1_asset(task["asset_id"])


def count(client: SparkClient, **wanted: str) -> int:
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    return len(client.call("GET", f"/v1/assets?limit=100&{query}").json()["items"])


@pytest.mark.parametrize("surface", ["own", "task", "open"])
def test_a_data_uri_is_a_source_on_every_surface(client: SparkClient, group: str, photo: bytes, surface: str) -> None:
    url = forms.data_uri(photo)
    said = {"Name": "data", "URL": url, "AssetType": "Image", "GroupId": group}
    path, body = {
        "own": ("/v1/assets", {"url": url, "type": "Image", "group_id": group}),
        "task": (GENERATION, {"model": "spark_asset_create", "input": [{"params": said}]}),
        "open": ("/open/CreateAsset", said),
    }[surface]
    answered = client.call("POST", path, body).json()
    task_id = client.get_v1_asset(answered["Id"])["task_id"] if surface == "open" else answered["id"]
    assert asset_of(client, task_id)["sha256"] == hashlib.sha256(photo).hexdigest()


def test_a_data_uri_is_in_no_log_and_nothing_staged_stays(service: Service, client: SparkClient, group: str, photo: bytes) -> None:
    staged = service.home / "blobs" / "incoming"
    before = set(staged.iterdir()) if staged.exists() else set()
    task = client.call("POST", "/v1/assets", {"url": forms.data_uri(photo + b"secret"), "type": "Image", "group_id": group}).json()
    asset_of(client, task["id"])
    for process in service.processes:
        assert base64.b64encode(photo).decode()[:200] not in process.log
    if not service.is_fleet:
        deadline = time.monotonic() + 10
        while set(staged.iterdir()) - before:  # they go right after the task has ended
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_large_body_with_a_signature_is_read_only_if_the_signature_is_right(service: Service, client: SparkClient, photo: bytes) -> None:
    caller = member(service)
    said = {"Name": "signed", "URL": forms.data_uri(photo + bytes(2 * 2**20)), "AssetType": "Image", "GroupId": client.create_group()}
    answered = by_signature(caller, CREATE_ASSET, said)
    assert answered.result is not None, answered.error
    asset = asset_of(client, client.get_v1_asset(answered.result["Id"])["task_id"])
    assert asset["sha256"] == hashlib.sha256(photo + bytes(2 * 2**20)).hexdigest()
    assert by_signature(replace(caller, secret="another"), CREATE_ASSET, said).code == "SignatureDoesNotMatch"
    body = json.dumps(said).encode()
    changed = send_signed(caller, CREATE_ASSET.action, body, sent=body.replace(b"signed", b"SIGNED"))
    assert changed.json()["ResponseMetadata"]["Error"]["Code"] == "SignatureDoesNotMatch"


def test_a_malformed_data_uri_and_a_scheme_of_ours_are_refused(client: SparkClient, group: str) -> None:
    inner = json.dumps({"id": "upload-x", "parts": ["a"], "size": 3})
    for url in ("data:image/png", "data:;base64,###", f"incoming:{inner}", "file:///etc/passwd"):
        answer = client.call("POST", "/v1/assets", {"url": url, "type": "Image", "group_id": group})
        assert (answer.status, answer.code) == (400, "InvalidParameter.url")
    failed = client.ended(client.submit_asset(group, "http://127.0.0.1:1/x.jpg"))
    for url in (f"incoming:{inner}", "data:;base64,###"):
        answer = client.call("POST", f"/v1/tasks/{failed['id']}/retry", {"url": url})
        assert (answer.status, answer.code) == (400, "InvalidParameter.url")


def test_what_is_too_large_is_refused_at_once_and_told_where_to_go(client: SparkClient, group: str) -> None:
    large = forms.data_uri(bytes(31 * 2**20))
    answer = client.call("POST", "/v1/assets", {"url": large, "type": "Image", "group_id": group})
    assert (answer.status, answer.code) == (413, "FileSizeTooLarge")
    answer = client.call("POST", "/v1/assets", {"url": "https://example.com/x", "name": "x" * 2**21, "type": "Image", "group_id": group})
    assert (answer.status, answer.code) == (413, "RequestTooLarge") and "/v1/uploads" in answer.message
    answer = client.post({"model": "spark_asset_get", "Id": "x" * 2**21})
    assert (answer.status, answer.code) == (413, "RequestTooLarge")


@pytest.mark.parametrize("file_first", [True, False])
def test_a_form_becomes_a_task_wherever_the_file_stands_in_it(client: SparkClient, group: str, photo: bytes, file_first: bool) -> None:
    given = [*fields(group, metadata='{"take": 3}'), ("tags", "night"), ("tags", "rain")]
    answer = forms.upload(client, forms.form(*given, file=photo, file_first=file_first))
    assert answer.status == 202, answer.body
    asset = asset_of(client, answer.json()["id"])
    assert asset["sha256"] == hashlib.sha256(photo).hexdigest()
    assert (asset["name"], asset["tags"], asset["metadata"]) == ("photo.jpg", ["night", "rain"], {"take": 3})


def test_a_form_that_is_not_right_is_refused_with_the_field_named(client: SparkClient, group: str, photo: bytes) -> None:
    whole = fields(group)
    for body, status, code in (
        (forms.form(*whole), 400, "MissingParameter.file"),
        (forms.form(*whole, file=b""), 400, "MissingParameter.file"),
        (forms.form(whole[0], file=photo), 400, "MissingParameter.group_id"),
        (forms.form(*whole, ("url", "x"), file=photo), 400, "InvalidParameter.url"),
        (forms.form(*whole, ("metadata", "{"), file=photo), 400, "InvalidParameter.metadata"),
        (forms.form(*whole, ("type", "Video"), file=photo), 400, "InvalidParameter.type"),
        (forms.form(*fields("group-none"), file=photo), 404, "NotFound.group_id"),
        (forms.form(*whole, ("note", "x" * 300_000), file=photo), 413, "RequestTooLarge"),
        (forms.form(*whole, file=bytes(31 * 2**20)), 413, "FileSizeTooLarge"),
        (forms.form(*whole, file=photo)[:-200], 400, "InvalidParameter.file"),
    ):
        answer = forms.upload(client, body)
        assert (answer.status, answer.code) == (status, code)
    plain = client.request("POST", "/v1/uploads", body=photo, headers={"Content-Type": "image/jpeg"})
    assert (plain.status, plain.code) == (415, "UnsupportedMediaType")


def test_nobody_uploads_without_the_scope(service: Service, group: str, photo: bytes) -> None:
    reader = service.client("--scope", "assets:read")
    for answer in (forms.upload(reader, forms.form(*fields(group), file=photo)), forms.begin(reader, 5, type="Image", group_id=group)):
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert send("POST", f"{service.base_url}/v1/uploads", body=forms.form(file=photo)).status == 401


def test_twenty_uploads_under_one_key_are_one_asset(client: SparkClient, photo: bytes) -> None:
    group = client.create_group()
    body, headers = forms.form(*fields(group), file=photo), {"Idempotency-Key": str(uuid4())}
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: forms.upload(client, body, headers), range(20)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert count(client, group_id=group) == 1
    other = forms.upload(client, forms.form(*fields(group), file=photo + b"x"), headers)
    assert (other.status, other.code) == (409, "Conflict.IdempotencyKey")


def test_a_resumable_upload_goes_on_where_it_stands(client: SparkClient, group: str, photo: bytes) -> None:
    begun = forms.begin(client, len(photo), type="Image", group_id=group, filename="film/still.jpg", tags='["a"]')
    path = forms.path_of(client, begun)
    assert begun.headers["tus-resumable"] == "1.0.0" and "upload-expires" in begun.headers
    first = forms.add(client, path, 0, photo[:1000])
    assert (first.status, first.headers["upload-offset"]) == (204, "1000")
    late = forms.add(client, path, 0, photo[:1000])
    assert (late.status, late.code, forms.offset_of(client, path)) == (409, "Conflict.Offset", 1000)
    last = forms.add(client, path, 1000, photo[1000:])
    assert (last.status, last.headers["upload-offset"]) == (204, str(len(photo)))
    shown = client.call("GET", path.replace("/tus/", "/")).json()
    assert (shown["status"], shown["task_id"], shown["offset"]) == ("complete", last.headers["upload-task"], len(photo))
    asset = asset_of(client, shown["task_id"])
    assert (asset["name"], asset["tags"], asset["sha256"]) == ("still.jpg", ["a"], hashlib.sha256(photo).hexdigest())
    again = forms.add(client, path, len(photo), b"")
    assert (again.status, again.code) == (409, "Conflict.Upload")


def test_bytes_with_another_checksum_are_not_kept(client: SparkClient, group: str, photo: bytes) -> None:
    path = forms.path_of(client, forms.begin(client, len(photo), type="Image", group_id=group))
    for algorithm in ("sha1", "sha256", "md5"):
        right = base64.b64encode(hashlib.new(algorithm, photo[:900]).digest()).decode()
        wrong = forms.add(client, path, 0, photo[1:901], {"Upload-Checksum": f"{algorithm} {right}"})
        assert (wrong.status, wrong.code, forms.offset_of(client, path)) == (460, "ChecksumMismatch", 0)
    assert forms.add(client, path, 0, photo[:900], {"Upload-Checksum": f"md5 {right}"}).headers["upload-offset"] == "900"
    odd = forms.add(client, path, 900, photo[900:], {"Upload-Checksum": "crc32 AAAA"})
    assert (odd.status, odd.code) == (400, "InvalidParameter.Upload-Checksum")


def test_the_protocol_is_kept(client: SparkClient, group: str, photo: bytes) -> None:
    options = client.request("OPTIONS", "/v1/uploads/tus", headers={"Authorization": ""})
    assert options.status == 204 and options.headers["tus-version"] == "1.0.0"
    assert options.headers["tus-extension"] == "creation,creation-with-upload,termination,checksum,expiration"
    older = forms.begin(client, 5, {"Tus-Resumable": "0.2.2"}, type="Image", group_id=group)
    assert (older.status, older.headers["tus-version"]) == (412, "1.0.0")
    assert forms.begin(client, 0, type="Image", group_id=group).code == "InvalidParameter.Upload-Length"
    assert forms.begin(client, 31 * 2**20, type="Image", group_id=group).code == "FileSizeTooLarge"
    assert forms.begin(client, 5, type="Image", group_id="group-none").code == "NotFound.group_id"
    whole = {"Content-Type": forms.OFFSET_STREAM, **forms.TUS, "Upload-Length": str(len(photo))}
    whole |= {"Upload-Metadata": forms.metadata(type="Image", group_id=group)}
    created = client.request("POST", "/v1/uploads/tus", body=photo, headers=whole)
    assert (created.status, created.headers["upload-offset"]) == (201, str(len(photo)))
    assert asset_of(client, created.headers["upload-task"])["status"] == "Active"
    path = forms.path_of(client, forms.begin(client, 5, type="Image", group_id=group))
    assert forms.add(client, path, 0, b"123456").code == "RequestTooLarge"
    assert forms.add(client, path, 0, b"1", {"Content-Type": "text/plain"}).status == 415
    assert client.request("POST", path, headers={**forms.TUS, "X-HTTP-Method-Override": "DELETE"}).status == 204
    assert client.request("HEAD", path, headers=forms.TUS).status == 404


def test_another_projects_upload_is_unknown(service: Service, client: SparkClient, group: str) -> None:
    service.in_process("projects", "create", "apart-from-uploads")
    stranger = service.client("--project", "apart-from-uploads")
    path = forms.path_of(client, forms.begin(client, 5, type="Image", group_id=group))
    assert forms.add(stranger, path, 0, b"12345").status == 404
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/complete")):
        answer = stranger.call(method, path.replace("/tus/", "/") + suffix)
        assert (answer.status, answer.code) == (404, "NotFound.upload_id")
    assert client.call("POST", path.replace("/tus/", "/") + "/complete").code == "Conflict.Upload"
    assert client.call("DELETE", path.replace("/tus/", "/")).status == 204


def test_an_upload_whose_asset_cannot_be_made_keeps_its_bytes_until_it_can(client: SparkClient, group: str, photo: bytes) -> None:
    name = str(uuid4())
    taken = client.call(
        "POST", "/v1/assets", {"url": forms.data_uri(photo), "type": "Image", "group_id": group, "external_id": name}
    ).json()
    path = forms.path_of(client, forms.begin(client, len(photo), type="Image", group_id=group, external_id=name))
    answer = forms.add(client, path, 0, photo)
    assert (answer.status, answer.code) == (409, "Conflict.ExternalId")
    assert forms.offset_of(client, path) == len(photo) - 1  # for a client that knows only tus
    assert client.call("GET", path.replace("/tus/", "/")).json()["offset"] == len(photo)
    client.call("DELETE", f"/v1/assets/{taken['asset_id']}")
    completed = client.call("POST", path.replace("/tus/", "/") + "/complete")
    assert completed.status == 202
    assert client.call("POST", path.replace("/tus/", "/") + "/complete").json()["id"] == completed.json()["id"]
    assert asset_of(client, completed.json()["id"])["external_id"] == name


def test_a_failed_upload_is_tried_again_without_sending_it_again(client: SparkClient, group: str, media: Path) -> None:
    small = make_jpeg(media / "small.jpg", 200, 200).read_bytes()
    task = forms.ended(client, forms.upload(client, forms.form(*fields(group), file=small)).json()["id"])
    assert task["error"]["code"] == "InvalidParameter.WidthTooSmall"
    again = client.call("POST", f"/v1/tasks/{task['id']}/retry")
    assert forms.ended(client, again.json()["id"])["error"]["code"] == "InvalidParameter.WidthTooSmall"


def line(group: str, url: str, **more: Any) -> Json:
    return {"url": url, "type": "Image", "group_id": group, **more}


def test_one_bad_line_never_stops_the_rest(client: SparkClient, shelf: Shelf, photo: bytes) -> None:
    group, url = client.create_group(), shelf.put("/batch.jpg", photo)
    lines: list[Any] = [line(group, url, external_id=f"{group}-{number}") for number in range(60)]
    lines[3] = "no JSON"
    lines[7] = line("group-none", url)
    lines[9] = line(group, url, external_id=f"{group}-8")
    lines[55] = line(group, forms.data_uri(photo))
    lines[56] = line(group, "data:nothing")
    found = forms.batch(client, lines)
    assert [answer["line"] for answer in found] == list(range(1, 61))
    refused = {answer["line"]: answer["error"]["code"] for answer in found if answer["status"] == "refused"}
    assert refused == {4: "InvalidParameter.JSON", 8: "NotFound.group_id", 10: "Conflict.ExternalId", 57: "InvalidParameter.url"}
    tasks = [answer["task"]["id"] for answer in found if answer["status"] == "accepted"]
    assert all(forms.ended(client, task)["status"] == "completed" for task in tasks)
    assert count(client, group_id=group) == 56


def test_a_batch_that_is_sent_again_makes_nothing_twice(client: SparkClient, shelf: Shelf, photo: bytes) -> None:
    group, url = client.create_group(), shelf.put("/batch.jpg", photo)
    lines = [line(group, url), "no JSON", line(group, forms.data_uri(photo))]
    headers = {"Idempotency-Key": str(uuid4())}
    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(lambda _: forms.batch(client, lines, headers), range(8))
    assert all(other == first for other in others)
    assert count(client, group_id=group) == 2
    other = client.request("POST", "/v1/batches", body=b"{}", headers={"Content-Type": "application/jsonl", **headers})
    assert (other.status, other.code) == (409, "Conflict.IdempotencyKey")


def test_a_batch_has_its_limits(client: SparkClient) -> None:
    kind = {"Content-Type": "application/x-ndjson"}
    for body, headers, status in (
        (b"{}\n" * 1001, kind, 413),
        (b"\n \n", kind, 400),
        (b"x" * (8 * 2**20 + 1), kind, 413),
        (b"{}", {}, 415),
    ):
        assert client.request("POST", "/v1/batches", body=body, headers=headers).status == status


def test_a_presigned_upload_is_verified_before_it_becomes_a_task(service: Service, client: SparkClient, group: str, photo: bytes) -> None:
    asked = {"length": len(photo), "sha256": hashlib.sha256(photo).hexdigest(), "type": "Image", "group_id": group}
    answer = client.call("POST", "/v1/uploads/presigned", asked)
    if not service.is_fleet:
        assert (answer.status, answer.code) == (409, "Conflict.Storage")
        return
    assert answer.status == 201
    target = answer.json()
    complete = f"/v1/uploads/{target['id']}/complete"
    assert client.call("POST", complete).code == "Conflict.Upload"
    assert send("PUT", target["url"], body=photo[:-1], headers=target["headers"]).status == 200
    assert client.call("POST", complete).code == "Conflict.Upload"
    assert send("PUT", target["url"], body=photo, headers=target["headers"]).status == 200
    assert asset_of(client, client.call("POST", complete).json()["id"])["sha256"] == asked["sha256"]
    other = client.call("POST", "/v1/uploads/presigned", asked).json()
    send("PUT", other["url"], body=photo[:-1] + b"x", headers=other["headers"])
    task = forms.ended(client, client.call("POST", f"/v1/uploads/{other['id']}/complete").json()["id"])
    assert (task["error"]["code"], task["error"]["reason"]) == ("InvalidParameter.DownloadFailed", "incomplete")
