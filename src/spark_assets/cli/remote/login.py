"""`spark-assets login` and `spark-assets profiles`: servers that this user knows, with a key for each."""

import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from spark_assets.cli.connection import BASE_URL, BaseUrl, Connection, Key, checked_address, read_profiles
from spark_assets.cli.output import NOT_FOUND, USAGE, fail, print_json
from spark_assets.cli.profiles import BadProfiles, Profile, Profiles, profiles_file, save_profiles
from spark_assets.cli.session import AsJson, NoInput, Quiet, asking
from spark_assets.domain.api_key import hint

app = typer.Typer(
    no_args_is_help=True,
    help="Profiles: servers that you know, with a key for each.",
    epilog="Example: spark-assets profiles use work",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The profile.", show_default=False)]


def login(
    base_url: BaseUrl = None,
    key: Key = None,
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help="What the profile is called.")] = "default",
    no_input: NoInput = False,
) -> None:
    """Keep a server's address and an API key, once they are found to work together; later commands use them.

    Where stdin is no terminal, the key is read from it.

    Example: spark-assets login --base-url https://assets.example.com --profile work
    """
    from spark_assets.cli.remote.failures import explained

    address = base_url or os.environ.get("SPARK_ASSETS_BASE_URL") or _asked_address(no_input)
    connection = Connection(checked_address(address), key or os.environ.get("SPARK_ASSETS_KEY") or _asked_key(no_input), "this login")
    with explained(connection):
        _check(connection)
    known = read_profiles()
    known.profiles[profile] = Profile(connection.base_url, connection.key)
    known.current = profile
    _save(known)
    print(f"'{profile}' is {connection.base_url}; kept in {profiles_file()}, and used from now on.", file=sys.stderr)


@app.command("list")
def list_profiles(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show the profiles, their keys masked.

    Example: spark-assets profiles list
    """
    known = read_profiles()
    rows = [(name, name == known.current, one.base_url, hint(one.key)) for name, one in known.profiles.items()]
    if as_json:
        print_json([dict(zip(("name", "current", "base_url", "key"), row, strict=True)) for row in rows])
    elif quiet:
        for row in rows:
            print(row[0])
    elif not rows:
        print("There are none; 'spark-assets login' makes the first.", file=sys.stderr)
    else:
        from spark_assets.cli.drawing import draw_table

        draw_table(("Name", "Current", "Server", "Key"), [(name, "yes" if is_current else "", *rest) for name, is_current, *rest in rows])


@app.command()
def use(name: Name) -> None:
    """Use a profile from now on.

    Example: spark-assets profiles use work
    """
    known = _with(name)
    known.current = name
    _save(known)
    print(f"'{name}' is used from now on: {known.profiles[name].base_url}", file=sys.stderr)


@app.command("rm")
def remove(name: Name) -> None:
    """Forget a profile. Its key goes on working: 'keys revoke' ends one.

    Example: spark-assets profiles rm work
    """
    known = _with(name)
    del known.profiles[name]
    known.current = None if known.current == name else known.current
    _save(known)
    print(f"'{name}' is forgotten.", file=sys.stderr)


def _with(name: str) -> Profiles:
    known = read_profiles()
    if name not in known.profiles:
        fail(f"there is no profile '{name}'; there are: {', '.join(known.profiles) or 'none'}", NOT_FOUND)
    return known


def _save(profiles: Profiles) -> None:
    try:
        save_profiles(profiles)
    except BadProfiles as error:
        fail(str(error), USAGE)


def _asked_address(no_input: bool) -> str:
    if no_input or not sys.stdin.isatty():
        fail("which server? Give --base-url, or set SPARK_ASSETS_BASE_URL", USAGE)
    with asking():
        return str(typer.prompt("Server", default=BASE_URL, err=True))


def _asked_key(no_input: bool) -> str:
    """From the terminal, where it is not shown; elsewhere the first line of stdin."""
    if sys.stdin.isatty():
        if no_input:
            fail("with which key? Give --key, or set SPARK_ASSETS_KEY", USAGE)
        with asking():
            return str(typer.prompt("API key", hide_input=True, err=True)).strip()
    found = sys.stdin.readline().strip()
    if not found:
        fail("with which key? Give --key, set SPARK_ASSETS_KEY, or send it on stdin", USAGE)
    return found


def _check(connection: Connection) -> None:
    """Ask the server for something that any key may see, if only that it may not. Raises AuthenticationFailed, ConnectionFailed."""
    from spark_assets.client import Client, PermissionDenied

    with Client(connection.base_url, connection.key, attempts=2) as client, suppress(PermissionDenied):
        next(iter(client.projects.list()), None)
