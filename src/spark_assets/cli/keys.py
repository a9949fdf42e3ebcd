"""`spark-assets keys`: API keys."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from spark_assets.cli.drawing import moment
from spark_assets.cli.output import USAGE, fail
from spark_assets.cli.session import Place, Session, over_http_or_at_home
from spark_assets.cli.wanted_key import WantedKey
from spark_assets.domain.api_key import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_assets.client.synchronous.administration import AccessKeys, Keys
    from spark_assets.wire.keys import KeyBody, NewAccessKeyBody, NewKeyBody

app = typer.Typer(
    no_args_is_help=True,
    help="API keys: create, list, rotate, revoke.",
    epilog="Example: spark-assets keys create --name laptop --expires 90d",
)

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LONGEST_EXPIRY: Final = 36_525 * 86_400
"""Seconds: a hundred years. Without an end there would be dates that cannot be written."""

Name = Annotated[str, typer.Option(help="What the key is for.", show_default=False)]
Projects = Annotated[
    list[str] | None, typer.Option("--project", help="A project it may use; may be repeated; all without this.", show_default=False)
]
Scopes = Annotated[
    list[Scope] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help=f"What it may do; may be repeated; reading and writing assets without this. Of: {', '.join(scope.value for scope in Scope)}.",
    ),
]
Expires = Annotated[str | None, typer.Option(help="When it ends: 90d, 12h, 30m.", show_default=False)]
Grace = Annotated[str | None, typer.Option(help="How long the old one still works: 30m, 24h, 7d.", show_default=False)]
KeyId = Annotated[str, typer.Argument(help="The key's ID, from 'keys list'.", show_default=False)]
COLUMNS: Final = {
    "ID": lambda key: key.id, "Name": lambda key: key.name, "Key": lambda key: key.hint, "Scopes": lambda key: ", ".join(key.scopes),
    "Projects": lambda key: _projects(key.projects), "Expires": lambda key: moment(key.expires_at),
    "Last used": lambda key: moment(key.last_used_at), "State": lambda key: _state(key),
}  # fmt: skip


@app.command()
@over_http_or_at_home
def create(place: Place, name: Name, project: Projects = None, scope: Scopes = None, expires: Expires = None) -> None:
    """Make a key; it is shown this once, with --quiet behind its ID.

    Example: spark-assets keys create --name laptop --expires 90d
    """
    wanted = WantedKey(name, scope or (), project or (), read_expiry(expires))
    if isinstance(place, Session):
        show_new(place, ask_for_key(place.client.keys, wanted))
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.api_keys import API_KEYS

    show_new(place, home_keys.create_key(place, API_KEYS, wanted))


@app.command("list")
@over_http_or_at_home
def list_keys(place: Place) -> None:
    """Show all keys, masked.

    Example: spark-assets keys list --json
    """
    if isinstance(place, Session):
        place.show_all(place.client.keys.list(), COLUMNS)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.api_keys import API_KEYS

    place.show_all(home_keys.all_keys(place, API_KEYS), COLUMNS)


@app.command()
@over_http_or_at_home
def rotate(place: Place, key_id: KeyId, grace: Grace = None) -> None:
    """Replace a key by a new one, which is shown this once.

    Example: spark-assets keys rotate key-2bcdfg... --grace 24h
    """
    seconds = read_grace(grace)
    if isinstance(place, Session):
        show_new(place, place.client.keys.rotate(key_id, grace_seconds=seconds))
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.api_keys import API_KEYS

    show_new(place, home_keys.rotate_key(place, API_KEYS, key_id, seconds))


@app.command()
@over_http_or_at_home
def revoke(place: Place, key_id: KeyId) -> None:
    """End a key; every server refuses it within a second.

    Example: spark-assets keys revoke key-2bcdfg...
    """
    if isinstance(place, Session):
        place.client.keys.revoke(key_id)
    else:
        from spark_assets.cli import home_keys
        from spark_assets.operations.api_keys import API_KEYS

        home_keys.revoke_key(place, API_KEYS, key_id)
    place.done(f"{key_id} has ended.", key_id)


def ask_for_key(keys: "Keys | AccessKeys", wanted: WantedKey) -> "NewKeyBody | NewAccessKeyBody":
    """Have a server make a key of either kind."""
    scopes, expires_at = [scope.value for scope in wanted.scopes], None if wanted.seconds is None else _after(wanted.seconds)
    return keys.create(wanted.name, scopes=scopes, projects=wanted.projects, expires_at=expires_at)


def show_new(place: Place, made: "NewKeyBody | NewAccessKeyBody") -> None:
    """A key of either kind, with the secret that is shown this once."""
    from spark_assets.wire.keys import NewKeyBody

    if isinstance(made, NewKeyBody):
        place.show_secret(made, made.key, made.key)
    else:
        place.show_secret(made, made.secret, f"{made.id} {made.secret}")


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


def _after(seconds: int) -> str:
    return datetime.fromtimestamp(int(datetime.now(UTC).timestamp()) + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _projects(names: "Sequence[str] | None") -> str:
    return "all" if names is None else ", ".join(names)


def _state(key: "KeyBody") -> str:
    if key.revoked_at is not None:
        return "revoked"
    is_over = key.expires_at is not None and datetime.fromisoformat(key.expires_at) <= datetime.now(UTC)
    return "expired" if is_over else "valid"
