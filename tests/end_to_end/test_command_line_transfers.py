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
from tests.factories.slow_line import SlowLine
from tests.factories.spark_processes import PROGRAM, Service, run
from tests.factories.terminals import COLOUR, Answer, on_terminal, user_environment

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
    seen = on_terminal(["assets", "upload", *pictures, "--group", "twenty", "--create-group"], user)
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
    assert (seen.code, "7 added" in seen.shown, "1 files in folders were left out" in seen.shown) == (0, True, True)
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
        env=user, input="\n".join(["# three", "", *urls]), capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    rows = json.loads(finished.stdout)
    assert sorted(row["status"] for row in rows) == ["added", "added", "already_there"]
    assert {row["asset"]["name"] for row in rows} <= {"a one.jpg", "a two.jpg", "b.jpg"}
    unwaited = run(["assets", "add", urls[0], "--group", "stdin", "--no-wait", "--quiet"], user)
    assert run(["tasks", "watch", unwaited.stdout.strip(), "--quiet"], user).returncode == 0


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
        variables = user_environment(tmp_path, base_url=line.base_url, key=own.make_key()["key"])
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
        declined = on_terminal(["groups", "rm", group], user, answers=[Answer("[y/N]", "n")])
        assert (declined.code, "and all its assets into the trash. [y/N]" in " ".join(declined.shown.split())) == (1, True)
        assert on_terminal(["groups", "rm", group, "--no-input"], user).code == 2
        assert client.groups.get(group).deleted_at is None
        assert on_terminal(["groups", "rm", group], user, answers=[Answer("[y/N]", "y")]).code == 0


def test_a_login_asks_and_shows_no_key(service: Service, tmp_path: Path) -> None:
    alone, key = user_environment(tmp_path), service.make_key()["key"]
    seen = on_terminal(["login"], alone, answers=[Answer("8080]:", service.base_url), Answer("API key:", key, is_hidden=True)])
    assert (seen.code, key in seen.shown) == (0, False), seen.shown
    assert run(["groups", "list"], alone).returncode == 0


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
