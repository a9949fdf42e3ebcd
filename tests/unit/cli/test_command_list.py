"""What the commands have alike: they load when they run, and each explains itself."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from spark_assets.cli.commands import SECTIONS, load
from spark_assets.cli.main import app
from spark_assets.cli.remote.drawing import draw_table

HEAVY = {"litestar", "sqlalchemy", "aiohttp", "av", "PIL", "granian", "pgqueuer", "pydantic_settings", "alembic"}
RUN = """
import sys
from spark_assets.cli.main import app
try:
    app(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "kept_out"),
    [
        (["--help"], HEAVY | {"rich", "asyncio", "msgspec", "httpx2", "platformdirs"}),
        (["assets", "upload", __file__, "-g", "g", "--base-url", "http://127.0.0.1:1", "--key", "x"], HEAVY),
        (["keys", "list", "--base-url", "http://127.0.0.1:1", "--key", "x"], HEAVY),
    ],
)
def test_a_command_loads_what_it_needs_and_a_client_no_server(arguments: list[str], kept_out: set[str]) -> None:
    finished = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == (0 if arguments == ["--help"] else 7), finished.stderr
    assert set(finished.stderr.split()) & kept_out == set()


def commands() -> Iterator[list[str]]:
    for entries in SECTIONS.values():
        for name, entry in entries.items():
            below: dict[str, Any] = getattr(load(name, entry), "commands", {})
            yield from ([name, one] for one in below)
            if not below:
                yield [name]


def test_the_help_of_every_command_has_an_example() -> None:
    for command in commands():
        shown = CliRunner().invoke(app, [*command, "--help"])
        assert shown.exit_code == 0, command
        words = " ".join(shown.stdout.split())
        assert "Example: source <(spark-assets" in words or f"Example: spark-assets {' '.join(command)}" in words, command


def test_a_summary_at_the_top_is_given_to_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    for entries in SECTIONS.values():
        assert all(entry.summary.partition(",")[0] in shown for entry in entries.values())
    assert isinstance(app, typer.Typer)


def test_a_shell_is_offered_commands_and_their_options() -> None:
    asked = {"_SPARK_ASSETS_COMPLETE": "complete_bash", "COMP_WORDS": "spark-assets assets up", "COMP_CWORD": "2"}
    offered = CliRunner().invoke(app, [], env=asked, prog_name="spark-assets")
    assert offered.stdout.split() == ["upload", "update"]
    top = CliRunner().invoke(app, [], env={**asked, "COMP_WORDS": "spark-assets acc", "COMP_CWORD": "1"}, prog_name="spark-assets")
    assert top.stdout.split() == ["access-keys"]


@pytest.mark.parametrize(("columns", "shown"), [("120", "Name Size Created"), ("60", "Name Size"), ("50", "Name")])
def test_a_table_leaves_out_what_weighs_less_where_there_is_no_room(
    columns: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    draw_table(("ID", "Name", "Size", "Created"), [("a" * 26, "n" * 40, "1.23 MB", "2026-11-22 19:33:20")])
    titles = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out.splitlines()[0])
    assert titles.split() == ["ID", *shown.split()]
