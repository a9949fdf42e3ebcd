"""Cancelled and tried again, as clients see it, and the commands of the page about it."""

import hashlib
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.shelf import Shelf, slowly
from tests.end_to_end.test_readme import ROOT, shell_lines
from tests.factories.forms import data_uri
from tests.factories.http import GENERATION, TASKS, Answer, SparkClient, result
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, answer
from tests.factories.spark_processes import Service

PAGE: Final = ROOT / "docs" / "how-to" / "cancel-and-retry.md"
BELOW: Final = (TASKS, "/v1/tasks")


@pytest.fixture(scope="module")
def picture(media: Path) -> bytes:
    """A picture."""
    return make_jpeg(media / "controlled.jpg").read_bytes()


def _error(client: SparkClient, path: str, body: object = None) -> tuple[int, str]:
    answer = client.call("POST", path, body)
    return answer.status, answer.code


def _submit(client: SparkClient, group: str, url: str, **parameters: object) -> str:
    return client.submit_asset(group, url, **parameters)  # type: ignore[arg-type]  # values of several types


def _ok(answer: Answer) -> dict[str, object]:
    assert answer.status in {200, 202}, answer.body
    found: dict[str, object] = answer.json()
    return found


def test_the_commands_of_the_page_do_what_it_says(
    service: Service, client: SparkClient, shelf: Shelf, picture: bytes, tmp_path: Path
) -> None:
    variables = {
        "OLD_URL": shelf.behave("/expired.jpg", answer(b"no", status=403)) + "?signature=secret",
        "URL": shelf.put("/fresh.jpg", picture),
        "SLOW_URL": shelf.behave("/slow-page.jpg", slowly(picture, 60.0, parts=600)),
    }
    script = "\n".join(shell_lines(PAGE.read_text())).replace("http://127.0.0.1:8080", service.base_url)
    finished = subprocess.run(
        ["bash", "-e", "-o", "pipefail"],
        cwd=tmp_path, input=script, capture_output=True, text=True, timeout=90, check=False,
        env={"PATH": os.environ["PATH"], "KEY": client.key, "GROUP": client.create_group(), **variables},
    )  # fmt: skip
    said = finished.stdout
    assert finished.returncode == 0, said + finished.stderr
    told, retried, external_id, cancelled, again = said.splitlines()
    match = re.fullmatch(
        r'"message":"the source answered with HTTP status 403: the link has probably expired; '
        r"send POST /v1/tasks/([0-9a-v]{20})/retry with a new url",
        told,
    )
    assert match is not None
    assert retried == f'"retry_of":"{match[1]}'
    assert external_id == '"external_id":"shot-42'
    assert cancelled == '"code":"Conflict.Cancelled'
    assert again == '"status":"in_progress'


@pytest.mark.parametrize("base", BELOW)
def test_a_cancelled_download_is_broken_off_soon(client: SparkClient, group: str, shelf: Shelf, picture: bytes, base: str) -> None:
    path = f"/long-{base.strip('/').replace('/', '-')}.jpg"
    task_id = _submit(client, group, shelf.behave(path, slowly(picture, 60.0, parts=1200)))
    while client.poll(task_id)["metadata"]["stage"] != "fetching":
        time.sleep(0.02)
    told = _ok(client.call("POST", f"{base}/{task_id}/cancel"))
    assert told["status"] == "failed"
    task = client.poll(task_id)
    assert (task["status"], task["error"]["code"]) == ("failed", "Conflict.Cancelled")
    asset = client.get_v1_asset(task["metadata"]["asset_id"])
    assert (asset["status"], asset["error"]["code"]) == ("Failed", "Conflict.Cancelled")
    assert _error(client, f"{base}/{task_id}/cancel") == (409, "Conflict.Status")


def test_a_cancelled_download_lets_go_of_its_source(
    service: Service, client: SparkClient, group: str, shelf: Shelf, picture: bytes
) -> None:
    sending, left = threading.Event(), threading.Event()
    drip = slowly(picture, 60.0, parts=1200)

    async def behave(visit: Visit) -> None:
        sending.set()
        try:
            await drip(visit)
        except ConnectionError:
            left.set()
            raise

    task_id = _submit(client, group, shelf.behave("/let-go.jpg", behave))
    assert sending.wait(20)
    _ok(client.call("POST", f"/v1/tasks/{task_id}/cancel"))
    assert left.wait(20)
    service.wait_for_empty_spool()


