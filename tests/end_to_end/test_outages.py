"""What a server of one home does while its disk, its folders or its database fail it; it recovers by itself and loses nothing."""

import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.end_to_end.shelf import Shelf
from tests.factories import forms
from tests.factories.databases import write_sqlite_file
from tests.factories.http import Answer, follow, send
from tests.factories.loopback_server import free_port
from tests.factories.media import make_jpeg
from tests.factories.origin import Behaviour, Visit, head
from tests.factories.servers import PostgresServer
from tests.factories.spark_processes import PROGRAM, SECRET, Service, embedded, environment, run

PATIENCE = 40.0
"""Seconds within which a server has noticed that something failed, or is back."""
DISK = 24 * 2**20
"""Bytes of a small disk: its reserve of a mebibyte, the database and a few files."""
TUS_HEADERS = f"Tus-Resumable: 1.0.0\r\nContent-Type: {forms.OFFSET_STREAM}\r\n"
FILES = 96
"""Descriptors that a starved server may have."""


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system on the folder for as long as this lasts."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be written into the folder, by root neither."""
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield


@contextmanager
def replaced(folder: Path) -> Iterator[None]:
    """The folder is gone, and a file is in its place."""
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.write_bytes(b"not a folder")
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), file.open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(2**14))


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.05)


def answered(get: Callable[[], Answer], status: int) -> Answer:
    """The first answer with this status."""
    answers: list[Answer] = []
    until(lambda: bool(answers.append(get()) or answers[-1].status == status), f"an answer with status {status}")
    return answers[-1]


def late(shelf: Shelf, content: bytes) -> tuple[Behaviour, Callable[[], None]]:
    """An address that answers once it is told to, and what tells it."""
    opened, open_gate = shelf.gate()

    async def behave(visit: Visit) -> None:
        await opened.wait()
        await visit.send(head(headers={"Content-Length": str(len(content))}), content)

    return behave, open_gate


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_jpeg(tmp_path_factory.mktemp("outages") / "picture.jpg", 400, 400).read_bytes()


@pytest.fixture(scope="module")
def tried() -> Iterator[Service]:
    """A server from which things are taken, and given back; after all of that every promise holds."""
    with embedded(source_allow="127.0.0.0/8", webhook_allow="127.0.0.0/8", disk_reserve=0, drain_timeout=1) as service:
        yield service
        code, report = service.doctor("--verify")
        assert code == 0, report


def _postponed(service: Service) -> int:
    return service.server.log.count('"ingest_postponed"')


def test_a_full_disk_refuses_what_is_new_serves_what_is_there_and_loses_nothing(shelf: Shelf, picture: bytes) -> None:
    service = embedded(source_allow="127.0.0.0/8", disk_reserve=2**20, drain_timeout=3)
    behaviour, open_gate = late(shelf, picture)
    with ExitStack() as stack:
        stack.callback(service.close)
        service.home.mkdir()
        stack.enter_context(mounted(service.home, "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs"))
        with service:
            client = service.client()
            group = client.create_group()
            known_url = shelf.put("/there.jpg", picture + b"1")
            known = client.get_v1_asset(client.create_asset(group, known_url))
            waiting = client.submit_asset(group, shelf.behave("/late.jpg", behaviour))
            fill(service.home / "filler")
            body = {
                "model": "spark_asset_create",
                "Name": "x",
                "URL": shelf.origin.url("/there.jpg"),
                "AssetType": "Image",
                "GroupId": group,
            }
            assert answered(lambda: client.post(body), 507).code == "StorageFull"
            answered(lambda: send("GET", f"{service.base_url}/readyz"), 503)  # what it has found is remembered for a second
            assert client.get_v1_asset(known["id"])["status"] == "Active"
            assert follow("GET", known["url"]).body == picture + b"1"
            open_gate()
            until(lambda: _postponed(service) >= 2, "the ingest was postponed")
            assert client.poll(waiting)["status"] == "in_progress"
            (service.home / "filler").unlink()
            assert client.completed(waiting)["metadata"]["attempts"] <= 2
            assert shelf.origin.count("/late.jpg") <= 3, "an origin does not pay for our disk"
            assert client.create_asset(group, known_url)
            code, report = service.doctor("--verify")
            assert code == 0, report


