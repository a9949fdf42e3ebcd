"""`spark-assets projects`: the containers that keep assets and keys apart."""

import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from spark_assets.cli.drawing import moment
from spark_assets.cli.output import USAGE, fail
from spark_assets.cli.session import FIGURES, DryRun, NoInput, Place, Session, Yes, confirm, over_http, over_http_or_at_home

if TYPE_CHECKING:
    from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
    from spark_assets.wire.admin import ProjectBody

app = typer.Typer(
    no_args_is_help=True,
    help="Projects: create, list, get, rename, remove, quota.",
    epilog="Example: spark-assets projects create film",
)

Name = Annotated[str, typer.Argument(metavar="PROJECT", help="The project, by ID or name.", show_default=False)]
NewName = Annotated[str, typer.Argument(help="Letters, digits, dots, underscores, hyphens.", show_default=False)]
COLUMNS: Final = {
    "ID": lambda project: project.id, "Name": lambda project: project.name, "Created": lambda project: moment(project.created_at),
}  # fmt: skip


@app.command()
@over_http_or_at_home
def create(place: Place, name: NewName) -> None:
    """Make a project, and print its ID.

    Example: spark-assets projects create film
    """
    made = place.client.projects.create(name) if isinstance(place, Session) else place.change(lambda uow: _create(uow, name))
    place.show_made(made, made.id)


@app.command("list")
@over_http_or_at_home
def list_projects(place: Place) -> None:
    """Show all projects.

    Example: spark-assets projects list --json
    """
    place.show_all(place.client.projects.list() if isinstance(place, Session) else place.read(_all), COLUMNS)


@app.command()
@over_http
def get(session: Session, project: Name) -> None:
    """Show a project, over HTTP.

    Example: spark-assets projects get film
    """
    session.show(session.client.projects.get(project))


@app.command()
@over_http
def rename(session: Session, project: Name, name: NewName) -> None:
    """Give a project another name, over HTTP.

    Example: spark-assets projects rename film cinema
    """
    session.show(session.client.projects.rename(project, name))


@app.command("rm")
@over_http
def remove(session: Session, project: Name, yes: Yes = False, no_input: NoInput = False, dry_run: DryRun = False) -> None:
    """End an empty project, over HTTP.

    Example: spark-assets projects rm film --yes
    """
    found = session.client.projects.get(project)
    if dry_run:
        session.done(f"This would end the project '{found.name}' ({found.id}), if it is empty.", found.id)
        return
    confirm(f"This ends the project '{found.name}' for good.", yes=yes, no_input=no_input)
    session.client.projects.delete(found.id)
    session.done(f"The project '{found.name}' has ended.", found.id)


@app.command()
@partial(over_http_or_at_home, forms=FIGURES)
def quota(
    place: Place,
    name: Name,
    assets: Annotated[str | None, typer.Option(help="Assets it may hold, or none.", metavar="N", show_default=False)] = None,
    groups: Annotated[str | None, typer.Option(help="Groups it may hold, or none.", metavar="N", show_default=False)] = None,
    byte_count: Annotated[
        str | None, typer.Option("--bytes", help="Bytes it may hold, or none.", metavar="N|500GB", show_default=False)
    ] = None,
    unlimited: Annotated[bool, typer.Option("--none", help="Take the quota away.")] = False,
) -> None:
    """Show what a project may hold and holds, or set it.

    Example: spark-assets projects quota film --assets 1000 --bytes 500GB
    """
    from spark_assets.cli import quota as work

    changes = work.read_changes(assets, groups, byte_count)
    if unlimited and changes:
        fail("--none takes the whole quota away; leave the other limits out", USAGE)
    wanted = work.Wish(changes, unlimited=unlimited)
    work.show(place, work.over_http(place, name, wanted) if isinstance(place, Session) else work.at_home(place, name, wanted))


async def _create(uow: "UnitOfWork", name: str) -> "ProjectBody":
    from spark_assets.operations import projects
    from spark_assets.web.admin.bodies import project_body

    return project_body(await projects.create(uow, name, time.time_ns() // 1000))


async def _all(repositories: "Repositories") -> "list[ProjectBody]":
    from spark_assets.web.admin.bodies import project_body

    return [project_body(project) for project in await repositories.projects.all()]