@pytest.mark.parametrize("base", BELOW)
def test_a_retry_is_a_new_task_with_a_new_asset_from_the_same_source(
    client: SparkClient, group: str, shelf: Shelf, picture: bytes, base: str
) -> None:
    path = f"/mended-{base.strip('/').replace('/', '-')}.jpg"
    url = shelf.behave(path, answer(b"gone", status=410)) + "?token=secret"
    task_id = _submit(client, group, url, Tags=["a", "b"], Metadata={"take": 1})
    failed = client.ended(task_id)
    assert failed["error"]["reason"] == "http_status"
    assert f"/v1/tasks/{task_id}/retry" in failed["error"]["message"]
    assert "secret" not in failed["error"]["error_message"]
    shelf.put(path, picture)

    fresh = _ok(client.call("POST", f"{base}/{task_id}/retry"))
    assert fresh["id"] != task_id
    task = client.completed(str(fresh["id"]))
    assert task["metadata"]["retry_of"] == task_id
    assert client.call("GET", f"/v1/tasks/{fresh['id']}").json()["retry_of"] == task_id
    asset = client.get_v1_asset(result(task)["Id"])
    assert (asset["tags"], asset["metadata"], asset["group_id"]) == (["a", "b"], {"take": 1}, group)
    assert client.get_v1_asset(failed["metadata"]["asset_id"])["status"] == "Failed"
    assert client.poll(task_id) == failed
    assert _error(client, f"{base}/{task_id}/retry") == (409, "Conflict.Source")
    assert _error(client, f"{base}/{fresh['id']}/retry") == (409, "Conflict.Status")


@pytest.mark.parametrize("base", BELOW)
def test_a_repeated_retry_has_one_effect(client: SparkClient, group: str, shelf: Shelf, picture: bytes, base: str) -> None:
    task_id = _submit(client, group, shelf.behave("/never.jpg", answer(b"", status=404)))
    client.ended(task_id)
    body, headers = {"url": shelf.put("/again.jpg", picture)}, {"Idempotency-Key": f"retry-{task_id}"}
    answers = [client.call("POST", f"{base}/{task_id}/retry", body, headers) for _ in range(3)]
    assert len({answer.body for answer in answers}) == 1
    other = client.call("POST", f"{base}/{task_id}/retry", {"url": "http://127.0.0.1:9/other.jpg"}, headers)
    assert (other.status, other.code) == (409, "Conflict.IdempotencyKey")


@pytest.mark.parametrize("base", BELOW)
def test_what_cannot_be_done_is_refused(service: Service, client: SparkClient, group: str, shelf: Shelf, picture: bytes, base: str) -> None:
    done = _submit(client, group, shelf.put("/done.jpg", picture))
    client.completed(done)
    reader = service.client("--scope", "assets:read")
    service.quick_command("projects", "create", project := f"control{base.count('/')}-{time.time_ns()}")
    stranger = service.client("--project", project)
    for verb in ("cancel", "retry"):
        assert _error(client, f"{base}/{done}/{verb}") == (409, "Conflict.Status")
        assert _error(client, f"{base}/d5k1e9g6n88s73f0a1bg/{verb}") == (404, "NotFound.task_id")
        assert _error(stranger, f"{base}/{done}/{verb}") == (404, "NotFound.task_id")
        assert _error(reader, f"{base}/{done}/{verb}") == (403, "AccessDenied")
        assert client.request("GET", f"{base}/{done}/{verb}").status == 405
    refused = client.call("POST", f"{base}/{done}/retry", {"link": "x"})
    assert (refused.status, refused.code) == (400, "InvalidParameter.link")
    assert client.request("POST", f"{GENERATION}/task/{done}/forget").status in {404, 405}


@pytest.mark.parametrize("base", BELOW)
def test_a_retry_takes_the_file_itself(client: SparkClient, group: str, shelf: Shelf, picture: bytes, base: str) -> None:
    content = picture + base.encode()
    failed = _submit(client, group, shelf.behave("/gone.jpg", answer(b"gone", status=410)), ExternalId=f"retried {base} {time.time_ns()}")
    assert client.ended(failed)["status"] == "failed"
    large = client.call("POST", f"{base}/{failed}/retry", {"url": f"data:,{'x' * 31 * 2**20}"})
    assert (large.status, large.code) == (413, "FileSizeTooLarge")
    malformed = client.call("POST", f"{base}/{failed}/retry", {"url": "data:image/jpeg;base64,?"})
    assert malformed.status == 400
    body, headers = {"url": data_uri(content)}, {"Idempotency-Key": f"data-{failed}"}
    answers = [_ok(client.call("POST", f"{base}/{failed}/retry", body, headers)) for _ in range(2)]
    assert answers[0] == answers[1]
    task = client.completed(str(answers[0]["id"]))
    asset = client.get_v1_asset(result(task)["Id"])
    assert (asset["sha256"], task["metadata"]["retry_of"]) == (hashlib.sha256(content).hexdigest(), failed)
    unknown = client.call("POST", f"{base}/d5k1e9g6n88s73f0a1bg/retry", {"url": data_uri(content)})
    assert (unknown.status, unknown.code) == (404, "NotFound.task_id")
