"""`spark-assets assets`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from msgspec import UNSET

from spark_assets.cli.answers import plain
from spark_assets.cli.drawing import draw_table, moment, size
from spark_assets.cli.output import FAILURE, NOT_FOUND, USAGE, fail, print_json
from spark_assets.cli.remote import adding, fetching
from spark_assets.cli.remote.grouping import find_group
from spark_assets.cli.remote.sources import read_object
from spark_assets.cli.session import DryRun, InProject, Limit, NoInput, Session, Yes, confirm, over_http
from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.media import AssetType

if TYPE_CHECKING:
    from spark_assets.client import Asset
    from spark_assets.wire.bulk import BulkResult

app = typer.Typer(
    no_args_is_help=True,
    help="Assets: add, upload, list, get, change, move, put into the trash, download.",
    epilog="Example: spark-assets assets upload *.jpg --group photos --create-group",
)
add = app.command()(adding.add)
upload = app.command()(adding.upload)

Ids = Annotated[list[str], typer.Argument(metavar="ID", help="IDs of assets.", show_default=False)]
Id = Annotated[str, typer.Argument(metavar="ID", help="The asset's ID.", show_default=False)]
Statuses = Annotated[
    list[AssetStatus] | None,
    typer.Option(case_sensitive=False, metavar="STATUS", help="Processing, Active or Failed; likewise.", show_default=False),
]
Kinds = Annotated[
    list[AssetType] | None,
    typer.Option("--type", case_sensitive=False, metavar="TYPE", help="Image, Video or Audio; likewise.", show_default=False),
]
COLUMNS: Final = {
    "ID": lambda asset: asset.id, "Name": lambda asset: asset.name, "Type": lambda asset: asset.type,
    "Status": lambda asset: asset.status, "Size": lambda asset: size(asset.size), "Measures": lambda asset: measures(asset),
    "Created": lambda asset: moment(asset.created_at),
}  # fmt: skip


@app.command("list")
@over_http
def list_assets(
    session: Session,
    group: Annotated[list[str] | None, typer.Option(help="In this group (ID or name); may be repeated.", show_default=False)] = None,
    status: Statuses = None,
    kind: Kinds = None,
    name: Annotated[str | None, typer.Option(help="With this in the name, in any case.", show_default=False)] = None,
    tag: Annotated[list[str] | None, typer.Option(help="With all of these tags.", show_default=False)] = None,
    external_id: Annotated[str | None, typer.Option(help="With your own ID.", show_default=False)] = None,
    sha256: Annotated[str | None, typer.Option(help="With these bytes.", show_default=False)] = None,
    created_after: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339.", show_default=False)] = None,
    created_before: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339.", show_default=False)] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="What is in the trash instead.")] = False,
    sort: Annotated[str | None, typer.Option(help="created_at, updated_at or group_id.", show_default=False)] = None,
    order: Annotated[str | None, typer.Option(help="desc or asc.", show_default=False)] = None,
    project: InProject = None,
    limit: Limit = 50,
) -> None:
    """Show the assets of a project, newest first.

    Example: spark-assets assets list --type Image --tag rain --limit 10
    """
    found = session.client.assets.list(
        project=project, group_id=[find_group(session.client, one, project) for one in group or ()],
        status=[one.value for one in status or ()], type=[one.value for one in kind or ()], name=name, tag=tag or (),
        external_id=external_id, sha256=sha256, created_after=created_after, created_before=created_before, deleted=deleted,
        sort=sort, order=order,
    )  # fmt: skip
    session.show_all(found, COLUMNS, limit)


@app.command()
@over_http
def get(session: Session, asset_id: Id) -> None:
    """Show all that is known of an asset, with a link to its bytes.

    Example: spark-assets assets get asset-20261122123357-zbtk7 --json
    """
    session.show(session.client.assets.get(asset_id))


@app.command()
@over_http
def update(
    session: Session,
    asset_id: Id,
    name: Annotated[str | None, typer.Option(help="A new name.", show_default=False)] = None,
    tag: Annotated[list[str] | None, typer.Option(help="The tags it shall have; may be repeated.", show_default=False)] = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all tags away.")] = False,
    external_id: Annotated[str | None, typer.Option(help="Your own ID; empty takes it away.", show_default=False)] = None,
    metadata: Annotated[str | None, typer.Option(metavar="JSON", help="An object; empty takes it away.", show_default=False)] = None,
) -> None:
    """Change what is said of an asset.

    Example: spark-assets assets update asset-20261122123357-zbtk7 --name "full moon" --tag night
    """
    changes: dict[str, Any] = {
        "name": UNSET if name is None else name,
        "tags": None if no_tags else tag or UNSET,
        "external_id": UNSET if external_id is None else external_id or None,
        "metadata": UNSET if metadata is None else read_object(metadata),
    }
    if all(value is UNSET for value in changes.values()):
        fail("say what to change: --name, --tag, --no-tags, --external-id or --metadata", USAGE)
    session.show(session.client.assets.update(asset_id, **changes))


@app.command()
@over_http
def move(
    session: Session,
    ids: Ids,
    group: Annotated[str, typer.Option(help="Where to, by ID or name.", show_default=False)],
    project: InProject = None,
    dry_run: DryRun = False,
) -> None:
    """Put assets into another group.

    Example: spark-assets assets move asset-20261122123357-zbtk7 --group archive
    """
    target = find_group(session.client, group, project)
    tell(session, session.client.assets.bulk("move", list(dict.fromkeys(ids)), group_id=target, dry_run=dry_run), "moved", dry_run)


@app.command("rm")
@over_http
def remove(session: Session, ids: Ids, yes: Yes = False, no_input: NoInput = False, dry_run: DryRun = False) -> None:
    """Put assets into the trash.

    'restore' brings them back for some days.

    Example: spark-assets assets rm asset-20261122123357-zbtk7 asset-20261122123358-qmfv7 --yes
    """
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > 1 and not dry_run:
        confirm(f"This puts {len(wanted)} assets into the trash.", yes=yes, no_input=no_input)
    tell(session, session.client.assets.bulk("delete", wanted, dry_run=dry_run), "in the trash", dry_run)


@app.command()
@over_http
def restore(session: Session, ids: Ids, dry_run: DryRun = False) -> None:
    """Take assets out of the trash.

    Example: spark-assets assets restore asset-20261122123357-zbtk7
    """
    tell(session, session.client.assets.bulk("restore", list(dict.fromkeys(ids)), dry_run=dry_run), "restored", dry_run)


download = app.command()(fetching.download)
open_asset = app.command("open")(fetching.open_asset)


def tell(session: Session, results: "Sequence[BulkResult]", done: str, dry_run: bool) -> None:
    """What became of each; ends the command with 3 if all that failed are unknown, else with 1 if any failed."""
    failed = [result for result in results if result.error is not None]
    if session.as_json:
        print_json(plain(results))
    elif session.quiet:
        for result in results:
            if result.error is None:
                print(result.id)
            else:
                session.say(f"{result.id}: {result.error.message}")
    else:
        word = f"would be {done}" if dry_run else done
        rows = [
            (result.id, word if result.error is None else "failed", *([result.error.message if result.error else ""] if failed else []))
            for result in results
        ]
        draw_table(("ID", "Status", "Why") if failed else ("ID", "Status"), rows)
    if failed:
        code = NOT_FOUND if all(result.error is not None and result.error.code.startswith("NotFound") for result in failed) else FAILURE
        fail(f"{len(failed)} of {len(results)} could not be changed", code)


def measures(asset: "Asset") -> str:
    """Pixels and seconds, as far as an asset has them."""
    pixels = f"{asset.width} x {asset.height}" if asset.width else ""
    return ", ".join(filter(None, (pixels, f"{asset.duration:g} s" if asset.duration else "")))
