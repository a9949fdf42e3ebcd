"""`spark-assets` against a running server, each command run in this process: what it prints, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from spark_assets.cli.main import app
from tests.end_to_end.shelf import Shelf, slowly
from tests.factories.media import make_jpeg
from tests.factories.spark_processes import Service
from tests.factories.terminals import user_environment

pytestmark = pytest.mark.parametrize("size", ["embedded"], indirect=True, scope="session")
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def admin_key(service: Service) -> str:
    return str(service.make_key("--scope", "admin")["key"])


@pytest.fixture
def run(service: Service, admin_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command with the server and a key in the environment, and hold it to its exit code."""
    monkeypatch.chdir(tmp_path)
    known = user_environment(tmp_path, base_url=service.base_url, key=admin_key)

    def run(*arguments: str, code: int = 0, stdin: str = "", **variables: str | None) -> Result:
        result = CliRunner().invoke(app, arguments, input=stdin, env={**_cleared(), **known, **variables})
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result

    return run


def _cleared() -> dict[str, str | None]:
    names = ("BASE_URL", "KEY", "PROFILE", "HOME", "DATABASE_URL")
    return {f"SPARK_ASSETS_{name}": None for name in names}


def read(result: Result) -> Any:
    """The one JSON document on stdout."""
    assert len(result.stdout.splitlines()) == 1, result.stdout
    return json.loads(result.stdout)


def test_an_asset_is_added_changed_moved_trashed_restored_and_downloaded(run: Run, media: Path, tmp_path: Path) -> None:
    picture = make_jpeg(media / "line.jpg", 570, 400)
    asset = run("assets", "upload", str(picture), "--group", "line", "--create-group", "--external-id", "mine-1", "-q").stdout.strip()
    assert run("assets", "list", "--external-id", "mine-1", "-q").stdout.split() == [asset]
    assert "--external-id" in run("assets", "upload", str(picture), __file__, "--group", "line", "--external-id", "x", code=2).stderr
    other = run("groups", "create", "other line", "-q").stdout.strip()
    changed = read(run("assets", "update", asset, "--name", "a/b", "--tag", "x", "--metadata", '{"take": 1}', "--json"))
    assert (changed["name"], changed["tags"], changed["metadata"]) == ("a/b", ["x"], {"take": 1})
    assert read(run("assets", "update", asset, "--no-tags", "--metadata", "", "--json"))["metadata"] is None
    assert "would be moved" in run("assets", "move", asset, "--group", "other line", "--dry-run").stdout
    run("assets", "move", asset, "--group", other)
    assert run("assets", "list", "--group", "other line", "-q").stdout.split() == [asset]
    run("assets", "rm", asset)
    assert run("assets", "list", "--group", other, "--deleted", "-q").stdout.split() == [asset]
    run("assets", "restore", asset)
    assert run("assets", "download", asset).stdout.strip() == "a_b.jpg"
    assert (tmp_path / "a_b.jpg").read_bytes() == picture.read_bytes()
    assert "--force" in run("assets", "download", asset, code=1).stderr
    assert "there is no folder" in run("assets", "download", asset, "--output", "nowhere/a.jpg", code=2).stderr
    assert run("assets", "download", asset, "--force", "--output", "deep/er/", "--json").exit_code == 0
    assert run("assets", "download", asset, "--output", "-").stdout_bytes == picture.read_bytes()
    assert run("assets", "open", asset).stdout.startswith("http://127.0.0.1:")
    assert "570" in run("assets", "get", asset).stdout


def test_many_are_trashed_only_with_a_yes(run: Run) -> None:
    refused = run("assets", "rm", "asset-one", "asset-two", code=2)
    assert "--yes" in refused.stderr
    gone = run("assets", "rm", "asset-one", "asset-two", "asset-one", "--yes", "--json", code=3)
    assert [(result["id"], result["status"]) for result in json.loads(gone.stdout)] == [("asset-one", "failed"), ("asset-two", "failed")]
    quiet = run("assets", "restore", "asset-one", "--quiet", code=3)
    assert (quiet.stdout, "asset-one: there is no asset" in quiet.stderr) == ("", True)


def test_a_group_is_made_found_by_name_changed_trashed_and_restored(run: Run) -> None:
    made = read(run("groups", "create", "planets", "--description", "eight", "--json"))
    assert "eight" in run("groups", "get", "planets").stdout
    assert read(run("groups", "update", "planets", "--name", "eight planets", "--description", "", "--json"))["description"] == ""
    assert made["id"] in run("groups", "list", "--name", "eight planets").stdout
    assert "all its assets (0)" in run("groups", "rm", made["id"], "--dry-run").stderr
    run("groups", "rm", "eight planets", code=2)
    run("groups", "rm", "eight planets", "--yes")
    run("groups", "get", "eight planets", code=3)
    assert "in the trash" in run("groups", "restore", "nine planets", code=3).stderr
    assert run("groups", "restore", "eight planets", "-q").stdout.strip() == made["id"]
    assert "There are none." in run("groups", "list", "--name", "nine planets").stderr


