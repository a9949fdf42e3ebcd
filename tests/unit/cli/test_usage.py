"""`spark-assets usage`: what it prints on a terminal of 80 columns, in a pipe, and as JSON."""

import json
import os
import pty
import sqlite3
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from contextlib import closing
from fcntl import ioctl
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from spark_assets.cli.main import app
from spark_assets.domain.usage import DAY, day_name
from tests.factories.databases import write_sqlite_file
from tests.factories.spark_processes import PROGRAM, environment

Run = Callable[..., Result]
CREATE, GET = "spark_asset_create", "spark_asset_get"
FILM = "project-film"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose schema is current already, and whose project `film` exists."""
    home = tmp_path / "home"
    home.mkdir()
    write_sqlite_file(home / "library.db")
    with closing(sqlite3.connect(home / "library.db")) as connection:
        connection.execute("INSERT INTO projects (id, name, created_at) VALUES (?, 'film', 0)", [FILM])
        connection.commit()
    return home


def _use(home: Path, *lines: tuple[str, str, int, int, int]) -> int:
    """Book lines of project, model, cost, discount, and how many days ago; today's number."""
    now = time.time_ns() // 1000
    rows = [
        (f"task-{number}", project, "key", model, cost, discount, now - ago * DAY)
        for number, (project, model, cost, discount, ago) in enumerate(lines)
    ]
    with closing(sqlite3.connect(home / "library.db")) as connection:
        connection.executemany("INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    return now // DAY


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on that home, and hold it to its exit code."""
    for name in list(os.environ):
        if name.startswith("SPARK_ASSETS_"):
            monkeypatch.delenv(name)

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["usage", "--home", str(home), *arguments])
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result

    return run


def test_json_holds_the_total_the_models_and_the_days(run: Run, home: Path) -> None:
    default = "project-default"
    today = _use(
        home, (default, CREATE, 18_000, 2_000, 0), (FILM, CREATE, 18_000, 2_000, 2), (default, GET, 1, 0, 0), (FILM, GET, 1, 0, 40)
    )
    printed = run("--json")
    assert len(printed.stdout.splitlines()) == 1
    assert printed.stderr == ""
    assert json.loads(printed.stdout) == {
        "start": day_name(today - 29),
        "end": day_name(today),
        "currency": "USD",
        "total": {"tasks": 3, "cost": "0.036001", "discount": "0.004000"},
        "models": [
            {"model": CREATE, "tasks": 2, "cost": "0.036000", "discount": "0.004000"},
            {"model": GET, "tasks": 1, "cost": "0.000001", "discount": "0.000000"},
        ],
        "days": [
            {"day": day_name(today - 2), "tasks": 1, "cost": "0.018000", "discount": "0.002000"},
            {"day": day_name(today), "tasks": 2, "cost": "0.018001", "discount": "0.002000"},
        ],
    }


def test_a_project_and_a_number_of_days_narrow_it(run: Run, home: Path) -> None:
    _use(home, ("project-default", CREATE, 1, 0, 0), (FILM, CREATE, 10, 0, 0), (FILM, CREATE, 100, 0, 3))
    assert json.loads(run("--json", "--project", "film").stdout)["total"]["cost"] == "0.000110"
    assert json.loads(run("--json", "--project", "film", "--days", "3").stdout)["total"]["cost"] == "0.000010"
    assert json.loads(run("--json", "--days", "1").stdout)["total"]["tasks"] == 2


def test_nothing_used_is_said_in_a_sentence(run: Run) -> None:
    assert "Nothing was used." in run().stdout
    assert json.loads(run("--json").stdout)["total"] == {"tasks": 0, "cost": "0.000000", "discount": "0.000000"}


def test_in_a_pipe_it_is_plain_ascii_without_colour(run: Run, home: Path) -> None:
    today = _use(home, ("project-default", CREATE, 100, 0, 0), ("project-default", CREATE, 50, 0, 2))
    printed = run().stdout
    assert printed.isascii()
    assert "\x1b" not in printed
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert rows[CREATE] == [CREATE, "2", "0.000000", "0.000150"]
    assert rows["all"] == ["all", "2", "0.000000", "0.000150"]
    assert rows[day_name(today)][-1] == "#" * 30
    assert rows[day_name(today - 1)] == [day_name(today - 1), "0", "0.000000"]
    assert rows[day_name(today - 2)][-1] == "#" * 15
    assert day_name(today - 3) not in rows


def test_where_nothing_has_a_price_the_bars_show_tasks(run: Run, home: Path) -> None:
    today = _use(home, ("project-default", GET, 0, 0, 0), ("project-default", GET, 0, 0, 1), ("project-default", GET, 0, 0, 1))
    printed = run().stdout
    assert "Tasks of the day" in printed
    lengths = {line.split()[0]: line.count("#") for line in printed.splitlines() if "#" in line}
    assert lengths == {day_name(today - 1): 30, day_name(today): 15}


@pytest.mark.parametrize(("arguments", "code", "words"), [(["--project", "nowhere"], 3, "nowhere"), (["--days", "0"], 2, "--days")])
def test_what_cannot_be_shown_says_why(run: Run, arguments: list[str], code: int, words: str) -> None:
    refused = run(*arguments, code=code)
    assert refused.stdout == ""
    assert words in refused.stderr


@pytest.mark.parametrize("colour", [True, False])
def test_on_a_terminal_of_80_columns_every_row_keeps_to_its_line(home: Path, colour: bool) -> None:
    _use(home, *[("project-default", "spark_asset_create_group", 10**12, 10**12, ago) for ago in range(5)])
    lines = _on_terminal(home, {} if colour else {"NO_COLOR": "1"})
    assert len(lines) == 12
    assert max(len(line) for line in _without_colour(lines)) <= 80
    assert sum(line.count("█") for line in lines) == 5 * 30
    assert any("\x1b[36m" in line for line in lines) is colour


def _on_terminal(home: Path, variables: dict[str, str]) -> list[str]:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    cleared = {name: value for name, value in environment().items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}}
    settings = {**cleared, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **variables}
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen([str(PROGRAM), "usage", "--home", str(home)], env=settings, stdin=subprocess.DEVNULL, stdout=theirs)
        os.close(theirs)
        printed = b""
        try:
            while part := terminal.read(4096):
                printed += part
        except OSError:  # how Linux tells that the other end of a terminal is closed
            pass
        assert process.wait(30) == 0
    return printed.decode().splitlines()


def _without_colour(lines: list[str]) -> list[str]:
    for code in ("\x1b[1m", "\x1b[0m", "\x1b[36m"):
        lines = [line.replace(code, "") for line in lines]
    return lines
