"""The installed command with files on their way, in a pipe and on a terminal: bars, tables, exit codes, interruptions."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from spark_assets.client import Client
from tests.end_to_end.conftest import MakeService
from tests.end_to_end.shelf import Shelf
from tests.factories.media import make_jpeg
from tests.factories.origin import Visit, head
from tests.factories.slow_line import SlowLine
from tests.factories.spark_processes import PROGRAM, Service, run
from tests.factories.terminals import COLOUR, CTRL_C, Answer, on_terminal, user_environment

pytestmark = pytest.mark.parametrize("size", ["embedded"], indirect=True, scope="session")
STILL_AFTER = 3_000_000
"""Bytes of a large file that arrive before it is interrupted."""
PATIENCE = 60.0


@pytest.fixture
def user(service: Service, tmp_path: Path) -> dict[str, str]:
    """A user who has the server and a key in the environment."""
    return user_environment(tmp_path, base_url=service.base_url, key=service.make_key()["key"])


@pytest.fixture(scope="module")
def pictures(media: Path) -> list[str]:
    """Twenty pictures, of which one is too small."""
    sizes = [(600 + number, 400) if number != 7 else (200, 200) for number in range(20)]
    return [str(make_jpeg(media / f"twenty-{number:02}.jpg", *size, quality=30)) for number, size in enumerate(sizes)]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A picture of 12 MB that no other test has."""
    path = tmp_path / "large.bmp"
    Image.linear_gradient("L").resize((2000, 2000)).convert("RGB").save(path)
    return path


def test_of_twenty_files_one_that_is_bad_stops_no_other(user: dict[str, str], pictures: list[str]) -> None:
    seen = on_terminal(["assets", "upload", *pictures, "--group", "twenty", "--create-group"], user, columns=250)
    assert seen.code == 5
    assert "━" in seen.shown
    assert "20/20" in seen.shown
    assert COLOUR.search(seen.shown)
    assert "width 200 px is below the minimum" in " ".join(seen.shown.split())
    assert "19 added, 1 failed" in seen.shown
    again = run(["assets", "upload", *pictures[:3], pictures[7], pictures[0], "--group", "twenty", "--dedupe", "--json"], user)
    assert again.returncode == 5
    assert [one["status"] for one in json.loads(again.stdout)] == ["already_there"] * 3 + ["failed"]
    assert "━" not in again.stderr


def test_without_colour_and_in_a_pipe_stdout_carries_ids_alone(user: dict[str, str], pictures: list[str]) -> None:
    arguments = ["assets", "upload", *pictures[:2], "--group", "plain", "--create-group"]
    plain = on_terminal(arguments, {**user, "NO_COLOR": "1"})
    assert (plain.code, COLOUR.search(plain.shown)) == (0, None)
    quiet = on_terminal([*arguments, "--quiet"], user, is_stdout_piped=True)
    assert "━" in quiet.shown
    assert len(quiet.printed.split()) == 2
    assert all(line.startswith("asset-") for line in quiet.printed.splitlines())


def test_odd_names_arrive_and_do_nothing_to_the_terminal(user: dict[str, str], media: Path, tmp_path: Path) -> None:
    folder = tmp_path / "odd" / "deep"
    folder.mkdir(parents=True)
    content = make_jpeg(media / "odd.jpg", 640, 400).read_bytes()
    names = ["雨 夜.jpg", "[bold]x.jpg", "-dash.jpg", "\x1b[31mred\n.jpg", f"{'n' * 200}.jpg", "100%.JPG", os.fsdecode(b"\xff\xfe.jpg")]
    for number, name in enumerate(names):
        (folder / name).write_bytes(content + b"%d" % number)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.jpg").write_bytes(content)
    seen = on_terminal(["assets", "upload", "-r", str(folder.parent), "--group", "odd", "--create-group"], user, columns=80)
    assert (seen.code, "7 added" in seen.shown, "Left out of the folders: 1," in seen.shown) == (0, True, True)
    assert "\x1b[31mred" not in seen.shown
    with Client(user["SPARK_ASSETS_BASE_URL"], user["SPARK_ASSETS_KEY"]) as client:
        [group] = [found for found in client.groups.list(name="odd") if found.name == "odd"]
        kept = {asset.name for asset in client.assets.list(group_id=[group.id])}
    assert {"雨 夜.jpg", "[bold]x.jpg", "-dash.jpg", "100%.JPG"} <= kept