def test_a_name_that_two_groups_have_is_no_name(run: Run) -> None:
    ids = [run("groups", "create", "twins", "-q").stdout.strip() for _ in range(2)]
    refused = run("groups", "get", "twins", code=2)
    assert all(one in refused.stderr for one in ids)


def test_projects_keys_and_usage_go_over_http(run: Run, service: Service) -> None:
    project = run("projects", "create", "line-film").stdout.strip()
    assert read(run("projects", "get", "line-film", "--json"))["id"] == project
    run("projects", "rename", "line-film", "line-cinema")
    assert "line-cinema" in run("projects", "list").stdout
    key = read(run("keys", "create", "--name", "robot", "--project", "line-cinema", "--scope", "assets:read", "--expires", "2d", "--json"))
    assert (key["projects"], key["scopes"]) == (["line-cinema"], ["assets:read"])
    newer = run("keys", "rotate", key["id"], "--grace", "1h").stdout.strip()
    run("assets", "list", "--key", newer)
    assert "robot" in run("keys", "list").stdout
    assert run("keys", "revoke", key["id"], "--quiet").stdout.strip() == key["id"]
    made, secret = run("keys", "create", "--name", "quiet", "--quiet").stdout.split()
    assert (made[:4], secret[:3], read(run("keys", "revoke", made, "--json"))) == ("key-", "sk_", {"ids": [made]})
    pair = read(run("access-keys", "create", "--name", "pair", "--expires", "2d", "--json"))
    renewed, secret = run("access-keys", "rotate", pair["id"], "--grace", "1h").stdout.split()
    assert renewed in (table := run("access-keys", "list").stdout)
    assert f"{secret[:4]}…" in table
    assert secret not in table
    assert pair["id"] in run("access-keys", "list", "--quiet").stdout.splitlines()
    assert key["id"] in run("keys", "list", "--quiet").stdout.splitlines()
    assert project in run("projects", "list", "--quiet").stdout.splitlines()
    assert "has ended" in run("access-keys", "revoke", pair["id"]).stderr
    limited = read(run("projects", "quota", "line-cinema", "--assets", "5", "--bytes", "1kB", "--json"))
    assert (limited["project"], limited["limits"]) == ("line-cinema", {"assets": 5, "groups": None, "bytes": 1000})
    assert read(run("projects", "quota", project, "--assets", "none", "--json"))["limits"]["bytes"] == 1000
    assert "1 kB" in run("projects", "quota", "line-cinema").stdout
    assert "1 kB" not in run("projects", "quota", "line-cinema", "--none").stdout
    assert "line-cinema" in run("projects", "rm", "line-cinema", "--dry-run").stderr
    assert read(run("usage", "--days", "1", "--json"))["currency"] == "USD"
    run("projects", "rm", "line-cinema", "--yes")
    run("projects", "get", "line-cinema", code=3)


def test_a_home_that_is_named_is_meant(run: Run, service: Service, tmp_path: Path) -> None:
    assert read(run("projects", "list", "--home", str(tmp_path / "other"), "--json"))[0]["name"] == "default"
    assert (tmp_path / "other" / "library.db").exists()
    home = ("--home", str(tmp_path / "other"))
    for kind in ("keys", "access-keys"):  # what is answered has the same shape at home and over HTTP
        made = read(run(kind, "create", "--name", "alike", "--project", "default", "--json", *home))
        assert made.keys() == read(run(kind, "create", "--name", "alike", "--json")).keys()
        assert made["projects"] == ["default"]
        assert read(run(kind, "list", "--json", *home))[0].keys() == read(run(kind, "list", "--json"))[0].keys()
        assert run(kind, "list", *home).stdout.splitlines()[0].split() == run(kind, "list").stdout.splitlines()[0].split()
    assert read(run("projects", "quota", "default", "--groups", "3", "--json", *home))["limits"]["groups"] == 3
    assert read(run("projects", "quota", "project-default", "--none", "--json", *home))["updated_at"] is None
    for kind in ("projects", "keys", "access-keys"):
        ids = [one["id"] for one in read(run(kind, "list", "--home", str(tmp_path / "other"), "--json"))]
        assert run(kind, "list", "--home", str(tmp_path / "other"), "--quiet").stdout.split() == ids
    mixed = run("keys", "list", "--home", str(tmp_path), "--base-url", service.base_url, code=2)
    assert "one or the other" in mixed.stderr
    rotated = run("keys", "rotate", "key-none", "--home", str(tmp_path / "other"), code=3)
    assert "key-none" in rotated.stderr


