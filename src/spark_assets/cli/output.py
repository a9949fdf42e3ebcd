"""What commands print: the payload on stdout, everything else on stderr; and how they end."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

import typer

from spark_assets.domain.errors import AuthenticationError, ErrorKind, OperatorError, SparkError

if TYPE_CHECKING:
    from rich.console import Console

FAILURE: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
AUTHENTICATION: Final = 4
RETRYABLE: Final = 7
INTERRUPTED: Final = 130
_PIPE_WIDTH: Final = 10_000
"""Columns where nobody looks: nothing is wrapped or cut for the next program."""


class Named(Protocol):
    """What has an ID."""

    @property
    def id(self) -> str:
        """The ID."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn every expected error into one sentence and the exit code of the command line's contract."""
    try:
        yield
    except OperatorError as error:
        fail(str(error), FAILURE)
    except SparkError as error:
        fail(error.message, _exit_code(error))


def fail(message: str, code: int) -> NoReturn:
    """Say what went wrong and end."""
    print(f"spark-assets: {message}", file=sys.stderr)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, ensure_ascii=False))


def open_console() -> "Console":
    """What draws on stdout: as wide as the terminal, or without an end where there is none. Texts are drawn as they are."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def _exit_code(error: SparkError) -> int:
    if isinstance(error, AuthenticationError):
        return AUTHENTICATION
    if error.kind is ErrorKind.NOT_FOUND:
        return NOT_FOUND
    if error.kind is ErrorKind.INVALID:
        return USAGE
    return RETRYABLE if error.kind is ErrorKind.UNAVAILABLE else FAILURE
