"""The page of promises is complete: each has tests, and each of these exists."""

import ast
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/security.md"
CLASSES = {"Sources", "Transfers", "Media", "Isolation and abuse", "Durability"}
"""The classes of promises; each has a table."""
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`( \(chaos\))?")


def promises() -> dict[str, list[tuple[str, str]]]:
    """The lines of the tables under each heading: what is promised, and what holds it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        rows = [line.strip("| ").rsplit(" | ", 1) for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
        found[title] = [(row[0], row[1]) for row in rows if len(row) == 2 and row[1] != "held by"]
    return found


def test_every_class_of_promises_has_its_table() -> None:
    found = promises()
    assert found.keys() >= CLASSES
    assert all(len(found[title]) >= 7 for title in CLASSES)


def test_every_promise_names_a_test_and_nothing_else() -> None:
    for title in CLASSES:
        for promise, holders in promises()[title]:
            assert REFERENCE.search(holders), f"nothing holds: {promise}"
            assert REFERENCE.sub("", holders).strip(", ") == "", f"what holds it is unclear: {promise}: {REFERENCE.sub('', holders)}"


def test_every_test_that_is_named_exists_and_is_long_where_it_says_so() -> None:
    references = REFERENCE.findall(PAGE.read_text())
    assert len(references) >= 80
    wrong = [f"{file}::{name}" for file, name, mark in references if named_in(file).get(name) != bool(mark)]
    assert wrong == []


@lru_cache
def named_in(file: str) -> dict[str, bool]:
    """The tests of a file, and whether each is of the long form."""
    path = ROOT / file
    if not path.exists():
        return {}
    tree = ast.parse(path.read_text())
    is_long = any(
        isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark" and "chaos" in ast.unparse(node.value)
        for node in tree.body
    )
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name: is_long or any("mark.chaos" in ast.unparse(mark) for mark in node.decorator_list) for node in functions}
