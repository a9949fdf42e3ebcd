"""`spark-assets access-keys`: key pairs that sign requests of the action dialect."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from spark_assets.cli.keys import AsJson, Home
from spark_assets.cli.output import explained, print_ids, print_json, print_table
from spark_assets.cli.session import Quiet, Session, over_http_or_at_home
from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import DEFAULT_SCOPES, Scope
from spark_assets.wire.times import utc_seconds

if TYPE_CHECKING:
    from spark_assets.ports.unit_of_work import UnitOfWork

app = typer.Typer(no_args_is_help=True, help="Access keys (AK/SK): create, list, revoke.")


@app.command()
@over_http_or_at_home
def create(
    session: Session | None,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    project: Annotated[list[str] | None, typer.Option(help="A project it may use; all without this.", show_default=False)] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; reading and writing assets without this.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make an access key; its secret is shown this once.

    Example: spark-assets access-keys create --name sdk --json
    """
    if session is not None:
        from spark_assets.cli.remote.keys import create_access_key

        create_access_key(session, name, scope or (), project or ())
        return
    from spark_assets.cli.local import in_transaction
    from spark_assets.operations import access_keys

    async def work(uow: "UnitOfWork") -> tuple[AccessKey, str]:
        scopes = frozenset(scope) if scope else DEFAULT_SCOPES
        return await access_keys.create(uow, name=name, scopes=scopes, projects=project or [], now=time.time_ns() // 1000)

    with explained():
        key, secret = in_transaction(home, work)
    if as_json:
        print_json({"secret": secret, **_described(key)})
    else:
        print(f"{key.id} {secret}")


@app.command("list")
@over_http_or_at_home
def list_access_keys(session: Session | None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show all access keys, without their secrets.

    Example: spark-assets access-keys list --json
    """
    if session is not None:
        from spark_assets.cli.remote.keys import ACCESS_KEYS

        session.show_all(session.client.access_keys.list(), ACCESS_KEYS)
        return
    from spark_assets.cli.local import in_transaction

    async def work(uow: "UnitOfWork") -> list[AccessKey]:
        return await uow.access_keys.all()

    with explained():
        found = in_transaction(home, work)
    if as_json:
        print_json([_described(key) for key in found])
        return
    if quiet:
        print_ids(found)
        return
    rows = [(key.id, key.name, ", ".join(sorted(scope.value for scope in key.scopes)), _state(key)) for key in found]
    print_table(("ID", "Name", "Scopes", "State"), rows)


@app.command()
@over_http_or_at_home
def revoke(
    session: Session | None, key_id: Annotated[str, typer.Argument(help="The key's ID, from 'access-keys list'.")], home: Home = None
) -> None:
    """End an access key; every server refuses it within a second.

    Example: spark-assets access-keys revoke AK...
    """
    if session is not None:
        session.client.access_keys.revoke(key_id)
        return
    from spark_assets.cli.local import in_transaction
    from spark_assets.operations import access_keys

    with explained():
        in_transaction(home, lambda uow: access_keys.revoke(uow, key_id, time.time_ns() // 1000))


def _described(key: AccessKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "project_ids": None if key.project_ids is None else sorted(key.project_ids),
        "created_at": utc_seconds(key.created_at),
        "revoked_at": None if key.revoked_at is None else utc_seconds(key.revoked_at),
    }


def _state(key: AccessKey) -> str:
    return "valid" if key.revoked_at is None else "revoked"
