"""What an operator meets: bad settings, a second server, a store that goes away, the doctor, the logs."""

import json
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from spark_assets.cli.main import app
from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient, send
from tests.factories.loopback_server import free_port
from tests.factories.media import make_jpeg
from tests.factories.servers import S3Server
from tests.factories.spark_processes import SECRET, Service, environment, run

BAD: Final[dict[str, dict[str, object]]] = {
    "DATABASE_URL names a database": {"database_url": "postgresql://127.0.0.1:1/x", "signing_keys": SECRET, "encryption_keys": SECRET},
    "STORAGE_URL": {"storage_url": "ftp://x/y"},
    "SOURCE_ALLOW": {"source_allow": "10.0.0.0/99"},
    "MEDIA_POLICY names a file that cannot be used": {"media_policy": "wrong.toml"},
    "SIGNING_KEYS": {"signing_keys": "1:short"},
}
"""Settings of which each is found to be bad in another place of the code, by what the sentence begins with."""
UNREADABLE: Final[dict[str, dict[str, object]]] = {
    "WORKERS above 1 needs PostgreSQL:": {"workers": 2},
    "PORT": {"port": 70000},
    "INGEST_CONCURRENCY": {"ingest_concurrency": 0},
    "DATABASE_URL": {"database_url": "mysql://x"},
    "ENCRYPTION_KEYS": {"database_url": "postgresql://127.0.0.1:1/x", "signing_keys": SECRET},
    "S3_ENDPOINT": {"s3_endpoint": "nonsense"},
    "SIGNING_KEYS_FILE": {"signing_keys_file": "/nowhere/keys"},
    "BASE_URL": {"base_url": "assets.example.com"},
    "FETCH_TIMEOUT": {"fetch_timeout": "nan"},
    "PRICE_CREATE": {"price_create": "-1"},
    "HOME": {"home": "/dev/null/x"},
}
"""Settings that no command accepts."""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> "dict[str, subprocess.CompletedProcess[str]]":
    """How `serve` ended with each bad setting, several tried at once."""

    def attempt(case: str) -> "subprocess.CompletedProcess[str]":
        home = tmp_path_factory.mktemp("bad")
        (home / "wrong.toml").write_text('[image]\nformats = ["jpeg"]\nwidth = "from 1 to 2"\n')
        settings: dict[str, object] = {"home": home, "port": free_port(), **BAD[case]}
        if settings.get("media_policy") == "wrong.toml":
            settings["media_policy"] = home / "wrong.toml"
        return run(["serve"], environment(**settings))

    with ThreadPoolExecutor(3) as threads:
        return dict(zip(BAD, threads.map(attempt, BAD), strict=True))


@pytest.mark.parametrize("case", BAD)
def test_a_bad_setting_stops_the_start_with_one_sentence_that_names_it(
    refusals: "dict[str, subprocess.CompletedProcess[str]]", case: str
) -> None:
    ended = refusals[case]
    assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(f"spark-assets: SPARK_ASSETS_{case}")


@pytest.mark.parametrize("case", UNREADABLE)
def test_every_command_refuses_a_setting_that_cannot_be_read(case: str, tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["migrate"], env=environment(**{"home": tmp_path / "home", **UNREADABLE[case]}))
    assert (ended.exit_code, ended.stdout) == (1, "")
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(f"spark-assets: SPARK_ASSETS_{case} ")


def test_a_bad_setting_in_the_file_of_the_home_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "spark-assets.toml").write_text("prot = 8080\n")
    ended = run(["serve"], environment(home=tmp_path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "spark-assets: SPARK_ASSETS_PROT is not a setting of spark-assets\n"


def test_a_second_server_on_the_same_home_is_refused(service: Service) -> None:
    if service.is_fleet:
        pytest.skip("a fleet has any number of servers")
    ended = service.command("serve", "--port", str(free_port()))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"spark-assets: another spark-assets server is running on {service.home}; stop it, or use another --home\n"


def test_a_port_in_use_is_said_whoever_uses_it(service: Service, tmp_path: Path) -> None:
    if service.is_fleet:
        pytest.skip("the same code in both sizes")
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        for port in (service.server.port, other.getsockname()[1]):
            ended = run(["serve", "--port", str(port)], environment(home=tmp_path))
            assert (ended.returncode, ended.stdout) == (1, "")
            assert ended.stderr == f"spark-assets: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_worker_of_its_own_needs_postgresql(service: Service) -> None:
    if service.is_fleet:
        pytest.skip("about SQLite alone")
    ended = service.command("worker")
    assert ended.returncode == 1
    assert "SPARK_ASSETS_DATABASE_URL" in ended.stderr


def test_a_newer_schema_than_the_code_is_refused(service: Service, tmp_path: Path) -> None:
    if service.is_fleet:
        pytest.skip("the same code in both sizes")
    assert CliRunner().invoke(app, ["migrate", "--home", str(tmp_path)], env=environment()).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "library.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'm9999', floor = 'm9999'")
    ended = run(["serve", "--home", str(tmp_path), "--port", str(free_port())], environment())
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1), ended.stderr


