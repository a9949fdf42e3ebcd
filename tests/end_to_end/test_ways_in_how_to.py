"""The pages on the ways in: their commands, run as they are printed, each page in a folder of its own."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories import forms
from tests.factories.http import Json, SparkClient
from tests.factories.media import make_jpeg, make_video
from tests.factories.spark_processes import Service

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
PATIENCE = 120.0


@pytest.fixture
def run_page(service: Service, client: SparkClient, group: str, shelf: Shelf, tmp_path: Path) -> "RunPage":
    make_jpeg(tmp_path / "photo.jpg", 400, 400)
    make_video(tmp_path / "film.mp4", 640, 640)
    source = shelf.put("/import.jpg", tmp_path / "photo.jpg")
    return RunPage(tmp_path, service.base_url, {"KEY": client.key, "GROUP": group, "SOURCE": source})


class RunPage:
    """Runs every shell block of a page, in order, in one shell."""

    def __init__(self, folder: Path, base_url: str, known: dict[str, str]) -> None:
        self._folder = folder
        self._base_url = base_url
        self._known = known

    def __call__(self, page: str) -> list[str]:
        """What each block printed."""
        blocks = re.findall(r"^```sh\n(.*?)^```$", (PAGES / page).read_text(), re.DOTALL | re.MULTILINE)
        assert blocks
        mark = "--- end of a block ---"
        script = f"echo; echo '{mark}'\n".join(blocks).replace("http://127.0.0.1:8080", self._base_url)
        finished = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self._folder, env={**os.environ, **self._known}, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout.split(mark)


def completed(client: SparkClient, printed: str) -> Json:
    task = forms.ended(client, json.loads(printed)["id"])
    assert task["status"] == "completed", task
    return client.get_v1_asset(task["asset_id"])


def test_data_uris(run_page: RunPage, client: SparkClient) -> None:
    own, task = run_page("data-uris.md")
    assert completed(client, own)["name"] == completed(client, task)["name"] == "photo"


def test_upload_a_file(run_page: RunPage, client: SparkClient) -> None:
    [printed] = run_page("upload-a-file.md")
    asset = completed(client, printed)
    assert (asset["name"], asset["tags"], asset["metadata"]) == ("photo.jpg", ["night", "rain"], {"take": 3})


def test_resume_an_upload(run_page: RunPage, client: SparkClient) -> None:
    *_, told, shown = run_page("resume-an-upload.md")
    upload = json.loads(shown)
    assert upload["task_id"] == told.strip().partition(": ")[2]
    assert forms.ended(client, upload["task_id"])["status"] == "completed"


def test_import_many(run_page: RunPage, client: SparkClient) -> None:
    [printed] = run_page("import-many.md")
    lines = list(forms.read_lines(printed.strip().encode()))
    assert [line["status"] for line in lines] == ["accepted", "accepted", "accepted", "refused"]
    assert all(forms.ended(client, line["task"]["id"])["status"] == "completed" for line in lines[:3])


def test_presigned_uploads(service: Service, run_page: RunPage, client: SparkClient) -> None:
    if not service.is_fleet:  # a folder has no addresses: the page says what is answered instead
        answer = client.call("POST", "/v1/uploads/presigned", {"length": 1, "type": "Image", "group_id": "group-none"})
        assert (answer.status, answer.code) == (409, "Conflict.Storage")
        return
    *_, printed = run_page("presigned-uploads.md")
    assert completed(client, printed)["name"] == "photo"