def test_a_task_is_listed_watched_retried_and_not_cancelled_twice(run: Run, shelf: Shelf, media: Path) -> None:
    url = shelf.origin.url("/line-missing.jpg")
    failed = read(run("assets", "add", url, "--group", "line tasks", "--create-group", "--json", code=5))[0]
    assert failed["error"]["code"] == "InvalidParameter.DownloadFailed"
    task = failed["task_id"]
    assert task in run("tasks", "list", "--status", "failed", "-q").stdout
    assert read(run("tasks", "get", task, "--json"))["status"] == "failed"
    assert run("tasks", "watch", task, code=5).stderr.startswith("spark-assets: InvalidParameter.DownloadFailed: ")
    again = run("tasks", "retry", task, "--url", shelf.put("/line-there.jpg", make_jpeg(media / "there.jpg", 575, 400)), "-q")
    steps = [json.loads(line) for line in run("tasks", "watch", again.stdout.strip(), "--json").stdout.splitlines()]
    assert steps[-1]["status"] == "completed"
    assert "Conflict" in run("tasks", "cancel", again.stdout.strip(), code=1).stderr


def test_waiting_ends_with_6_when_the_time_is_up_and_names_the_task(run: Run, shelf: Shelf, media: Path) -> None:
    slow = shelf.behave("/line-slow.jpg", slowly(make_jpeg(media / "line-slow.jpg", 580, 400).read_bytes(), 5.0))
    late = run("assets", "add", slow, "--group", "line slow", "--create-group", "--timeout", "1", code=6)
    task = late.stdout.rpartition("task ")[2].split()[0]
    assert "timed out" in late.stdout
    watched = run("tasks", "watch", task, "--timeout", "1", code=6)
    assert (watched.stdout.strip(), "still" in watched.stderr) == (task, True)
    lines = run("tasks", "watch", task, "--timeout", "1", "--json", code=6).stdout.splitlines()
    assert json.loads(lines[-1])["id"] == task
    assert all(isinstance(json.loads(line), dict) for line in lines)
    run("tasks", "watch", task)


def test_events_are_printed_as_they_happened(run: Run, media: Path) -> None:
    run("assets", "upload", str(make_jpeg(media / "event.jpg", 585, 400)), "--group", "line events", "--create-group")
    lines = run("events", "tail", "--after", "0-0", "--count", "2", "--json").stdout.splitlines()
    assert {"id", "type", "timestamp", "data"} == set(json.loads(lines[0]))
    assert run("events", "tail", "--after", json.loads(lines[0])["id"], "-n", "1", "-q").stdout.strip() == json.loads(lines[1])["id"]


def test_webhooks_are_made_tested_looked_through_and_ended(run: Run) -> None:
    made = read(run("webhooks", "create", "http://127.0.0.1:9/hook", "--event", "asset.active", "--json"))
    webhook = made["id"]
    run("webhooks", "test", webhook)
    assert webhook in run("webhooks", "list", "-q").stdout
    delivery = read(run("webhooks", "deliveries", webhook, "--json"))[0]["id"]
    run("webhooks", "resend", webhook, delivery)
    assert read(run("webhooks", "rotate", webhook, "--grace", "60", "--json"))["secret"] != made["secret"]
    assert read(run("webhooks", "update", webhook, "--off", "--json"))["enabled"] is False
    run("webhooks", "update", webhook, "--on")
    assert read(run("webhooks", "replay", webhook, "--since", "2099-01-01T00:00:00Z", "--json")) == {"queued": 0}
    assert "127.0.0.1:9/hook" in run("webhooks", "rm", webhook, "--dry-run").stderr
    run("webhooks", "rm", webhook, code=2)
    run("webhooks", "rm", webhook, "--yes")
    run("webhooks", "get", webhook, code=3)


def test_a_webhooks_secret_is_printed_even_where_ids_are_wanted(run: Run) -> None:
    made, secret = run("webhooks", "create", "http://127.0.0.1:9/quiet", "--quiet").stdout.split()
    again, newer = run("webhooks", "rotate", made, "--quiet").stdout.split()
    assert (again, secret[:6], newer[:6], newer != secret) == (made, "whsec_", "whsec_", True)
    run("webhooks", "rm", made, "--yes")


