"""`spark-assets keys`: API keys."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from spark_assets.cli.output import USAGE, explained, fail, print_ids, print_json, print_table
from spark_assets.cli.session import Quiet, Session, over_http_or_at_home
from spark_assets.domain.api_key import DEFAULT_SCOPES, ApiKey, Scope
from spark_assets.domain.usage import MICRO

if TYPE_CHECKING:
    from spark_assets.ports.unit_of_work import UnitOfWork

app = typer.Typer(no_args_is_help=True, help="API keys: create, list, rotate, revoke.")

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LONGEST_EXPIRY: Final = 36_525 * 86_400
"""Seconds: a hundred years. Without an end there would be dates that cannot be written."""

Home = Annotated[Path | None, typer.Option(help="The server's home folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyId = Annotated[str, typer.Argument(help="The key's ID, from 'keys list'.")]


@app.command()
@over_http_or_at_home
def create(
    session: Session | None,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    project: Annotated[list[str] | None, typer.Option(help="A project it may use; all without this.", show_default=False)] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; reading and writing assets without this.")] = None,
    expires: Annotated[str | None, typer.Option(help="When it ends: 90d, 12h, 30m.", show_default=False)] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is shown this once.

    Example: spark-assets keys create --name laptop --expires 90d
    """
    if session is not None:
        from spark_assets.cli.remote.keys import create_key

        create_key(session, name, scope or (), project or (), None if expires is None else _seconds("--expires", expires))
        return
    from spark_assets.cli.local import in_transaction
    from spark_assets.operations import keys

    now = time.time_ns() // 1000
    with explained():
        expires_at = None if expires is None else now + _seconds("--expires", expires) * MICRO

        async def work(uow: "UnitOfWork") -> tuple[ApiKey, str]:
            scopes = frozenset(scope) if scope else DEFAULT_SCOPES
            return await keys.create(uow, name=name, scopes=scopes, projects=project or [], expires_at=expires_at, now=now)

        key, secret = in_transaction(home, work)
    if as_json:
        print_json({"id": key.id, "key": secret, **_described(key)})
    else:
        print(secret)


@app.command("list")
@over_http_or_at_home
def list_keys(session: Session | None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show all keys, masked.

    Example: spark-assets keys list --json
    """
    if session is not None:
        from spark_assets.cli.remote.keys import KEYS

        session.show_all(session.client.keys.list(), KEYS)
        return
    from spark_assets.cli.local import in_transaction

    async def work(uow: "UnitOfWork") -> list[ApiKey]:
        return await uow.keys.all()

    with explained():
        found = in_transaction(home, work)
    if as_json:
        print_json([{"id": key.id, "hint": key.hint, **_described(key)} for key in found])
        return
    if quiet:
        print_ids(found)
        return
    rows = [(key.id, key.name, key.hint, _scopes(key), _when(key.expires_at), _when(key.last_used_at), _state(key)) for key in found]
    print_table(("ID", "Name", "Key", "Scopes", "Expires", "Last used", "State"), rows)


@app.command()
@over_http_or_at_home
def rotate(
    session: Session | None,
    key_id: KeyId,
    grace: Annotated[str | None, typer.Option(help="How long the old one still works: 30m, 24h, 7d.", show_default=False)] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Replace a key by a new one, which is shown this once.

    Example: spark-assets keys rotate key-2bcdfg... --grace 24h
    """
    from spark_assets.domain.key_parameters import LONGEST_GRACE

    seconds = 0 if grace is None else _seconds("--grace", grace)
    if seconds > LONGEST_GRACE:
        fail("--grace takes at most 7d", USAGE)
    if session is not None:
        from spark_assets.cli.remote.keys import rotate_key

        rotate_key(session, key_id, seconds)
        return
    from spark_assets.cli.local import in_transaction
    from spark_assets.operations import keys

    now = time.time_ns() // 1000
    with explained():
        key, secret = in_transaction(home, lambda uow: keys.rotate(uow, key_id, grace=seconds, now=now))
    if as_json:
        print_json({"id": key.id, "key": secret, **_described(key)})
    else:
        print(secret)


@app.command()
@over_http_or_at_home
def revoke(session: Session | None, key_id: KeyId, home: Home = None) -> None:
    """End a key; every server refuses it within a second.

    Example: spark-assets keys revoke key-2bcdfg...
    """
    if session is not None:
        session.client.keys.revoke(key_id)
        return
    from spark_assets.cli.local import in_transaction
    from spark_assets.operations import keys

    now = time.time_ns() // 1000
    with explained():
        in_transaction(home, lambda uow: keys.revoke(uow, key_id, now))


def _seconds(option: str, text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    seconds = 0 if match is None else int(match[1]) * _UNITS[match[2]]
    if not 0 < seconds <= _LONGEST_EXPIRY:
        fail(f"{option} takes a number and a unit, such as 90d, 12h or 30m, of at most a hundred years", USAGE)
    return seconds


def _described(key: ApiKey) -> dict[str, object]:
    return {
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "project_ids": None if key.project_ids is None else sorted(key.project_ids),
        "created_at": _when(key.created_at),
        "expires_at": _when(key.expires_at) or None,
        "revoked_at": _when(key.revoked_at) or None,
        "last_used_at": _when(key.last_used_at) or None,
    }


def _scopes(key: ApiKey) -> str:
    return ", ".join(sorted(scope.value for scope in key.scopes))


def _when(microseconds: int | None) -> str:
    return "" if microseconds is None else datetime.fromtimestamp(microseconds // MICRO, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.is_usable(time.time_ns() // 1000) else "expired"
