"""`spark-assets access-keys`: key pairs that sign requests of the action dialect."""

from typing import Annotated, Final

import typer

from spark_assets.cli import keys
from spark_assets.cli.keys import Expires, Grace, Name, Projects, Scopes, ask_for_key, read_expiry, read_grace, show_new
from spark_assets.cli.session import Place, Session, over_http_or_at_home
from spark_assets.cli.wanted_key import WantedKey

app = typer.Typer(
    no_args_is_help=True,
    help="Access keys (AK/SK): create, list, rotate, revoke.",
    epilog="Example: spark-assets access-keys create --name sdk",
)

KeyId = Annotated[str, typer.Argument(help="The key's ID, from 'access-keys list'.", show_default=False)]
COLUMNS: Final = {"Secret" if column == "Key" else column: cell for column, cell in keys.COLUMNS.items()}


@app.command()
@over_http_or_at_home
def create(place: Place, name: Name, project: Projects = None, scope: Scopes = None, expires: Expires = None) -> None:
    """Make an access key; its secret is shown this once, behind its ID.

    Example: spark-assets access-keys create --name sdk --expires 90d --json
    """
    wanted = WantedKey(name, scope or (), project or (), read_expiry(expires))
    if isinstance(place, Session):
        show_new(place, ask_for_key(place.client.access_keys, wanted))
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.access_keys import ACCESS_KEYS

    show_new(place, home_keys.create_key(place, ACCESS_KEYS, wanted))


@app.command("list")
@over_http_or_at_home
def list_access_keys(place: Place) -> None:
    """Show all access keys, their secrets masked.

    Example: spark-assets access-keys list --json
    """
    if isinstance(place, Session):
        place.show_all(place.client.access_keys.list(), COLUMNS)
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.access_keys import ACCESS_KEYS

    place.show_all(home_keys.all_keys(place, ACCESS_KEYS), COLUMNS)


@app.command()
@over_http_or_at_home
def rotate(place: Place, key_id: KeyId, grace: Grace = None) -> None:
    """Replace an access key by a new pair, which is shown this once.

    Example: spark-assets access-keys rotate AK... --grace 24h
    """
    seconds = read_grace(grace)
    if isinstance(place, Session):
        show_new(place, place.client.access_keys.rotate(key_id, grace_seconds=seconds))
        return
    from spark_assets.cli import home_keys
    from spark_assets.operations.access_keys import ACCESS_KEYS

    show_new(place, home_keys.rotate_key(place, ACCESS_KEYS, key_id, seconds))


@app.command()
@over_http_or_at_home
def revoke(place: Place, key_id: KeyId) -> None:
    """End an access key; every server refuses it within a second.

    Example: spark-assets access-keys revoke AK...
    """
    if isinstance(place, Session):
        place.client.access_keys.revoke(key_id)
    else:
        from spark_assets.cli import home_keys
        from spark_assets.operations.access_keys import ACCESS_KEYS

        home_keys.revoke_key(place, ACCESS_KEYS, key_id)
    place.done(f"{key_id} has ended.", key_id)
