"""The commands that work on a home: what they print, where, and how they end."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from spark_assets import __version__
from spark_assets.cli.drawing import moment
from spark_assets.cli.main import app
from spark_assets.db import schema
from spark_assets.domain.api_key import is_well_formed
from tests.factories.databases import write_sqlite_file

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose schema is current already."""
    home = tmp_path / "home"
    home.mkdir()
    write_sqlite_file(home / "library.db")
    return home


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on that home, and hold it to its exit code."""
    for name in list(os.environ):
        if name.startswith("SPARK_ASSETS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SPARK_ASSETS_HOME", str(home))
    runner = CliRunner()

    def run(*arguments: str, code: int = 0) -> Result:
        result = runner.invoke(app, arguments)
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result

    return run


def _only(result: Result) -> Any:
    """The one JSON document on stdout; nothing else is there."""
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_a_key_is_made_and_shown_once(run: Run) -> None:
    made = _only(run("keys", "create", "--name", "laptop", "--json"))
    assert is_well_formed(made["key"])
    assert (made["name"], made["scopes"], made["projects"]) == ("laptop", ["assets:read", "assets:write"], None)
    assert (made["expires_at"], made["revoked_at"], made["last_used_at"]) == (None, None, None)
    listed = run("keys", "list", "--json")
    assert made["key"] not in listed.stdout
    (found,) = _only(listed)
    assert (found["id"], found["name"], found["created_at"]) == (made["id"], "laptop", made["created_at"])


def test_without_json_a_key_is_printed_alone(run: Run) -> None:
    assert is_well_formed(run("keys", "create", "--name", "laptop").stdout.strip())


def test_a_key_may_be_limited_in_what_where_and_how_long(run: Run) -> None:
    run("projects", "create", "film")
    limits = ["--project", "film", "--project", "default", "--scope", "assets:read", "--scope", "metrics", "--expires", "90d"]
    made = _only(run("keys", "create", "--name", "ci", *limits, "--json"))
    assert made["scopes"] == ["assets:read", "metrics"]
    assert made["projects"] == ["default", "film"]
    assert made["expires_at"] > made["created_at"]


@pytest.mark.parametrize("expires", ["", "0d", "-1d", "90", "d", "1y", "1.5h", "9999999d", "1 d", "36526d", "999999w"])
def test_an_expiry_that_is_not_understood_is_a_usage_error(run: Run, expires: str) -> None:
    refused = run("keys", "create", "--name", "x", f"--expires={expires}", code=2)
    assert refused.stdout == ""
    assert "--expires" in refused.stderr


def test_the_longest_expiry_that_can_be_written_is_a_date(run: Run) -> None:
    made = _only(run("keys", "create", "--name", "x", "--expires", "36525d", "--json"))
    assert moment(made["expires_at"]) in run("keys", "list").stdout


def test_an_access_key_is_printed_with_its_secret_once_and_masked_from_then_on(run: Run) -> None:
    key_id, secret = run("access-keys", "create", "--name", "sdk", "--expires", "90d").stdout.split()
    listed = run("access-keys", "list", "--json")
    (found,) = _only(listed)
    assert (found["id"], found["hint"], found["revoked_at"], found["last_used_at"]) == (key_id, f"{secret[:4]}…", None, None)
    assert found["expires_at"] > found["created_at"]
    table = run("access-keys", "list").stdout
    assert all(shown in table for shown in (key_id, "Secret", found["hint"], moment(found["expires_at"]), "valid"))
    assert secret not in listed.stdout + table


@pytest.mark.parametrize(("kind", "secret"), [("keys", "key"), ("access-keys", "secret")])
def test_a_key_of_either_kind_is_rotated(run: Run, kind: str, secret: str) -> None:
    old = _only(run(kind, "create", "--name", "laptop", "--scope", "assets:read", "--json"))
    new = _only(run(kind, "rotate", old["id"], "--grace", "24h", "--json"))
    assert (new["name"], new["scopes"], new["expires_at"]) == ("laptop", ["assets:read"], None)
    assert not {new["id"], new[secret]} & {old["id"], old[secret]}
    run(kind, "rotate", new["id"])
    found = {key["id"]: key for key in _only(run(kind, "list", "--json"))}
    assert (found[old["id"]]["revoked_at"], found[old["id"]]["expires_at"] is None) == (None, False)
    assert found[new["id"]]["revoked_at"] is not None
    assert "cannot be rotated" in run(kind, "rotate", new["id"], code=1).stderr
    assert "none" in run(kind, "rotate", "none", code=3).stderr
    assert "7d" in run(kind, "rotate", old["id"], "--grace", "8d", code=2).stderr


def test_a_key_is_revoked_once(run: Run) -> None:
    made = _only(run("keys", "create", "--name", "laptop", "--json"))
    revoked = run("keys", "revoke", made["id"])
    assert (revoked.stdout, revoked.stderr) == ("", f"{made['id']} has ended.\n")
    assert "revoked" in run("keys", "list").stdout
    (found,) = _only(run("keys", "list", "--json"))
    assert found["revoked_at"] is not None
    assert "no key" in run("keys", "revoke", made["id"], code=3).stderr


def test_a_table_shows_every_key_and_no_secret(run: Run) -> None:
    secrets = [run("keys", "create", "--name", f"key {number}").stdout.strip() for number in range(3)]
    table = run("keys", "list").stdout
    for number, secret in enumerate(secrets):
        assert f"key {number}" in table
        assert secret[:7] in table
        assert secret not in table


def test_projects_are_made_and_listed(run: Run) -> None:
    made = _only(run("projects", "create", "film", "--json"))
    assert made["name"] == "film"
    assert [project["name"] for project in _only(run("projects", "list", "--json"))] == ["default", "film"]
    assert "film" in run("projects", "list").stdout
    assert run("projects", "create", "clip").stdout.startswith("project-")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["projects", "create", "default"], 1, "already"),
        (["projects", "create", "no such name"], 2, "letters, digits"),
        (["keys", "create", "--name", " "], 2, "1 to 64 printable characters"),
        (["keys", "create", "--name", "x", "--project", "nowhere"], 3, "nowhere"),
        (["keys", "revoke", "key-none"], 3, "key-none"),
        (["keys", "create"], 2, "--name"),
        (["keys", "create", "--name", "x", "--scope", "everything"], 2, "everything"),
        (["keys", "create", "--name", "x", "--shout"], 2, "--shout"),
        (["nothing"], 2, "nothing"),
    ],
)
def test_what_cannot_be_done_says_why_on_stderr_and_ends_with_its_code(run: Run, arguments: list[str], code: int, words: str) -> None:
    refused = run(*arguments, code=code)
    assert refused.stdout == ""
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "http"), ("SIGNING_KEYS", "short"), ("ENCRYPTION_KEYS", "short"), ("WORKERS", "4"), ("LOG_LEVEL", "loud")]
)
def test_a_bad_setting_stops_every_start_with_one_sentence_that_names_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SPARK_ASSETS_{name}", value)
    refused = run("serve", code=1)
    assert refused.stderr.startswith(f"spark-assets: SPARK_ASSETS_{name} ")
    assert len(refused.stderr.splitlines()) == 1


def test_nothing_is_erased_where_nobody_can_be_asked(run: Run) -> None:
    for silent in ([], ["--no-input"]):
        refused = run("erase", "--tag", "night", *silent, code=2)
        assert (refused.stdout, "cannot be undone. Nobody can be asked here: say --yes" in refused.stderr) == ("", True)
    assert run("erase", "--tag", "night", "--dry-run").stdout.startswith("Would erase 0 assets")
    assert run("erase", "--tag", "night", "--yes", "--quiet").stdout == ""


def test_a_worker_of_its_own_is_refused_on_sqlite(run: Run) -> None:
    assert "SPARK_ASSETS_DATABASE_URL" in run("worker", code=1).stderr


def test_a_database_locked_by_another_process_is_worth_another_try(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_assets.db.sqlite.SqliteDatabase.__init__.__kwdefaults__", {"lock_patience": 0.05, "lock_retry": 0.01})
    with closing(sqlite3.connect(home / "library.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "locked by another process" in run("projects", "create", "film", code=7).stderr


def say_schema(home: Path, version: str, floor: str) -> None:
    """Let the database say this of its schema."""
    with closing(sqlite3.connect(home / "library.db", isolation_level=None)) as other:
        other.execute("UPDATE alembic_version SET version_num = ?, floor = ?", (version, floor))


def test_a_newer_schema_is_refused_by_what_is_below_its_floor(run: Run, home: Path) -> None:
    say_schema(home, "9999", "9000")
    for command in (["keys", "list"], ["migrate"], ["doctor"]):
        said = run(*command, code=1).stderr
        assert "9999" in said and "9000" in said and "use a newer version" in said


def test_a_newer_schema_above_its_floor_is_worked_on_but_not_copied_or_judged(run: Run, home: Path, tmp_path: Path) -> None:
    say_schema(home, "9999", schema.HEAD)
    run("keys", "list")
    sentence = f"schema 9999, newer than this version, which knows {schema.HEAD}; its floor is {schema.HEAD}"
    assert sentence in run("migrate").stderr
    found = json.loads(run("doctor", "--json").stdout)["findings"]
    assert next(one["message"] for one in found if one["part"] == "schema").startswith(sentence)
    place = str(tmp_path / "place")
    for command in (["backup", place], ["export", place], ["storage", "copy", str(home / "blobs"), place], ["secrets", "rotate"]):
        assert "does not know all that is in it" in run(*command, code=1).stderr, command
    for option in ("--verify", "--repair"):
        assert "does not know all that is in it" in run("doctor", option, code=1).stderr


def test_migrate_says_what_it_did_and_which_code_may_run(run: Run, home: Path) -> None:
    said = f"schema {schema.HEAD}; its floor is {schema.FIRST_FLOOR}: code that knows {schema.FIRST_FLOOR} or newer may run on it\n"
    assert run("migrate").stderr == f"the schema needed no migration: {said}"
    (home / "library.db").unlink()
    assert run("migrate").stderr == f"the schema is now up to date: {said}"


def test_an_empty_home_is_made_ready_by_the_first_command(tmp_path: Path) -> None:
    """As an operator runs it: the installed command, in a process of its own."""
    command = [str(Path(sys.executable).with_name("spark-assets")), "keys", "create", "--name", "first", "--json", "--home"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_ASSETS_")}
    finished = subprocess.run([*command, str(tmp_path / "new")], env=environment, capture_output=True, text=True, timeout=30, check=True)
    assert is_well_formed(json.loads(finished.stdout)["key"])
    assert finished.stderr == ""
    assert (tmp_path / "new" / "library.db").stat().st_size > 0


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").stdout == f"spark-assets {__version__}\n"
