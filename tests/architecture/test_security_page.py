"""The page of promises is complete: each has tests, and each of these exists."""

import ast
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/security.md"
PROMISED = {
    "Sources": (
        "Only `http` and `https`",
        "ASCII form once",
        "address that the socket connects to",
        "Default deny",
        "However an address is written",
        "metadata addresses",
        "refused whole",
        "Our own listening addresses",
        "At most five redirects",
        "no cookies, no credentials, no proxy",
        "sealed while needed, then dropped",
        "look alike and take alike",
        "Webhooks and callbacks",
    ),
    "Transfers": (
        "One deadline",
        "least rate",
        "Declared and received lengths",
        "at most four times",
        "never lends its answer",
        "spool file is removed",
        "Sixteen hostile transfers",
        "slow host",
    ),
    "Media": (
        "only in a child",
        "`no_new_privs`",
        "Nothing but the file itself",
        "captured child",
        "recycled",
        "sniffed format",
        "before anything is decoded",
        "never taken for whole",
        "cover picture",
        "no metadata",
        "harmless to a browser",
        "sixteen at once",
    ),
    "Isolation and abuse": (
        "Another project's IDs",
        "Keys are shown once",
        "signed link",
        "console's session",
        "Limits hold",
        "waits longer",
        "Before anybody is known",
        "not learnt from timing",
        "4xx",
        "trusted proxies alone",
        "move to a new key",
        "no right of root's",
        "two ways",
        "every script",
        "stands in a log",
        "Metrics are shown to keys for them alone",
    ),
    "Durability": (
        "1. ",
        "2. ",
        "3. ",
        "4. ",
        "5. ",
        "6. ",
        "7. ",
        "synced",
        "SIGKILL at any point",
        "SIGKILL in the middle of an import",
        "comes over from either engine",
        "erased again after a restore",
        "a backup that dies",
        "SIGTERM",
        "wakes after its lease",
        "delivered twice",
        "parser child",
        "nobody knows whether",
        "full disk",
        "descriptors",
        "clock",
        "stands still",
        "lost lock",
        "PostgreSQL gone",
        "object store gone",
        "SQLite locked",
        "two servers",
        "503",
    ),
}
"""A few words of every promise that is made, by class: the page has exactly one line with each."""
CLASSES = frozenset(PROMISED)
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`( \(chaos\))?")


def promises() -> dict[str, list[tuple[str, str]]]:
    """The lines of the tables under each heading: what is promised, and what holds it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        rows = [line.strip("| ").rsplit(" | ", 1) for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
        found[title] = [(row[0], row[1]) for row in rows if len(row) == 2 and row[1] != "held by"]
    return found


def test_every_promise_has_its_line() -> None:
    found = promises()
    assert found.keys() >= CLASSES
    for title in CLASSES:
        assert {words: sum(words in promise for promise, _ in found[title]) for words in PROMISED[title]} == dict.fromkeys(
            PROMISED[title], 1
        )
        assert len(found[title]) == len(PROMISED[title]), "a promise without words here could be dropped unseen"


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
