"""What commands that speak to a server have alike: the options, the client, the forms of output, and how they end."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec, TypeVar

import typer

from spark_assets.cli.connection import BaseUrl, Connection, Key, ProfileName, Wish, find_connection, find_connection_or_home
from spark_assets.cli.output import USAGE, Named, fail, print_ids, print_json

if TYPE_CHECKING:
    from spark_assets.client import Client

P = ParamSpec("P")


T = TypeVar("T", bound=Named)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print IDs only.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
NoInput = Annotated[bool, typer.Option("--no-input", help="Never ask: fail where an answer would be needed.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
InProject = Annotated[str | None, typer.Option("--project", help="The project; the key's own without this.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")]
_OPTIONS: Final = {"base_url": (BaseUrl, None), "key": (Key, None), "profile": (ProfileName, None)}
_OUTPUT: Final = {"as_json": (AsJson, False), "quiet": (Quiet, False)}


class Session:
    """A connection to a server for one command, and the form in which its answers are wanted."""

    def __init__(self, connection: Connection, *, as_json: bool, quiet: bool) -> None:
        self.connection: Final = connection
        self.as_json: Final = as_json
        self.quiet: Final = quiet
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

    def show(self, body: T) -> None:
        """One thing on stdout: all that is known of it, or its ID."""
        if self.as_json:
            print_json(_plain(body))
        elif self.quiet:
            print(body.id)
        else:
            from spark_assets.cli.remote.drawing import draw_facts

            draw_facts(_plain(body))

    def show_with_secret(self, body: T, secret: str) -> None:
        """Likewise for what is shown this once: where IDs are wanted, the ID and the secret."""
        if self.quiet and not self.as_json:
            print(f"{body.id} {secret}")
        else:
            self.show(body)

    def show_all(self, bodies: Iterable[T], columns: "Mapping[str, Callable[[T], object]]", limit: int = 0) -> None:
        """A list on stdout, and on stderr whether there is more than the limit (0: none)."""
        found, has_more = _first(bodies, limit)
        if self.as_json:
            print_json([_plain(body) for body in found])
        elif self.quiet:
            print_ids(found)
        else:
            from spark_assets.cli.remote.drawing import draw_table

            draw_table(list(columns), [[cell(body) for cell in columns.values()] for body in found])
        if has_more:
            self.say(f"There are more than {limit}; --limit 0 shows all.")

    def done(self, what: str, *ids: str) -> None:
        """Nothing but that it is done: on stderr for people, the IDs for programs."""
        if self.as_json:
            print_json({"ids": list(ids)})
        elif self.quiet:
            for one in ids:
                print(one)
        else:
            self.say(what)

    def say(self, text: str) -> None:
        """A sentence on stderr."""
        print(text, file=sys.stderr)


def over_http(command: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
    """A command that speaks to a server: it gets a session, and the options of all such commands are read for it."""

    def run(*, base_url: str | None, key: str | None, profile: str | None, as_json: bool, quiet: bool, **arguments: Any) -> None:
        connection = find_connection(Wish(base_url, key, profile))
        with _opened(connection, as_json=as_json, quiet=quiet) as session:
            command(session, **arguments)  # type: ignore[call-arg]  # what typer read by the signature below

    return _with_options(command, run, {**_OPTIONS, **_OUTPUT})


def over_http_or_at_home(command: Callable[Concatenate[Session | None, P], None]) -> Callable[..., None]:
    """A command that speaks to a server where one is named, or else works on the library in the home: it gets a session, or None."""

    def run(*, base_url: str | None, key: str | None, profile: str | None, **arguments: Any) -> None:
        connection = find_connection_or_home(Wish(base_url, key, profile), arguments.get("home"))
        if connection is None:
            command(None, **arguments)  # type: ignore[call-arg]  # what typer read by the signature below
            return
        with _opened(connection, as_json=bool(arguments.get("as_json")), quiet=bool(arguments.get("quiet"))) as session:
            command(session, **arguments)  # type: ignore[call-arg]  # likewise

    return _with_options(command, run, _OPTIONS)


def confirm(question: str, *, yes: bool, no_input: bool) -> None:
    """Ask on a terminal, unless told not to; where nobody can be asked, `--yes` is needed. Ends the command without a yes."""
    if yes:
        return
    if no_input or not sys.stdin.isatty():
        fail(f"{question} Nobody can be asked here: say --yes", USAGE)
    typer.confirm(question, abort=True, err=True)


@contextmanager
def _opened(connection: Connection, *, as_json: bool, quiet: bool) -> Iterator[Session]:
    from spark_assets.cli.remote.failures import explained

    session = Session(connection, as_json=as_json, quiet=quiet)
    with explained(connection):
        try:
            yield session
        finally:
            session.close()


def _with_options(command: Callable[..., None], run: Callable[..., None], options: Mapping[str, tuple[Any, Any]]) -> Callable[..., None]:
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


def _plain(body: object) -> Any:
    import msgspec

    return msgspec.to_builtins(body)


def _first(bodies: Iterable[T], limit: int) -> tuple[Sequence[T], bool]:
    found: list[T] = []
    for body in bodies:
        if limit and len(found) == limit:
            return found, True
        found.append(body)
    return found, False
