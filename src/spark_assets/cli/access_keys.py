"""`spark-assets access-keys`: key pairs that sign requests of the action dialect."""

from typing import Annotated

import typer

from spark_assets.cli.keys import AsJson, Expires, Grace, Home, Name, Projects, Scopes, read_expiry, read_grace
from spark_assets.cli.session import Quiet, Session, over_http_or_at_home

app = typer.Typer(no_args_is_help=True, help="Access keys (AK/SK): create, list, rotate, revoke.")

KeyId = Annotated[str, typer.Argument(help="The key's ID, from 'access-keys list'.")]


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
    """Make an access key; its secret is shown this once.

    Example: spark-assets access-keys create --name sdk --expires 90d --json
    """
    seconds = read_expiry(expires)
    if session is not None:
        from spark_assets.cli.remote import keys

        keys.create_key(session, session.client.access_keys, name, scope or (), project or (), seconds)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.access_keys import ACCESS_KEYS

    home_keys.create_key(ACCESS_KEYS, home, name, scope or (), project or (), seconds, as_json=as_json)


@app.command("list")
@over_http_or_at_home
def list_access_keys(session: Session | None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show all access keys, their secrets masked.

    Example: spark-assets access-keys list --json
    """
    if session is not None:
        from spark_assets.cli.remote import keys

        session.show_all(session.client.access_keys.list(), keys.ACCESS_KEYS)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.access_keys import ACCESS_KEYS

    home_keys.print_keys(ACCESS_KEYS, home, as_json=as_json, quiet=quiet)


@app.command()
@over_http_or_at_home
def rotate(session: Session | None, key_id: KeyId, grace: Grace = None, home: Home = None, as_json: AsJson = False) -> None:
    """Replace an access key by a new one, an ID and a secret, which is shown this once.

    Example: spark-assets access-keys rotate AK... --grace 24h
    """
    seconds = read_grace(grace)
    if session is not None:
        from spark_assets.cli.remote import keys

        keys.rotate_key(session, session.client.access_keys, key_id, seconds)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.access_keys import ACCESS_KEYS

    home_keys.rotate_key(ACCESS_KEYS, home, key_id, seconds, as_json=as_json)


@app.command()
@over_http_or_at_home
def revoke(session: Session | None, key_id: KeyId, home: Home = None) -> None:
    """End an access key; every server refuses it within a second.

    Example: spark-assets access-keys revoke AK...
    """
    if session is not None:
        session.client.access_keys.revoke(key_id)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.access_keys import ACCESS_KEYS

    home_keys.revoke_key(ACCESS_KEYS, home, key_id)
