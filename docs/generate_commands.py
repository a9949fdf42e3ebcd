"""The page of the command line: what `--help` says of every command."""

from collections.abc import Iterator
from typing import Any, Final

import typer

from spark_assets.cli.commands import SECTIONS, load

WIDTH: Final = 100
HEAD: Final = """# The command line

<!-- Written by docs/generate.py; edit what the commands say of themselves. -->

What `spark-assets COMMAND --help` says. How to use them: [on the command line](../how-to/use-the-command-line.md).

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | failure; also of several that failed for different reasons |
| 2 | usage: the command line, or a parameter in it, is wrong |
| 3 | not found |
| 4 | authentication: the key is missing, unknown, expired or revoked |
| 5 | the task failed |
| 6 | timed out waiting; the task's ID is printed, and it goes on |
| 7 | worth another try: no answer, or the server is overloaded or down |
| 130 | interrupted |
"""


def commands_page() -> str:
    """The page."""
    parts = [HEAD]
    for title, entries in SECTIONS.items():
        parts += [f"## {title}", ""]
        for name, entry in entries.items():
            for path, command in _below(name, load(name, entry)):
                parts += [f"### {path}", "", "```text", _help(path, command), "```", ""]
    return "\n".join(parts)


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The command, or those under it."""
    below: dict[str, Any] = getattr(command, "commands", {})
    if not below:
        yield path, command
    for name, one in below.items():
        yield from _below(f"{path} {name}", one)


def _help(path: str, command: Any) -> str:
    context = typer.Context(command, info_name=f"spark-assets {path}", terminal_width=WIDTH, max_content_width=WIDTH)
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
