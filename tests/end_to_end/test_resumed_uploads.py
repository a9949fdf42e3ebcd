"""Uploads that are broken off: by a client that goes away, and by a server that is killed; tuspy and curl go on with them."""

import hashlib
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil
import pytest
from tusclient import client as tus
from tusclient.exceptions import TusCommunicationError

from tests.end_to_end.conftest import MakeService
from tests.factories import forms
from tests.factories.http import SparkClient
from tests.factories.media import make_video
from tests.factories.spark_processes import Service

LENGTH: Final = 200 * 2**20
PATIENCE: Final = 120.0
MOST_MEMORY: Final = 300 * 2**20
"""Bytes of the server process while 200 MB pass through it."""


@pytest.fixture(scope="module")
def own_service(make_service: MakeService) -> Iterator[Service]:
    """A service that may be killed."""
    with make_service() as running:
        yield running


@pytest.fixture(scope="module")
def film(media: Path) -> Path:
    """A video filled up with bytes that belong to nothing."""
    plain = make_video(media / "plain.mp4", 640, 640).read_bytes()
    left = LENGTH - len(plain) - 8
    path = media / "film.mp4"
    with path.open("wb") as file:
        file.write(plain + struct.pack(">I", left + 8) + b"free")
        while left:
            left -= file.write(os.urandom(min(left, 2**20)))
    return path


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wait_for_offset(client: SparkClient, path: str, least: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while (offset := forms.offset_of(client, path)) < least:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return offset


def kill(service: Service) -> None:
    """Kill the server with all its processes, and start it again."""
    for process in [*service.server.descendants(), psutil.Process(service.server.pid)]:
        process.send_signal(signal.SIGKILL)
    service.server.wait()
    service.server.start()


def add_patiently(client: SparkClient, path: str, source: Path) -> str:
    """Send what is missing with curl; a killed server's hold on the upload ends within seconds. The task's ID."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        offset = forms.offset_of(client, path)
        with source.open("rb") as file:
            file.seek(offset)
            headers = [f"Authorization: Bearer {client.key}", f"Upload-Offset: {offset}", f"Content-Type: {forms.OFFSET_STREAM}", "Expect:"]
            options = [option for header in (*headers, "Tus-Resumable: 1.0.0") for option in ("-H", header)]
            command = ["curl", "-s", "-i", "-X", "PATCH", f"{client.base_url}{path}", "-T", "-", *options]
            answer = subprocess.run(command, stdin=file, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
        if "upload-task: " in answer:
            return answer.partition("upload-task: ")[2].split()[0]
        assert "Conflict.UploadBusy" in answer, answer
        time.sleep(0.5)
    raise AssertionError("the upload was never free again")


def test_curl_resumes_across_a_killed_server(own_service: Service, film: Path) -> None:
    client = own_service.client()
    group = client.create_group()
    length = film.stat().st_size
    path = forms.path_of(client, forms.begin(client, length, type="Video", group_id=group))
    command = ["curl", "-s", "--limit-rate", "20M", "-X", "PATCH", f"{client.base_url}{path}", "-T", str(film)]
    headers = [f"Authorization: Bearer {client.key}", "Upload-Offset: 0", f"Content-Type: {forms.OFFSET_STREAM}", "Tus-Resumable: 1.0.0"]
    with subprocess.Popen([*command, *(option for header in headers for option in ("-H", header))]) as sending:
        wait_for_offset(client, path, 9 * 2**20)
        kill(own_service)
        assert sending.wait(PATIENCE) != 0
    assert 0 < forms.offset_of(client, path) < length
    task = forms.ended(client, add_patiently(client, path, film))
    assert task["status"] == "completed", task
    assert client.get_v1_asset(task["asset_id"])["sha256"] == sha256_of(film)
    processes = [psutil.Process(own_service.server.pid), *own_service.server.descendants()]
    assert max(process.memory_info().rss for process in processes) < MOST_MEMORY


def test_tuspy_resumes_across_a_killed_server(own_service: Service, film: Path) -> None:
    client = own_service.client()
    group = client.create_group()
    speaker = tus.TusClient(f"{client.base_url}/v1/uploads/tus", headers={"Authorization": f"Bearer {client.key}"})
    texts = {"type": "Video", "group_id": group, "filename": film.name}
    with film.open("rb") as stream:  # for tuspy does not close what it opens
        uploader = speaker.uploader(file_stream=stream, chunk_size=6 * 2**20, metadata=texts, upload_checksum=True)
        uploader.upload_chunk()
        uploader.upload_chunk()
        kill(own_service)
        resumed = speaker.uploader(file_stream=stream, url=uploader.url, chunk_size=6 * 2**20, upload_checksum=True)
        assert resumed.offset == 12 * 2**20
        resumed.upload()
        with pytest.raises(TusCommunicationError):
            speaker.uploader(file_stream=stream, url=f"{client.base_url}/v1/uploads/tus/upload-none")
    shown = client.call("GET", f"/v1/uploads/{str(uploader.url).rpartition('/')[2]}").json()
    task = forms.ended(client, shown["task_id"])
    assert client.get_v1_asset(task["asset_id"])["sha256"] == sha256_of(film)


def test_what_arrived_before_a_break_is_kept_and_two_cannot_add_at_once(service: Service, client: SparkClient, group: str) -> None:
    path = forms.path_of(client, forms.begin(client, 1_000_000, type="Image", group_id=group))
    address = urlsplit(service.base_url)
    head = f"PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
    head += f"Content-Type: {forms.OFFSET_STREAM}\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + bytes(300_000))
        deadline = time.monotonic() + PATIENCE
        while (busy := forms.add(client, path, 1, b"x")).code == "Conflict.Offset":  # until the first one has begun
            assert time.monotonic() < deadline
        assert busy.code == "Conflict.UploadBusy"
    assert wait_for_offset(client, path, 1) == 300_000
    assert client.request("DELETE", path, headers=forms.TUS).status == 204


def test_only_one_of_many_that_add_at_once_succeeds(client: SparkClient, group: str) -> None:
    path = forms.path_of(client, forms.begin(client, 10_000, type="Image", group_id=group))
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(str(forms.add(client, path, 0, bytes(5_000)).status))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["204", *["409"] * 11]
    assert forms.offset_of(client, path) == 5_000