def test_the_doctor_finds_nothing_wrong_beside_a_server_that_works_and_tells_no_secret(service: Service) -> None:
    code, report = service.doctor("--repair")
    assert code == 0, report
    assert {finding["state"] for finding in report["findings"]} == {"ok"}
    assert {"settings", "schema", "database", "storage", "queue", "parser", "codecs", "repair", "promises"} <= {
        finding["part"] for finding in report["findings"]
    }
    assert report["settings"]["SPARK_ASSETS_SOURCE_ALLOW"] == "127.0.0.0/8"
    assert SECRET.partition(":")[2] not in json.dumps(report)


def test_the_doctor_finds_stored_bytes_that_are_missing(
    service: Service, client: SparkClient, group: str, shelf: Shelf, media: Path
) -> None:
    if service.is_fleet:
        pytest.skip("the same code in both sizes")
    content = make_jpeg(media / "lost.jpg", 310, 320).read_bytes()
    asset = client.get_v1_asset(client.create_asset(group, shelf.put("/lost.jpg", content)))
    (blob,) = (
        path for path in (service.home / "blobs").rglob(f"{asset['sha256']}*") if path.is_file() and path.stat().st_size == asset["size"]
    )
    aside = service.home / "aside"
    blob.rename(aside)
    try:
        code, report = service.doctor("--verify")
        assert code == 1
        (found,) = (finding["message"] for finding in report["findings"] if finding["part"] == "promises")
        assert found.startswith(
            f"1 x bytes on record that are not stored (originals/{asset['sha256'][:2]}/{asset['sha256']}); put the file back"
        )
        lost = send("GET", asset["url"])
        assert (lost.status, lost.code) == (500, "InternalError")
    finally:
        aside.rename(blob)
    assert send("GET", asset["url"]).body == content


@contextmanager
def _store_away(service: Service, s3: S3Server | None) -> Iterator[None]:
    if s3 is not None:
        s3.stop()
        try:
            yield
        finally:
            s3.start()
        return
    blobs, aside = service.home / "blobs", service.home / "blobs-aside"
    blobs.rename(aside)
    try:
        yield
    finally:
        aside.rename(blobs)


def _wait_for(client: SparkClient, path: str, status: int) -> bytes:
    deadline = time.monotonic() + 20
    while (answer := client.request("GET", path)).status != status:
        assert time.monotonic() < deadline, answer.body
        time.sleep(0.1)
    return answer.body


def test_a_store_that_goes_away_is_reported_and_all_recovers_when_it_is_back(
    service: Service, client: SparkClient, group: str, shelf: Shelf, media: Path, request: pytest.FixtureRequest
) -> None:
    s3 = request.getfixturevalue("s3_server") if service.is_fleet else None
    url = shelf.put("/away.jpg", make_jpeg(media / "away.jpg", 320, 310))
    known = client.create_asset(group, url)
    with _store_away(service, s3):
        trouble = json.loads(_wait_for(client, "/readyz", 503))
        assert trouble["status"] == "unavailable"
        assert trouble["troubles"].keys() == {"storage"}
        assert str(service.home) not in json.dumps(trouble)
        assert client.request("GET", "/healthz").status == 200
        assert client.get_v1_asset(known)["status"] == "Active"
        task = client.submit_asset(group, shelf.put("/meanwhile.jpg", make_jpeg(media / "meanwhile.jpg", 330, 340)))
        waiting = client.poll(task)
        assert waiting["status"] == "in_progress"
    assert json.loads(_wait_for(client, "/readyz", 200)) == {"status": "ready"}
    assert client.completed(task)["status"] == "completed"


def test_liveness_and_readiness_answer_without_a_key(service: Service) -> None:
    for path, body in (("/healthz", {"status": "ok"}), ("/readyz", {"status": "ready"})):
        answer = send("GET", service.base_url + path)
        assert (answer.status, answer.json()) == (200, body)
        head = send("HEAD", service.base_url + path)
        assert (head.status, head.body) == (200, b"")


def test_what_a_source_address_hides_is_neither_logged_nor_kept_in_clear(
    service: Service, client: SparkClient, group: str, shelf: Shelf
) -> None:
    token = "verysecrettoken" + str(time.time_ns())
    path = f"/private-{token[-9:]}"
    url = shelf.put(path, b"no picture at all, but long enough to be looked at")
    task = client.ended(client.submit_asset(group, f"{url}?token={token}"))
    assert task["status"] == "failed"
    assert token not in json.dumps(task)
    assert shelf.origin.count(path) == 1
    for process in service.processes:
        assert token not in process.log
        for file in process.home.rglob("*"):
            assert not file.is_file() or token.encode() not in file.read_bytes(), file


def test_every_line_of_the_log_is_json_but_those_that_say_where_it_is_and_that_it_is_ready(service: Service) -> None:
    for process in service.processes:
        for line in process.log.splitlines():
            assert line.startswith(("console ", "ready ")) or json.loads(line)["event"], line
