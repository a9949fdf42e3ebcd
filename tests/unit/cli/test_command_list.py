"""What the commands have alike: they load when they run, and each explains itself."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from spark_assets.cli.commands import SECTIONS, load
from spark_assets.cli.drawing import draw_table
from spark_assets.cli.main import app

HEAVY = {"litestar", "sqlalchemy", "aiohttp", "av", "PIL", "granian", "pgqueuer", "pydantic_settings", "alembic"}
MOST_SECONDS = 0.3
"""Of a processor, for the overview."""
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


def _processor_seconds(argument: str, printed: Path) -> float:
    """What a process of the command line takes of a processor; how long it waits for one does not count."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    command = [sys.executable, "-c", "from spark_assets.cli.main import main; main()", argument]
    output = [(os.POSIX_SPAWN_OPEN, 1, printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    process = os.posix_spawn(sys.executable, command, environment, file_actions=output)
    _, status, usage = os.wait4(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return usage.ru_utime + usage.ru_stime


def test_the_overview_takes_little_of_a_processor(tmp_path: Path) -> None:
    """The best of three: the first one may have to compile files."""
    printed = tmp_path / "overview"
    assert min(_processor_seconds("--help", printed) for _ in range(3)) < MOST_SECONDS
    assert "Usage: " in printed.read_text()


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its words."""
    for entries in SECTIONS.values():
        for name, entry in entries.items():
            loaded = load(name, entry)
            below: dict[str, Any] = getattr(loaded, "commands", {})
            yield from ((f"{name} {one}", command) for one, command in below.items())
            if not below:
                yield name, loaded


def options_of(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


COMMANDS = dict(commands())
PAGES = [*COMMANDS, *dict.fromkeys(words.split()[0] for words in COMMANDS if " " in words)]
FIGURES = {"usage", "projects quota", "doctor", "secrets rotate", "backup", "restore", "export", "import", "storage copy"}
"""Answers without IDs."""
SILENT = {"api", "login", "profiles use", "profiles rm", "completion", "serve", "worker", "migrate", "demo"}
"""What answers nothing of its own, or as another program wants it."""
AT_HOME = {
    "projects create", "projects list", "projects quota", "keys create", "keys list", "keys rotate", "keys revoke", "access-keys create",
    "access-keys list", "access-keys rotate", "access-keys revoke", "usage",
}  # fmt: skip
"""What works in the server's home as well as over HTTP."""
OF_THE_SERVER = {
    "serve", "worker", "migrate", "doctor", "erase", "secrets rotate", "backup", "restore", "export", "import", "storage copy",
}  # fmt: skip
"""What works where the server runs, and nowhere else."""
ON_THIS_COMPUTER = OF_THE_SERVER | {"login", "profiles list", "profiles use", "profiles rm", "completion", "demo"}


@pytest.mark.parametrize("words", PAGES)
def test_the_help_of_every_command_has_an_example(words: str) -> None:
    shown = CliRunner().invoke(app, [*words.split(), "--help"])
    assert shown.exit_code == 0
    text = " ".join(shown.stdout.split())
    assert f"Example: spark-assets {words}" in text or (words == "completion" and "Example: source <(spark-assets" in text)


@pytest.mark.parametrize("words", [words for words in PAGES if words not in COMMANDS])
def test_the_page_of_a_noun_cuts_no_summary(words: str) -> None:
    assert "..." not in CliRunner().invoke(app, [words, "--help"]).stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize("words", COMMANDS)
def test_what_has_ids_is_answered_in_json_or_by_them_and_what_has_none_in_json(words: str) -> None:
    wanted = set() if words in SILENT else {"--json"} if words in FIGURES else {"--json", "--quiet", "-q"}
    assert options_of(COMMANDS[words]) & {"--json", "--quiet", "-q"} == wanted


@pytest.mark.parametrize("words", COMMANDS)
def test_what_asks_can_be_told_not_to_and_can_be_tried(words: str) -> None:
    offered = options_of(COMMANDS[words]) & {"--yes", "-y", "--no-input", "--dry-run"}
    if words.endswith(" rm") and words != "profiles rm":
        assert offered == {"--yes", "-y", "--no-input", "--dry-run"}
    elif "--yes" in offered:
        assert words == "erase"
        assert offered == {"--yes", "-y", "--no-input", "--dry-run"}


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_of_a_client_takes_a_server_and_some_take_a_home(words: str) -> None:
    offered = options_of(COMMANDS[words])
    assert ({"--base-url", "--key", "--profile"} <= offered) == (words not in ON_THIS_COMPUTER or words == "login")
    assert ("--home" in offered) == (words in AT_HOME or words in OF_THE_SERVER)


def test_what_the_contract_names_is_there() -> None:
    nouns = {
        "assets": "add upload list get update move rm restore download open", "tasks": "list get watch cancel retry", "events": "tail",
        "groups": "create list get update rm restore", "projects": "create list get rename rm quota", "keys": "create list rotate revoke",
        "access-keys": "create list rotate revoke", "profiles": "list use rm",
        "webhooks": "create list get update rm rotate test deliveries resend replay",
    }  # fmt: skip
    named = {f"{noun} {verb}" for noun, verbs in nouns.items() for verb in verbs.split()} | {"usage", "api", "login", "completion"}
    assert named <= COMMANDS.keys()


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