def test_any_request_can_be_sent_and_none_elsewhere(run: Run) -> None:
    made = json.loads(run("api", "POST", "/v1/groups", "--data", '{"name": "by hand"}').stdout)
    assert json.loads(run("api", "get", f"/v1/groups/{made['id']}").stdout)["name"] == "by hand"
    assert json.loads(run("api", "PATCH", f"/v1/groups/{made['id']}", "-d", "-", stdin='{"name": "雨"}').stdout)["name"] == "雨"
    assert "NotFound" in run("api", "GET", "/v1/nothing", code=3).stderr
    for elsewhere in ("http://127.0.0.1:9/", "//127.0.0.1:9/x"):
        assert "is no path" in run("api", "GET", elsewhere, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["assets", "get", "asset-none"], 3, "NotFound"),
        (["assets", "get", "../groups"], 3, "NotFound"),
        (["assets", "get", ""], 2, "'' is no ID"),
        (["tasks", "get", ".."], 2, "'..' is no ID"),
        (["assets", "move", "asset-none", "--group", "no such group"], 3, "groups list"),
        (["assets", "add", "http://x/y.jpg", "--group", "g", "--type", "Foto"], 2, "--type"),
        (["assets", "upload", "/dev/null", "--group", "g"], 2, "is no file"),
        (["assets", "list", "--limit", "1", "--status", "Odd"], 2, "--status"),
        (["assets", "list", "--limit", "1", "--sort", "odd"], 2, "InvalidParameter"),
        (["assets", "update", "asset-none"], 2, "--name"),
        (["assets", "update", "asset-none", "--metadata", "[1]"], 2, "JSON object"),
        (["assets", "add", "http://x/y.jpg", "--group", "no such group"], 3, "--create-group"),
        (["assets", "add", "-", "--group", "g", "--create-group"], 2, "no address"),
        (["assets", "add", "http://x/y.jpg", "--group", "g", "--dedupe", "--no-wait"], 2, "--no-wait"),
        (["assets", "upload", "/", "--group", "g"], 2, "-r"),
        (["assets", "list", "--key", "sk_wrong"], 4, "with the key of --key"),
        (["assets", "list", "--key", "sk_雨"], 2, "the key holds what no key does"),
        (["assets", "list", "--base-url", "nonsense"], 2, "http://"),
        (["assets", "list", "--base-url", "http://[::1"], 2, "no address of a server"),
        (["assets", "list", "--base-url", "http://127.0.0.1:99999"], 2, "no address of a server"),
        (["assets", "list", "--base-url", "http://127.0.0.1:1"], 7, "no answer from http://127.0.0.1:1"),
        (["assets", "list", "--profile", "nobody"], 2, "'nobody'"),
        (["keys", "rotate", "key-none", "--grace", "8d"], 2, "7d"),
        (["assest"], 2, "'assets'"),
    ],
)
def test_what_cannot_be_done_says_why_on_stderr_and_ends_with_its_code(run: Run, arguments: list[str], code: int, words: str) -> None:
    refused = run(*arguments, code=code)
    assert refused.stdout == ""
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_server_the_three_ways_are_named(run: Run) -> None:
    refused = run("assets", "list", code=2, SPARK_ASSETS_BASE_URL=None, SPARK_ASSETS_KEY=None)
    for way in ("spark-assets login", "--base-url and --key", "SPARK_ASSETS_BASE_URL and SPARK_ASSETS_KEY"):
        assert way in refused.stderr


def test_a_profile_is_kept_privately_used_and_forgotten(run: Run, service: Service, admin_key: str, tmp_path: Path) -> None:
    def alone(*arguments: str, code: int = 0, stdin: str = "") -> Result:
        return run(*arguments, code=code, stdin=stdin, SPARK_ASSETS_BASE_URL=None, SPARK_ASSETS_KEY=None)

    alone("login", "--base-url", service.base_url, stdin="sk_wrong\n", code=4)
    assert json.loads(alone("profiles", "list", "--json").stdout) == []
    assert "spark-assets login" in alone("profiles", "list").stderr
    alone("login", "--base-url", service.base_url, "--profile", "work", stdin=f"{admin_key}\n")
    file = tmp_path / "config" / "spark-assets" / "profiles.json"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    listed = alone("profiles", "list", "--json")
    assert admin_key not in listed.stdout
    assert json.loads(listed.stdout) == [{"name": "work", "current": True, "base_url": service.base_url, "key": f"{admin_key[:7]}…"}]
    alone("groups", "list")
    assert admin_key[:7] in alone("keys", "list").stdout  # a profile goes over HTTP where the home is not named
    assert "is not sent to" in alone("groups", "list", "--profile", "work", "--base-url", "http://127.0.0.1:1", code=2).stderr
    alone("login", "--base-url", service.base_url, "--key", admin_key, "--profile", "second")
    alone("profiles", "use", "work")
    alone("profiles", "rm", "work")
    alone("groups", "list", code=2)
    alone("groups", "list", "--profile", "second")
    alone("profiles", "rm", "work", code=3)
    file.write_text("{")
    assert "profiles.json" in alone("groups", "list", code=2).stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(run: Run, shell: str) -> None:
    assert "spark-assets" in run("completion", shell).stdout
