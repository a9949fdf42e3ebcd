"""The commands that move a library, on a home without a server: what they refuse, and with which exit code."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from spark_assets.cli.main import app
from spark_assets.domain import blob_names
from tests.factories.records import sha256_of
from tests.factories.servers import AzureServer, GoogleServer
from tests.factories.spark_processes import environment

Run = Callable[..., Result]
CONTENT = b"stored bytes"
NAME = blob_names.original(sha256_of(CONTENT))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on a home."""
    cleared = {name: None for name in os.environ if name.startswith("SPARK_ASSETS_")}

    def run(*arguments: str, home: str = "home") -> Result:
        variables = environment(home=tmp_path / home, log_level="error")
        return CliRunner().invoke(app, list(arguments), env={**cleared, **variables})

    return run


def printed(finished: Result) -> Any:
    assert finished.exit_code == 0, finished.output
    return json.loads(finished.stdout)


def test_an_export_takes_a_place_of_its_own_and_a_backup_adds_to_one(run: Run, tmp_path: Path) -> None:
    place = str(tmp_path / "place")
    first = printed(run("export", place, "--json"))
    refused = run("export", place)
    assert refused.exit_code == 1
    assert "'backup' adds to one" in refused.stderr
    second = printed(run("backup", place, "--json"))
    found = printed(run("restore", place, "--list", "--json"))
    assert [one["id"] for one in found] == [first["id"], second["id"]]
    several = run("import", place, home="new")
    assert several.exit_code == 2
    assert "'restore' takes one of them" in several.stderr
    table = run("restore", place, "--list").stdout
    assert first["id"] in table and second["taken_at"] in table


def test_a_restore_takes_the_newest_backup_up_to_a_moment(run: Run, tmp_path: Path) -> None:
    place = str(tmp_path / "place")
    first = printed(run("backup", place, "--json"))
    run("projects", "create", "later")
    printed(run("backup", place, "--json"))
    for options, code in (
        (("--at", "2020-01-01"), 3),
        (("--at", "yesterday"), 2),
        (("--backup", "none"), 3),
    ):
        assert run("restore", place, *options, home="new").exit_code == code
    told = printed(run("restore", place, "--at", first["taken_at"], "--json", home="new"))
    assert told["archive"]["id"] == first["id"]
    assert told["findings"] == [{"part": "promises", "state": "ok", "message": "all hold"}]
    assert [project["name"] for project in printed(run("projects", "list", "--json", home="new"))] == ["default"]


def test_a_library_with_other_keys_is_not_filled(run: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "library.tar")
    run("access-keys", "create", "--name", "sdk")
    printed(run("export", file, "--json"))
    refused = run("import", file, home="new")
    assert refused.exit_code == 1
    assert "1 sealed values" in refused.stderr and "ENCRYPTION_KEYS" in refused.stderr
    assert not (tmp_path / "new" / "library.db").exists()
    (tmp_path / "new" / "encryption-keys").write_bytes((tmp_path / "home" / "encryption-keys").read_bytes())
    assert run("import", file, home="new").exit_code == 0
    assert run("export", file).exit_code == 1


@pytest.mark.parametrize("command", ["import", "restore"])
def test_what_holds_no_archive_is_not_found(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").mkdir()
    assert run(command, str(tmp_path / "empty")).exit_code == 3
    assert run(command, str(tmp_path / "missing")).exit_code == 1


def test_a_backup_removes_what_others_left_behind_long_ago(run: Run, tmp_path: Path) -> None:
    parts = [tmp_path / "place" / "backups" / name / "assets-00001.jsonl" for name in ("old", "new")]
    for part in parts:
        part.parent.mkdir(parents=True)
        part.write_text("{}\n")
    os.utime(parts[0], (time.time() - 90_000, time.time() - 90_000))
    printed(run("backup", str(tmp_path / "place"), "--json"))
    assert [part.exists() for part in parts] == [False, True]


def test_a_backup_of_a_library_that_has_lost_bytes_is_made_and_says_so(run: Run, tmp_path: Path) -> None:
    assert run("migrate").exit_code == 0
    import sqlite3

    with sqlite3.connect(tmp_path / "home" / "library.db") as connection:
        sha256 = NAME.rpartition("/")[2]
        connection.execute("INSERT INTO blobs VALUES (?, 5, 'stored', 1)", (sha256,))
        connection.execute("INSERT INTO groups VALUES ('g', 'project-default', 'g', 'g', '', 'AIGC', 1, 1, NULL)")
        columns = "id, project_id, group_id, name, name_folded, type, status, moderation, blob_sha256, size, format, created_at, updated_at"
        values = ("a", "project-default", "g", "a", "a", "Image", "Active", "Default", sha256, 5, "jpeg", 1, 1)
        connection.execute(f"INSERT INTO assets ({columns}) VALUES ({', '.join('?' * 13)})", values)
    connection.close()
    finished = run("backup", str(tmp_path / "place"))
    assert finished.exit_code == 1
    assert "1 blobs are not there: the library itself has lost them" in finished.stderr
    assert len(printed(run("restore", str(tmp_path / "place"), "--list", "--json"))) == 1


def test_erasing_again_stands_alone(run: Run) -> None:
    assert run("erase", "--again", "--asset", "asset-1").exit_code == 2
    assert printed(run("erase", "--again", "--json")) == {"assets": 0, "groups": 0, "bytes_freed": 0}


@pytest.mark.parametrize("kind", ["gs", "az"])
def test_a_store_is_copied_to_google_and_to_azure(run: Run, tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    server: GoogleServer | AzureServer = request.getfixturevalue({"gs": "google_server", "az": "azure_server"}[kind])
    blob = tmp_path / "home" / "blobs" / NAME
    blob.parent.mkdir(parents=True)
    blob.write_bytes(CONTENT)
    options = tmp_path / "options.toml"
    settings = {"endpoint": server.endpoint, **server.credentials}
    options.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    target = f"{kind}://{server.create_bucket()}/library"
    command = ("storage", "copy", str(tmp_path / "home" / "blobs"), target, "--to-options", str(options), "--json")
    assert printed(run(*command))["copied"] == 1
    back = ("storage", "copy", target, str(tmp_path / "back"), "--from-options", str(options))
    assert run(*back).exit_code == 0
    assert (tmp_path / "back" / NAME).read_bytes() == CONTENT


def test_a_copy_of_damaged_bytes_fails_and_names_them(run: Run, tmp_path: Path) -> None:
    blob = tmp_path / "home" / "blobs" / NAME
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"other bytes")
    finished = run("storage", "copy", str(tmp_path / "home" / "blobs"), str(tmp_path / "target"))
    assert finished.exit_code == 1
    assert NAME in finished.stderr
    assert not list((tmp_path / "target").rglob("originals/*/*"))
