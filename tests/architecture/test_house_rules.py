"""The rules of the house that import-linter and ruff do not hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "spark_assets"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 300
LONGEST_FUNCTION = 50
BANNED = {"utils", "util", "helpers", "helper", "common", "core", "lib", "base", "manager", "services", "service", "misc"}

EDGES = ("web/", "worker/", "cli/")
OWN_TRANSACTIONS = {
    "ingest/activate.py": "the last station is one short transaction",
    "ingest/progress.py": "progress is written beside the ingest",
    "ingest/derive.py": "a rendition is recorded once its bytes are stored",
    "operations/housekeeping.py": "a sweep is many small transactions, so that no request waits for it",
    "operations/repair.py": "a repair is many small transactions, like a sweep",
    "operations/erasure.py": "an erasure is many small transactions, likewise",
    "operations/erasure_record.py": "what was noted is forgotten once it stands in the store",
    "operations/holding.py": "a hold must be seen by the sweeper before anything is copied",
    "operations/deliveries.py": "a replay is many small transactions, likewise",
    "operations/secrets.py": "a rotation is many small transactions, likewise",
    "db/sqlite.py": "it is what commits",
    "db/postgres.py": "it is what commits",
    "db/postgres_moving.py": "an intake is one transaction, which it ends itself",
    "runtime/databases.py": "a migration is a transaction of its own",
}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def functions_in(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_has_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", [path for path in FILES if "migrations" not in path.parts], ids=name_of)
def test_a_function_has_at_most_50_lines(path: Path) -> None:
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions_in(path) if node.end_lineno is not None}
    assert {name: length for name, length in long.items() if length > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_name_says_what_is_inside(path: Path) -> None:
    parts = {part.removesuffix(".py") for part in path.relative_to(SOURCE).parts}
    assert parts & BANNED == set()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_commit_is_called_only_at_the_edges(path: Path) -> None:
    commits = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    name = name_of(path)
    assert not commits or name.startswith(EDGES) or name in OWN_TRANSACTIONS


def test_every_exception_to_the_rule_of_commits_is_still_needed() -> None:
    for name in OWN_TRANSACTIONS:
        text = (SOURCE / name).read_text()
        assert ".commit(" in text or '"COMMIT"' in text, name


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_importing_a_module_only_defines(path: Path) -> None:
    """Statements at the top of a module define names; a call for its effect alone is allowed only where typer collects commands."""
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for node in tree_of(path).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "__name__ == '__main__'"}:
            continue
        if isinstance(node, ast.Expr) and name_of(path) == "cli/main.py" and ast.unparse(node).startswith("app."):
            continue
        if name_of(path) == "db/migrations/env.py":
            continue  # Alembic runs this file; nobody imports it
        assert isinstance(node, allowed), f"line {node.lineno} does something when {name_of(path)} is imported"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_an_ignore_says_why(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if "type: ignore" in line:
            assert "# type: ignore[" in line, f"line {number}: name the code"
            assert "  # " in line.split("# type: ignore[", 1)[1], f"line {number}: say why"


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of one machine, and no address of a package registry, in what is committed."""
    root = SOURCE.parents[1]
    texts = [*FILES, *root.glob("*.md"), *root.glob("*.toml"), *root.glob("*.lock"), *root.glob("docs/**/*.md"), root / "Makefile"]
    for path in texts:
        text = path.read_text()
        for forbidden in ("/work/", "pypi.org", "pythonhosted", "--index-url", "--extra-index-url", "/root/"):
            assert forbidden not in text, f"{path.name} holds {forbidden}"
