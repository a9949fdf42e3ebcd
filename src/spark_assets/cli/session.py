"""Where a command does its work, over HTTP or in the server's home, and the options that such commands have alike."""

import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

import typer

from spark_assets.cli.answers import Answers
from spark_assets.cli.connection import BaseUrl, Connection, Key, ProfileName, Wish, find_connection, find_connection_or_home
from spark_assets.cli.output import FAILURE, INTERRUPTED, USAGE, explained, fail

if TYPE_CHECKING:
    from spark_assets.client import Client
    from spark_assets.ports.unit_of_work import Repositories, UnitOfWork

P = ParamSpec("P")
T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print IDs only.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
NoInput = Annotated[bool, typer.Option("--no-input", help="Never ask: fail where an answer would be needed.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
Home = Annotated[Path | None, typer.Option(help="The server's home folder.", show_default=False)]
InProject = Annotated[str | None, typer.Option("--project", help="The project; the key's own without this.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")]
Options: TypeAlias = Mapping[str, tuple[Any, Any]]
IDS: Final[Options] = {"as_json": (AsJson, False), "quiet": (Quiet, False)}
"""The forms of what has IDs."""
FIGURES: Final[Options] = {"as_json": (AsJson, False)}
"""Those of what has none."""
AS_IT_IS: Final[Options] = {}
"""Those of what is passed on as it came."""
_OVER_HTTP: Final[Options] = {"base_url": (BaseUrl, None), "key": (Key, None), "profile": (ProfileName, None)}
_AT_HOME: Final[Options] = {"home": (Home, None)}


class Session(Answers):
    """A connection to a server for one command."""

    def __init__(self, connection: Connection, *, as_json: bool, quiet: bool) -> None:
        super().__init__(as_json=as_json, quiet=quiet)
        self.connection: Final = connection
        self._client: Client | None = None

    @property
    def client(self) -> "Client":
        """The SDK's client, made when it is first needed."""
        if self._client is None:
            from spark_assets.client import Client

            self._client = Client(self.connection.base_url, self.connection.key)
        return self._client

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()


class AtHome(Answers):
    """The library in the server's home for one command, whether a server runs on it or not."""

    def __init__(self, home: Path | None, *, as_json: bool, quiet: bool) -> None:
        super().__init__(as_json=as_json, quiet=quiet)
        self._home: Final = home

    def change(self, work: "Callable[[UnitOfWork], Awaitable[T]]") -> T:
        """Run one unit of work, and commit it."""
        from spark_assets.cli.local import in_transaction

        return in_transaction(self._home, work)

    def read(self, work: "Callable[[Repositories], Awaitable[T]]") -> T:
        """What single reads find."""
        from spark_assets.cli.local import reading

        return reading(self._home, work)


Place: TypeAlias = Session | AtHome
"""Where a command works that can work in both."""


def over_http(command: Callable[Concatenate[Session, P], None], forms: Options = IDS) -> Callable[..., None]:
    """A command that speaks to a server: it gets a session, and the options of all such commands are read for it."""

    def run(*, base_url: str | None, key: str | None, profile: str | None, **arguments: Any) -> None:
        connection, form = find_connection(Wish(base_url, key, profile)), _form(arguments)
        with _opened(connection, **form) as session:
            command(session, **arguments)  # type: ignore[call-arg]  # what typer read by the signature below

    return _with_options(command, run, {**_OVER_HTTP, **forms})


def over_http_or_at_home(command: Callable[Concatenate[Place, P], None], forms: Options = IDS) -> Callable[..., None]:
    """A command that speaks to a server where one is named, or else works on the library in the home."""

    def run(*, base_url: str | None, key: str | None, profile: str | None, home: Path | None, **arguments: Any) -> None:
        connection, form = find_connection_or_home(Wish(base_url, key, profile), home), _form(arguments)
        if connection is None:
            with explained():
                command(AtHome(home, **form), **arguments)  # type: ignore[call-arg]  # what typer read by the signature below
            return
        with _opened(connection, **form) as session:
            command(session, **arguments)  # type: ignore[call-arg]  # likewise

    return _with_options(command, run, {**_OVER_HTTP, **_AT_HOME, **forms})


def confirm(question: str, *, yes: bool, no_input: bool) -> None:
    """Ask on a terminal, unless told not to; where nobody can be asked, `--yes` is needed. Ends the command without a yes."""
    if yes:
        return
    if no_input or not sys.stdin.isatty():
        fail(f"{question} Nobody can be asked here: say --yes", USAGE)
    with asking():
        if not typer.confirm(question, err=True):
            fail("nothing was changed", FAILURE)


@contextmanager
def asking() -> Iterator[None]:
    """Ends the command, interrupted, if a question is answered by Ctrl+C, or by the end of the input."""
    try:
        yield
    except typer.Abort:
        print(file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _opened(connection: Connection, *, as_json: bool, quiet: bool) -> Iterator[Session]:
    from spark_assets.cli.remote.failures import explained as explained_over_http

    session = Session(connection, as_json=as_json, quiet=quiet)
    with explained_over_http(connection):
        try:
            yield session
        finally:
            session.close()


def _form(arguments: dict[str, Any]) -> dict[str, bool]:
    """The form that is wanted, taken out of the arguments."""
    return {name: bool(arguments.pop(name, False)) for name in IDS}


def _with_options(command: Callable[..., None], run: Callable[..., None], options: Options) -> Callable[..., None]:
    """`run` with the parameters of the command but the first, and then the options, for typer to read."""
    functools.update_wrapper(run, command)
    del run.__dict__["__wrapped__"]  # else the command's own signature would be read
    own = list(inspect.signature(command).parameters.values())[1:]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=usual, annotation=kind) for name, (kind, usual) in options.items()
    ]
    parameters = [*(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own), *added]
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
