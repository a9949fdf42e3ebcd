"""`spark-assets projects`: the containers that keep assets and keys apart."""

import time
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from spark_assets.cli.keys import AsJson, Home
from spark_assets.cli.output import explained, fail, print_json, print_table
from spark_assets.domain.project import Project
from spark_assets.wire.times import utc_seconds

if TYPE_CHECKING:
    from spark_assets.ports.unit_of_work import UnitOfWork

app = typer.Typer(no_args_is_help=True, help="Projects: create, list, quota.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Letters, digits, dots, underscores, hyphens.")], home: Home = None, as_json: AsJson = False
) -> None:
    """Make a project. Example: spark-assets projects create film."""
    from spark_assets.cli.local import in_transaction
    from spark_assets.operations import projects

    with explained():
        project = in_transaction(home, lambda uow: projects.create(uow, name, time.time_ns() // 1000))
    if as_json:
        print_json(_described(project))
    else:
        print(project.id)


@app.command("list")
def list_projects(home: Home = None, as_json: AsJson = False) -> None:
    """Show all projects. Example: spark-assets projects list --json."""
    from spark_assets.cli.local import in_transaction

    async def work(uow: "UnitOfWork") -> list[Project]:
        return await uow.projects.all()

    with explained():
        found = in_transaction(home, work)
    if as_json:
        print_json([_described(project) for project in found])
    else:
        print_table(("ID", "Name", "Created"), [(project.id, project.name, utc_seconds(project.created_at)) for project in found])


@app.command()
def quota(
    name: Annotated[str, typer.Argument(help="The project.")],
    assets: Annotated[str | None, typer.Option(help="Assets it may hold, or none.", metavar="N", show_default=False)] = None,
    groups: Annotated[str | None, typer.Option(help="Groups it may hold, or none.", metavar="N", show_default=False)] = None,
    byte_count: Annotated[
        str | None, typer.Option("--bytes", help="Bytes it may hold, or none.", metavar="N|500GB", show_default=False)
    ] = None,
    unlimited: Annotated[bool, typer.Option("--none", help="Take the quota away.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what a project may hold and holds, or set it. Example: spark-assets projects quota film --assets 1000 --bytes 500GB."""
    from spark_assets.cli import quota as work
    from spark_assets.wire.quota import quota_body

    changes = work.read_changes(assets, groups, byte_count)
    if unlimited and changes:
        fail("--none takes the whole quota away; leave the other limits out", work.USAGE)
    with explained():
        if unlimited:
            found, project = work.take_away(home, name)
        else:
            found, project = work.change(home, name, changes) if changes else work.find(home, name)
    if as_json:
        print_json(msgspec.to_builtins(quota_body(found, project)))
    else:
        work.draw(found)


def _described(project: Project) -> dict[str, object]:
    return {"id": project.id, "name": project.name, "created_at": utc_seconds(project.created_at)}
