"""Dashboard, alerts and runbooks: their queries can be read, ask for what is counted, and lead to pages whose commands exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from spark_assets.cli.commands import SECTIONS, load
from spark_assets.metrics.definitions import COUNTS, LEVELS, MEASURES
from spark_assets.web.app import ROUTES
from tests.factories.proxies import find_program
from tests.factories.watching import ALERTS, DASHBOARD, RULES, SAMPLE, queries

ROOT: Final = Path(__file__).parents[2]
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
VALUES: Final = {
    label.name: set(label.values) for said in (*COUNTS.values(), *MEASURES.values()) for label in said.labels if label.name != "code"
} | {
    "code": {value for said in COUNTS.values() for label in said.labels if label.name == "code" for value in label.values},
    "state": {"in_line", "called"},
    "processes": {"main", "children"},
}
"""Labels of ours, and what they may be."""
GIVEN: Final = {"instance", "job", "le", "version"}
"""Labels that Prometheus gives, and those whose values are not ours to list."""


def _promtool(*arguments: str, folder: Path) -> str:
    command = [find_program("promtool"), *arguments]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_prometheus_reads_every_query_and_finds_nothing_to_say(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": text} for number, text in enumerate(queries())]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(rules)} rules found" in _promtool("check", "rules", "--lint=all", "--lint-fatal", "queries.yaml", folder=tmp_path)
    assert "7 rules found" in _promtool("check", "rules", "--lint=all", "--lint-fatal", str(ALERTS), folder=tmp_path)


def test_prometheus_takes_the_sample_as_it_is(tmp_path: Path) -> None:
    for file in (SAMPLE, ALERTS):
        shutil.copy(file, tmp_path)
    (tmp_path / "metrics-key").write_text("sk_x")
    assert "SUCCESS" in _promtool("check", "config", SAMPLE.name, folder=tmp_path)


def test_each_alert_is_raised_when_it_is_due_and_not_otherwise() -> None:
    tried = yaml.safe_load(ALERTS.with_name("alerts.test.yaml").read_text())
    raised = {one["alertname"] for test in tried["tests"] for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert raised == {rule["alert"] for rule in RULES}
    assert "SUCCESS" in _promtool("test", "rules", "alerts.test.yaml", folder=ALERTS.parent)


@pytest.mark.parametrize("query", queries())
def test_a_query_asks_for_labels_that_there_are(query: str) -> None:
    for label, _, values in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', query):
        assert label in {*VALUES, *GIVEN}
        assert label in GIVEN or set(values.split("|")) <= VALUES[label], query
    for labels in re.findall(r"by \(([^)]*)\)", query):
        assert set(labels.split(", ")) <= {*VALUES, *GIVEN}


def test_the_dashboard_has_no_two_panels_in_one_place() -> None:
    board = json.loads(DASHBOARD.read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["title"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_level_and_count_is_on_the_dashboard() -> None:
    shown = DASHBOARD.read_text()
    assert [name for name in (*COUNTS, *MEASURES, *LEVELS) if f"spark_assets_{name}" not in shown] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_runbook_of_its_name_with_steps(rule: dict[str, Any]) -> None:
    page = ROOT / rule["annotations"]["runbook"]
    text = page.read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    assert [part for part in ("**Who notices**", "## Find the cause", "## Do", "## It is over") if part not in text] == []
    assert f"[{rule['alert']}]({page.name})" in (RUNBOOKS / "README.md").read_text()


@pytest.mark.parametrize("page", [*sorted(RUNBOOKS.glob("*.md")), ROOT / "docs" / "how-to" / "watch-it-run.md"], ids=lambda page: page.stem)
def test_the_commands_and_addresses_of_a_page_exist(page: Path) -> None:
    text = page.read_text()
    for line in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for command in filter(None, (part.partition(" #")[0].strip() for part in line.replace("\\\n", " ").splitlines())):
            if "spark-assets " in command:
                _check_command(command.partition("spark-assets ")[2].partition(" >")[0].split())
    for command in re.findall(r"`spark-assets ([^`]+)`", text):
        _check_command(command.split())
    routes = {route.partition("{")[0].rstrip("/") for route in ROUTES}
    for path in re.findall(r"\$BASE(/[\w/]+)", text):
        assert any(path == route or path.startswith(f"{route}/") for route in routes if route), path
    for setting in re.findall(r"SPARK_ASSETS_[A-Z_]+", text):
        assert f"`{setting}`" in (ROOT / "docs" / "reference" / "settings.md").read_text() or setting == "SPARK_ASSETS_KEY"
    for name in set(re.findall(r"spark_assets_\w+", text)):
        assert name.removeprefix("spark_assets_").startswith((*COUNTS, *MEASURES, *LEVELS, *VALUED)), name


VALUED: Final = (
    "tasks_unfinished", "task_oldest_seconds", "queue_jobs", "deliveries_due", "delivery_oldest_due_seconds", "database_up",
    "resident_memory_bytes", "build_info",
)  # fmt: skip
"""What is looked up at a scrape."""


def _check_command(words: list[str]) -> None:
    """They are a command of ours, with options that it has."""
    name, *rest = words
    entry = next(entries[name] for entries in SECTIONS.values() if name in entries)
    command: Any = load(name, entry)
    while hasattr(command, "commands"):
        assert rest[0] in command.commands
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known
