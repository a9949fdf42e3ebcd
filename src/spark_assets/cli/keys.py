"""`spark-assets keys`: API keys."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from spark_assets.cli.output import USAGE, fail
from spark_assets.cli.session import Quiet, Session, over_http_or_at_home
from spark_assets.domain.api_key import Scope

app = typer.Typer(no_args_is_help=True, help="API keys: create, list, rotate, revoke.")

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LONGEST_EXPIRY: Final = 36_525 * 86_400
"""Seconds: a hundred years. Without an end there would be dates that cannot be written."""

Home = Annotated[Path | None, typer.Option(help="The server's home folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Option(help="What the key is for.")]
Projects = Annotated[list[str] | None, typer.Option(help="A project it may use; all without this.", show_default=False)]
Scopes = Annotated[list[Scope] | None, typer.Option(help="What it may do; reading and writing assets without this.")]
Expires = Annotated[str | None, typer.Option(help="When it ends: 90d, 12h, 30m.", show_default=False)]
Grace = Annotated[str | None, typer.Option(help="How long the old one still works: 30m, 24h, 7d.", show_default=False)]
KeyId = Annotated[str, typer.Argument(help="The key's ID, from 'keys list'.")]


@app.command()
@over_http_or_at_home
def create(
    session: Session | None,
    name: Name,
    project: Projects = None,
    scope: Scopes = None,
    expires: Expires = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is shown this once.

    Example: spark-assets keys create --name laptop --expires 90d
    """
    seconds = read_expiry(expires)
    if session is not None:
        from spark_assets.cli.remote import keys

        keys.create_key(session, session.client.keys, name, scope or (), project or (), seconds)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.api_keys import API_KEYS

    home_keys.create_key(API_KEYS, home, name, scope or (), project or (), seconds, as_json=as_json)


@app.command("list")
@over_http_or_at_home
def list_keys(session: Session | None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show all keys, masked.

    Example: spark-assets keys list --json
    """
    if session is not None:
        from spark_assets.cli.remote import keys

        session.show_all(session.client.keys.list(), keys.KEYS)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.api_keys import API_KEYS

    home_keys.print_keys(API_KEYS, home, as_json=as_json, quiet=quiet)


@app.command()
@over_http_or_at_home
def rotate(session: Session | None, key_id: KeyId, grace: Grace = None, home: Home = None, as_json: AsJson = False) -> None:
    """Replace a key by a new one, which is shown this once.

    Example: spark-assets keys rotate key-2bcdfg... --grace 24h
    """
    seconds = read_grace(grace)
    if session is not None:
        from spark_assets.cli.remote import keys

        keys.rotate_key(session, session.client.keys, key_id, seconds)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.api_keys import API_KEYS

    home_keys.rotate_key(API_KEYS, home, key_id, seconds, as_json=as_json)


@app.command()
@over_http_or_at_home
def revoke(session: Session | None, key_id: KeyId, home: Home = None) -> None:
    """End a key; every server refuses it within a second.

    Example: spark-assets keys revoke key-2bcdfg...
    """
    if session is not None:
        session.client.keys.revoke(key_id)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.api_keys import API_KEYS

    home_keys.revoke_key(API_KEYS, home, key_id)


def read_expiry(text: str | None) -> int | None:
    """The seconds that `--expires` stands for; None for no end. Ends the command where that is not understood."""
    return None if text is None else _seconds("--expires", text)


def read_grace(text: str | None) -> int:
    """The seconds that `--grace` stands for; none without it. Ends the command where that is not understood, or too long."""
    from spark_assets.domain.key_parameters import LONGEST_GRACE

    seconds = 0 if text is None else _seconds("--grace", text)
    if seconds > LONGEST_GRACE:
        fail("--grace takes at most 7d", USAGE)
    return seconds


def _seconds(option: str, text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    seconds = 0 if match is None else int(match[1]) * _UNITS[match[2]]
    if not 0 < seconds <= _LONGEST_EXPIRY:
        fail(f"{option} takes a number and a unit, such as 90d, 12h or 30m, of at most a hundred years", USAGE)
    return seconds
