"""`spark-assets projects`: the containers that keep assets and keys apart."""

import time
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from spark_assets.cli.keys import AsJson, Home
from spark_assets.cli.output import explained, fail, print_ids, print_json, print_table
from spark_assets.cli.session import NoInput, Quiet, Session, Yes, confirm, over_http, over_http_or_at_home
from spark_assets.domain.project import Project
from spark_assets.wire.times import utc_seconds

if TYPE_CHECKING:
    from spark_assets.ports.unit_of_work import UnitOfWork

app = typer.Typer(no_args_is_help=True, help="Projects: create, list, get, rename, remove, quota.")

Name = Annotated[str, typer.Argument(metavar="PROJECT", help="The project, by ID or name.", show_default=False)]
NewName = Annotated[str, typer.Argument(help="Letters, digits, dots, underscores, hyphens.")]
COLUMNS: Final = {
    "ID": lambda project: project.id, "Name": lambda project: project.name, "Created": lambda project: project.created_at,
}  # fmt: skip


@app.command()
@over_http_or_at_home
def create(session: Session | None, name: NewName, home: Home = None, as_json: AsJson = False) -> None:
    """Make a project.

    Example: spark-assets projects create film
    """
    if session is not None:
        made = session.client.projects.create(name)
        if as_json:
            print_json(msgspec.to_builtins(made))
        else:
            print(made.id)
        return
    from spark_assets.cli.local import in_transaction
    from spark_assets.operations import projects

    with explained():
        project = in_transaction(home, lambda uow: projects.create(uow, name, time.time_ns() // 1000))
    if as_json:
        print_json(_described(project))
    else:
        print(project.id)


@app.command("list")
@over_http_or_at_home
def list_projects(session: Session | None, home: Home = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show all projects.

    Example: spark-assets projects list --json
    """
    if session is not None:
        session.show_all(session.client.projects.list(), COLUMNS)
        return
    from spark_assets.cli.local import in_transaction

    async def work(uow: "UnitOfWork") -> list[Project]:
        return await uow.projects.all()

    with explained():
        found = in_transaction(home, work)
    if as_json:
        print_json([_described(project) for project in found])
    elif quiet:
        print_ids(found)
    else:
        print_table(("ID", "Name", "Created"), [(project.id, project.name, utc_seconds(project.created_at)) for project in found])


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
def remove(session: Session, project: Name, yes: Yes = False, no_input: NoInput = False) -> None:
    """End an empty project, over HTTP.

    Example: spark-assets projects rm film --yes
    """
    found = session.client.projects.get(project)
    confirm(f"This ends the project '{found.name}' for good.", yes=yes, no_input=no_input)
    session.client.projects.delete(found.id)
    session.done(f"The project '{found.name}' has ended.", found.id)


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
    """Show what a project may hold and holds, or set it.

    Example: spark-assets projects quota film --assets 1000 --bytes 500GB
    """
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