def lose_folder(tried: Service, shelf: Shelf, picture: bytes, folder: str, outage: Callable[[Path], AbstractContextManager[None]]) -> None:
    """A file arrives while the folder is out of order, and is taken once it is back."""
    client = tried.client()
    path = f"/{folder}-{outage.__name__}.jpg"
    behaviour, open_gate = late(shelf, picture + path.encode())
    group = client.create_group()
    waiting = client.submit_asset(group, shelf.behave(path, behaviour))
    before = _postponed(tried)
    with outage(tried.home / folder):
        open_gate()
        until(lambda: _postponed(tried) > before, "the ingest was postponed")
        assert client.poll(waiting)["status"] == "in_progress"
        assert client.create_group()
    assert client.completed(waiting)["status"] == "completed"
    assert shelf.origin.count(path) <= 2


@pytest.mark.parametrize("folder", ["blobs", "spool"])
def test_a_folder_that_is_gone_is_waited_for(tried: Service, shelf: Shelf, picture: bytes, folder: str) -> None:
    lose_folder(tried, shelf, picture, folder, replaced)


@pytest.mark.chaos
@pytest.mark.parametrize("folder", ["blobs", "spool"])
def test_a_folder_that_is_read_only_is_waited_for(tried: Service, shelf: Shelf, picture: bytes, folder: str) -> None:
    lose_folder(tried, shelf, picture, folder, read_only)


