"""One upload, several servers: whatever one of them tells holds on every other, and two never add to it at once."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import forms
from tests.factories.http import Answer, SparkClient
from tests.factories.media import make_jpeg
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import ServeProcess, Service, fleet

PATIENCE = 30.0


@pytest.fixture(scope="module")
def fleet_service(postgres_server: PostgresServer, s3_server: S3Server) -> Iterator[Service]:
    """A fleet with one server and one worker."""
    with fleet(postgres_server, s3_server, source_allow="127.0.0.0/8") as running:
        yield running


@pytest.fixture(scope="module")
def second(fleet_service: Service) -> Iterator[ServeProcess]:
    """Another server on the same database and bucket, with a home of its own."""
    process = ServeProcess(fleet_service.variables, "--no-ingest")
    process.variables["SPARK_ASSETS_HOME"] = str(process.home)
    with process:
        yield process


@pytest.fixture
def clients(fleet_service: Service, second: ServeProcess) -> tuple[SparkClient, SparkClient]:
    """The same key at both doors."""
    first = fleet_service.client()
    return first, SparkClient(second.base_url, first.key)


@pytest.fixture(scope="module")
def picture(media: Path) -> bytes:
    """A picture of three parts: what follows its end belongs to nothing."""
    return make_jpeg(media / "fleet.jpg", 400, 400).read_bytes() + os.urandom(20 * 2**20)


def begin(client: SparkClient, length: int) -> str:
    return forms.path_of(client, forms.begin(client, length, type="Image", group_id=client.create_group()))


def add_patiently(client: SparkClient, path: str, content: bytes) -> Answer:
    """Add all that is missing, as soon as nobody else does."""
    deadline = time.monotonic() + PATIENCE
    while (answer := forms.add(client, path, offset := forms.offset_of(client, path), content[offset:])).status == 409:
        assert answer.code == "Conflict.UploadBusy" and time.monotonic() < deadline
        time.sleep(0.1)
    return answer


def check(client: SparkClient, task_id: str, content: bytes) -> None:
    task = forms.ended(client, task_id)
    assert task["status"] == "completed", task
    assert client.get_v1_asset(task["asset_id"])["sha256"] == hashlib.sha256(content).hexdigest()


def test_servers_take_turns_with_one_upload(clients: tuple[SparkClient, SparkClient], picture: bytes) -> None:
    path, step, offset = begin(clients[0], len(picture)), 3 * 2**20, 0
    for turn, start in enumerate(range(0, len(picture), step)):
        client = clients[turn % 2]
        assert forms.offset_of(client, path) == start
        last = forms.add(client, path, start, picture[start : start + step])
        assert last.status == 204, last.body
        offset = int(last.headers["upload-offset"])
    assert offset == len(picture)
    check(clients[0], last.headers["upload-task"], picture)


def test_of_many_at_two_servers_one_adds(clients: tuple[SparkClient, SparkClient], picture: bytes) -> None:
    path, found = begin(clients[0], len(picture)), []
    ready = threading.Barrier(12)

    def add(client: SparkClient) -> None:
        ready.wait()
        answer = forms.add(client, path, 0, picture[: 9 * 2**20])
        found.append((answer.status, answer.code if answer.status != 204 else ""))

    threads = [threading.Thread(target=add, args=(clients[number % 2],)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in found].count(204) == 1, found
    assert {code for status, code in found if status != 204} <= {"Conflict.UploadBusy", "Conflict.Offset"}
    assert {forms.offset_of(client, path) for client in clients} == {9 * 2**20}
    check(clients[1], add_patiently(clients[1], path, picture).headers["upload-task"], picture)


def test_one_that_was_silent_for_too_long_adds_nothing_to_what_another_has_completed(
    second: ServeProcess, clients: tuple[SparkClient, SparkClient], picture: bytes
) -> None:
    path, part = begin(clients[0], len(picture)), 9 * 2**20
    head = f"PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {clients[1].key}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
    head += f"Content-Type: {forms.OFFSET_STREAM}\r\nContent-Length: {len(picture)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", second.port), timeout=PATIENCE) as late:
        late.sendall(head.encode() + picture[:part])
        deadline = time.monotonic() + PATIENCE
        while forms.offset_of(clients[0], path) < 8 * 2**20:  # until the second server has written a part down
            assert time.monotonic() < deadline
        answer = add_patiently(clients[0], path, picture)
        assert answer.status == 204
        late.sendall(b"x" * (len(picture) - part))
        told = b""
        while b"Conflict.UploadBusy" not in told and (piece := late.recv(65536)):
            told += piece
    assert told.startswith(b"HTTP/1.1 409") and b"Conflict.UploadBusy" in told
    check(clients[0], answer.headers["upload-task"], picture)
    assert forms.offset_of(clients[1], path) == len(picture)