def test_addresses_come_from_stdin_and_known_bytes_are_not_kept_twice(user: dict[str, str], shelf: Shelf, media: Path) -> None:
    content = make_jpeg(media / "stdin.jpg", 650, 400).read_bytes()
    urls = [shelf.put(f"/stdin/{name}", content + name.encode()[:1]) for name in ("a%20one.jpg", "a%20two.jpg", "b.jpg")]
    finished = subprocess.run(
        [str(PROGRAM), "assets", "add", "-", "--group", "stdin", "--create-group", "--dedupe", "--json"],
        env=user, input="\n".join(["# three", "", "  # or none", *urls]), capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    rows = json.loads(finished.stdout)
    assert sorted(row["status"] for row in rows) == ["added", "added", "already_there"]
    assert {row["asset"]["name"] for row in rows} <= {"a one.jpg", "a two.jpg", "b.jpg"}
    unwaited = run(["assets", "add", urls[0], "--group", "stdin", "--no-wait", "--quiet"], user)
    assert run(["tasks", "watch", unwaited.stdout.strip(), "--quiet"], user).returncode == 0


def test_of_newcomers_with_known_bytes_none_is_taken_for_the_one_that_was_there(user: dict[str, str], shelf: Shelf, media: Path) -> None:
    content = make_jpeg(media / "known.jpg", 655, 400).read_bytes()
    urls = [shelf.put(f"/known/{number}.jpg", content) for number in range(6)]
    first = run(["assets", "add", urls[0], "--group", "known", "--create-group", "--quiet"], user).stdout.strip()
    again = run(["assets", "add", *urls, "--group", "known", "--dedupe", "--json"], user)
    assert [(row["status"], row["asset"]["id"]) for row in json.loads(again.stdout)] == [("already_there", first)] * 6
    assert run(["assets", "list", "--group", "known", "--quiet"], user).stdout.split() == [first]
    news = [shelf.put(f"/news/{number}.jpg", content + b"news") for number in range(6)]
    rows = json.loads(run(["assets", "add", *news, "--group", "known", "--dedupe", "--jobs", "6", "--json"], user).stdout)
    assert sorted(row["status"] for row in rows) == ["added"] + ["already_there"] * 5
    assert len({row["asset"]["id"] for row in rows}) == 1


def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing(user: dict[str, str], pictures: list[str], shelf: Shelf) -> None:
    there = run(["assets", "upload", pictures[3], "--group", "dry", "--create-group", "--quiet"], user).stdout.strip()
    files = [pictures[3], pictures[4], "missing.jpg", __file__]
    tried = run(["assets", "upload", *files, "--group", "dry", "--dedupe", "--dry-run", "--json"], user)
    rows = json.loads(tried.stdout)
    assert tried.returncode == 2
    assert [row["status"] for row in rows] == ["already_there", "would_be_added", "failed", "failed"]
    assert rows[0]["asset"]["id"] == there
    added = run(["assets", "add", shelf.origin.url("/x.jpg"), "--group", "not yet", "--create-group", "--dry-run"], user)
    assert (added.returncode, "would be added" in added.stdout) == (0, True)
    assert run(["groups", "get", "not yet"], user).returncode == 3
    assert run(["assets", "list", "--group", "dry", "--quiet"], user).stdout.split() == [there]


def test_of_many_downloads_one_that_fails_stops_no_other_and_none_overwrites_another(
    user: dict[str, str], pictures: list[str], tmp_path: Path
) -> None:
    names = ["--group", "many downloads", "--create-group", "--name", "same.jpg", "--quiet"]
    first, second = (run(["assets", "upload", picture, *names], user).stdout.strip() for picture in pictures[1:3])
    target = tmp_path / "target"
    arguments = ["assets", "download", first, "asset-none", second, first, "--output", str(target)]
    finished = run([*arguments, "--json"], user)
    rows = json.loads(finished.stdout)
    assert finished.returncode == 3
    assert [(row["id"], row["error"] and row["error"]["code"]) for row in rows] == [
        (first, None),
        ("asset-none", "NotFound.asset_id"),
        (second, None),
    ]
    assert Path(rows[0]["path"]).read_bytes() == Path(pictures[1]).read_bytes()
    assert Path(rows[2]["path"]).read_bytes() == Path(pictures[2]).read_bytes()
    assert len(list(target.iterdir())) == 2
    seen = on_terminal(arguments, user)
    assert (seen.code, "is there already: --force" in " ".join(seen.shown.split())) == (1, True)
    forced = run([*arguments, "--force"], user)
    assert (forced.returncode, len(forced.stdout.splitlines()), len(list(target.iterdir()))) == (3, 2, 2)


def test_a_link_is_not_broken_on_a_narrow_terminal(user: dict[str, str], pictures: list[str]) -> None:
    asset = run(["assets", "upload", pictures[5], "--group", "links", "--create-group", "--quiet"], user).stdout.strip()
    shown = on_terminal(["assets", "get", asset], user, columns=40).shown
    link = next(line for line in shown.splitlines() if "http://" in line)
    assert link.split()[-1].count("&signature=") == 1


def test_what_nobody_takes_ends_without_a_traceback(user: dict[str, str]) -> None:
    for arguments in (["--help"], ["groups", "list"], ["groups", "list", "--json"], ["projects", "list", "--home", user["HOME"]]):
        with open("/dev/full", "w") as full:  # noqa: PTH123  # a device is no path to write to
            ended = subprocess.run([str(PROGRAM), *arguments], env=user, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (ended.returncode, "Traceback" in ended.stderr, "No space left" in ended.stderr) == (1, False, True), arguments


def test_addresses_that_were_interrupted_are_named_with_the_tasks_that_go_on(user: dict[str, str], shelf: Shelf, media: Path) -> None:
    opened, let_through = shelf.gate()
    content = make_jpeg(media / "held.jpg", 660, 400).read_bytes()

    async def hold_back(visit: Visit) -> None:
        await visit.send(head(headers={"Content-Length": str(len(content))}), content[:100])
        await opened.wait()
        await visit.send(content[100:])

    url = shelf.behave("/held.jpg", hold_back)
    command = ["assets", "add", url, "--group", "held", "--create-group", "--quiet"]
    seen = on_terminal(command, user, answers=[Answer("fetching", CTRL_C)], is_stdout_piped=True)
    let_through()
    assert (seen.code, seen.printed, "tasks watch" in seen.shown) == (130, "", True)
    task = seen.shown.partition(" goes on\r\n")[0].rpartition(" ")[2]
    assert run(["tasks", "watch", task], user).returncode == 0


def test_what_was_interrupted_goes_on_where_it_was(user: dict[str, str], service: Service, large: Path, tmp_path: Path) -> None:
    remembered = tmp_path / "cache" / "spark-assets" / "uploads"
    with SlowLine(service.base_url, STILL_AFTER) as line:
        command = ["assets", "upload", str(large), "--group", "large", "--create-group", "--json"]
        variables = {**user, "SPARK_ASSETS_BASE_URL": line.base_url}
        process = subprocess.Popen([str(PROGRAM), *command], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert line.stands_still.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert json.loads(printed)[0]["status"] == "interrupted"
        assert "interrupted; the same command goes on" in told
        assert len(list(remembered.iterdir())) == 1
        line.let_go()
        sent = line.sent
        finished = run(command, variables)
        assert (finished.returncode, json.loads(finished.stdout)[0]["status"]) == (0, "added"), finished.stderr
        assert line.sent - sent < large.stat().st_size - STILL_AFTER // 2
        assert list(remembered.iterdir()) == []


def test_a_server_that_is_killed_is_worth_another_try(make_service: MakeService, large: Path, tmp_path: Path) -> None:
    with make_service() as own, SlowLine(own.base_url, STILL_AFTER) as line:
        variables = user_environment(tmp_path, base_url=line.base_url, key=own.make_key()["key"], attempts=3)
        command = ["assets", "upload", str(large), "--group", "killed", "--create-group", "--json"]
        process = subprocess.Popen([str(PROGRAM), *command], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert line.stands_still.wait(PATIENCE)
        own.server.kill()
        line.let_go()
        printed, told = process.communicate(timeout=PATIENCE)
        assert (process.returncode, json.loads(printed)[0]["error"]["code"]) == (7, "ConnectionFailed"), told
        assert "no answer" in told


def test_a_question_is_asked_on_a_terminal_and_not_with_no_input(user: dict[str, str]) -> None:
    with Client(user["SPARK_ASSETS_BASE_URL"], user["SPARK_ASSETS_KEY"]) as client:
        group = client.groups.create("asked for").id
        interrupted = on_terminal(["groups", "rm", group], user, answers=[Answer("[y/N]", CTRL_C)])
        assert (interrupted.code, "Traceback" in interrupted.shown) == (130, False)
        declined = on_terminal(["groups", "rm", group], user, answers=[Answer("[y/N]", "n")])
        assert "nothing was changed" in declined.shown
        assert (declined.code, "and all its assets into the trash. [y/N]" in " ".join(declined.shown.split())) == (1, True)
        assert on_terminal(["groups", "rm", group, "--no-input"], user).code == 2
        assert client.groups.get(group).deleted_at is None
        assert on_terminal(["groups", "rm", group], user, answers=[Answer("[y/N]", "y")]).code == 0


def test_a_login_asks_and_shows_no_key(service: Service, tmp_path: Path) -> None:
    alone, key = user_environment(tmp_path), service.make_key()["key"]
    seen = on_terminal(["login"], alone, answers=[Answer("8080]:", service.base_url), Answer("API key:", key, is_hidden=True)])
    assert (seen.code, key in seen.shown) == (0, False), seen.shown
    assert run(["groups", "list"], alone).returncode == 0
    given_up = on_terminal(["login"], alone, answers=[Answer("8080]:", service.base_url), Answer("API key:", CTRL_C, is_hidden=True)])
    assert (given_up.code, "Traceback" in given_up.shown) == (130, False)


def test_ctrl_c_while_listening_ends_with_130(user: dict[str, str]) -> None:
    process = subprocess.Popen(
        [str(PROGRAM), "events", "tail", "--after", "0-0", "--quiet"],
        env=user, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in told) == (130, False)