@contextmanager
def locked(database: Path) -> Iterator[Callable[[], None]]:
    """Another process has begun to write and does not end; what makes it end."""
    script = (
        "import sqlite3, sys; held = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None);"
        "held.execute('BEGIN EXCLUSIVE'); held.execute('UPDATE projects SET name = name'); print('held', flush=True); input();"
        "held.execute('COMMIT')"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield lambda: let_go(other)
        finally:
            let_go(other)


def let_go(other: "subprocess.Popen[str]") -> None:
    if other.returncode is None:
        other.communicate("\n", timeout=PATIENCE)
    assert other.returncode == 0


def test_writes_wait_while_another_process_writes_and_reads_are_served_meanwhile(tried: Service) -> None:
    client = tried.client()
    group = client.create_group()
    with locked(tried.home / "library.db") as unlock, ThreadPoolExecutor(4) as threads:
        writes = [threads.submit(client.submit, "spark_asset_create_group", Name="x", GroupType="AIGC") for _ in range(4)]
        for _ in range(20):
            assert client.request("GET", f"/v1/groups/{group}").status == 200
        assert not any(write.done() for write in writes)
        unlock()
        for write in writes:
            assert client.completed(write.result())["status"] == "completed"


@pytest.mark.chaos
def test_a_database_that_another_process_keeps_locked_answers_503_serves_reads_and_is_used_again(
    tried: Service, shelf: Shelf, picture: bytes
) -> None:
    client = tried.client()
    group = client.create_group()
    known = client.get_v1_asset(client.create_asset(group, shelf.put("/before-the-lock.jpg", picture)))
    behaviour, open_gate = late(shelf, picture + b"locked")
    waiting = client.submit_asset(group, shelf.behave("/locked.jpg", behaviour))
    until(lambda: shelf.origin.count("/locked.jpg") > 0, "an ingest is under way")
    with locked(tried.home / "library.db"), ThreadPoolExecutor(1) as thread:
        open_gate()
        began = time.monotonic()
        refused = thread.submit(client.post, {"model": "spark_asset_create_group", "Name": "x", "GroupType": "AIGC"})
        reads = 0
        while not refused.done():
            assert client.request("GET", f"/v1/groups/{group}").status == 200
            assert client.poll(waiting)["status"] == "in_progress"
            assert follow("GET", known["url"]).body == picture
            reads += 1
        assert time.monotonic() - began < 20, "it gives up after 10 s"
        assert (refused.result().status, refused.result().code) == (503, "ServiceUnavailable")
        assert int(refused.result().headers["retry-after"]) > 0
        assert reads > 10
        assert send("GET", f"{tried.base_url}/healthz").status == 200
    assert client.create_group()
    assert client.completed(waiting)["status"] == "completed"


def test_a_second_home_on_the_database_of_a_running_server_is_refused(tried: Service, tmp_path: Path) -> None:
    database = tried.home / "library.db"
    ended = run(["serve", "--port", str(free_port())], environment(home=tmp_path, database_url=f"sqlite:///{database}"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"spark-assets: another spark-assets server uses the database {database}; stop it, or set another DATABASE_URL\n"


def test_two_servers_that_start_at_once_on_one_home_are_one_server(tmp_path: Path) -> None:
    variables = environment(home=tmp_path / "home", log_format="json")
    started = [
        subprocess.Popen(
            [str(PROGRAM), "serve", "--port", str(port)], env=variables, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for port in (free_port(), free_port())
    ]
    try:
        until(lambda: any(process.poll() is not None for process in started), "one of them gave up")
        (refused,) = (process for process in started if process.poll() is not None)
        (running,) = (process for process in started if process is not refused)
        _, said = refused.communicate()
        assert refused.returncode == 1
        assert said.splitlines()[-1].startswith("spark-assets: another spark-assets server is running on ")
        assert running.stderr is not None
        assert any(line.startswith("ready ") for line in running.stderr)
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert running.returncode == 0


@pytest.mark.chaos
@pytest.mark.parametrize("size", ["embedded", "fleet"])
def test_migrations_that_run_at_once_all_succeed(size: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    settings: dict[str, object] = {"home": tmp_path / "home"}
    if size == "fleet":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        settings |= {"database_url": postgres.create_database(), "signing_keys": SECRET, "encryption_keys": SECRET}
    with ThreadPoolExecutor(3) as threads:
        ended = list(threads.map(lambda _: run(["migrate"], environment(**settings)), range(3)))
    assert [(one.returncode, one.stdout) for one in ended] == [(0, "")] * 3, ended
    assert run(["projects", "list", "--json"], environment(**settings)).returncode == 0


@pytest.mark.parametrize("damage", ["no database", "cut short", "a folder"])
def test_a_database_file_that_is_none_stops_the_start_with_one_sentence(damage: str, tmp_path: Path) -> None:
    variables = environment(home=tmp_path)
    file = write_sqlite_file(tmp_path / "library.db")
    content = file.read_bytes()
    file.unlink()
    if damage == "a folder":
        file.mkdir()
    else:
        file.write_bytes(b"not a database at all" * 500 if damage == "no database" else content[:8192])
    ended = run(["serve", "--port", str(free_port())], variables)
    assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("spark-assets: SPARK_ASSETS_DATABASE_URL names a database that cannot be used: ")


def test_the_doctor_names_a_damaged_database_and_repairs_nothing_in_it(tmp_path: Path) -> None:
    variables = environment(home=tmp_path)
    file = write_sqlite_file(tmp_path / "library.db")
    with file.open("r+b") as database:
        database.seek(20 * 4096)
        database.write(b"\xa5" * 4096)
    ended = run(["doctor", "--repair"], variables)
    assert ended.returncode == 1
    assert "the database file is damaged" in ended.stdout
    assert "put the database back from a backup" in ended.stdout


@pytest.mark.chaos
def test_a_database_server_that_takes_connections_and_never_answers_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/x"
        settings = environment(home=tmp_path, database_url=url, signing_keys=SECRET, encryption_keys=SECRET)
        ended = run(["serve", "--port", str(free_port())], settings)
    assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr
    (sentence,) = ended.stderr.splitlines()
    assert sentence == "spark-assets: SPARK_ASSETS_DATABASE_URL names a database that cannot be used: it does not answer in time"


def test_a_server_that_runs_out_of_descriptors_keeps_others_waiting_and_recovers(tried: Service, shelf: Shelf, picture: bytes) -> None:
    client = tried.client()
    group = client.create_group()
    (serving,) = (child for child in tried.server.descendants() if child.num_fds() > 10 and child.net_connections())
    soft, hard = resource.prlimit(serving.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(serving.pid, resource.RLIMIT_NOFILE, (FILES, hard))
    crowd = []
    try:
        for _ in range(2 * FILES):
            connection = socket.create_connection(("127.0.0.1", tried.server.port), timeout=5)
            crowd.append(connection)
        with suppress(OSError):
            answer = send("GET", f"{tried.base_url}/healthz", timeout=2)
            assert answer.status in {200, 503}
    finally:
        for connection in crowd:
            connection.close()
    until(lambda: _is_ready(tried), "it answers again")
    assert client.create_asset(group, shelf.put("/after-the-crowd.jpg", picture + b"crowd"))
    resource.prlimit(serving.pid, resource.RLIMIT_NOFILE, (soft, hard))


def _is_ready(service: Service) -> bool:
    try:
        return send("GET", f"{service.base_url}/readyz", timeout=2).status == 200
    except OSError:
        return False


def test_a_stop_in_the_middle_of_every_kind_of_work_ends_in_time_and_loses_nothing(tried: Service, shelf: Shelf, picture: bytes) -> None:
    opened, let_receive = shelf.gate()

    async def never(visit: Visit) -> None:
        await opened.wait()

    fetched, open_gate = late(shelf, picture)
    client = tried.client("--scope", "project:admin", "--scope", "assets:write", "--scope", "assets:read")
    with ExitStack() as stack:
        stack.callback(let_receive)
        group = client.create_group()
        hook = client.call("POST", "/v1/webhooks", {"url": shelf.behave("/never", never)})
        assert hook.status in {200, 201}, hook.body
        client.create_asset(group, shelf.put("/quick.jpg", picture + b"quick"))
        until(lambda: shelf.origin.count("/never") > 0, "a delivery is under way")
        waiting = client.submit_asset(group, shelf.behave("/stopped.jpg", fetched))
        until(lambda: shelf.origin.count("/stopped.jpg") > 0, "an ingest is under way")
        for request in (
            f"GET /model/v1/generation/task/{waiting}?wait=30 HTTP/1.1\r\n",
            f"GET /v1/tasks/{waiting}/events HTTP/1.1\r\n",
            "GET /v1/events HTTP/1.1\r\n",
            "POST /v1/uploads HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 90000\r\n",
        ):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", tried.server.port)))
            connection.sendall(f"{request}Host: x\r\nAuthorization: Bearer {client.key}\r\n\r\n".encode())
        upload = forms.path_of(client, forms.begin(client, len(picture), type="Image", group_id=group))
        sent = 4096  # few enough to come in one piece with the headers: then they are the server's as soon as it has the upload
        sending = stack.enter_context(socket.create_connection(("127.0.0.1", tried.server.port)))
        head = f"PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\n{TUS_HEADERS}"
        sending.sendall(f"{head}Upload-Offset: 0\r\nContent-Length: {len(picture)}\r\n\r\n".encode() + picture[:sent])
        until(lambda: forms.add(client, upload, 1, b"x").code == "Conflict.UploadBusy", "the upload is held by that request")
        began = time.monotonic()
        tried.server.stop()
        assert tried.server.exit_code == 0, tried.server.log[-2000:]
        assert time.monotonic() - began < 15, "a second to drain, five for last answers"
        open_gate()
        tried.start()
        assert client.completed(waiting)["status"] == "completed"
        assert forms.offset_of(client, upload) == sent, "what had arrived is kept"
        assert forms.ended(client, forms.add(client, upload, sent, picture[sent:]).headers["upload-task"])["status"] == "completed"
        let_receive()
        assert client.call("DELETE", f"/v1/webhooks/{hook.json()['id']}").status == 204
