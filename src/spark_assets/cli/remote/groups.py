"""`spark-assets groups`."""

from typing import Annotated, Final

import typer
from msgspec import UNSET

from spark_assets.cli.drawing import moment
from spark_assets.cli.output import USAGE, fail
from spark_assets.cli.remote.grouping import find_deleted_group, find_group
from spark_assets.cli.session import DryRun, InProject, Limit, NoInput, Session, Yes, confirm, over_http

app = typer.Typer(
    no_args_is_help=True,
    help="Groups of assets: create, list, get, change, put into the trash.",
    epilog="Example: spark-assets groups create moons",
)

Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group, by ID or name.", show_default=False)]
Description = Annotated[str | None, typer.Option(help="What it is for.", show_default=False)]
COLUMNS: Final = {
    "ID": lambda group: group.id, "Name": lambda group: group.name, "Description": lambda group: group.description,
    "Created": lambda group: moment(group.created_at),
}  # fmt: skip


@app.command()
@over_http
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is called.", show_default=False)],
    description: Description = None,
    project: InProject = None,
) -> None:
    """Make a group.

    Example: spark-assets groups create moons --description "all of them"
    """
    session.show(session.client.groups.create(name, description=description or "", project=project))


@app.command("list")
@over_http
def list_groups(
    session: Session,
    name: Annotated[str | None, typer.Option(help="With this in the name, in any case.", show_default=False)] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="What is in the trash instead.")] = False,
    sort: Annotated[str | None, typer.Option(help="created_at or updated_at.", show_default=False)] = None,
    order: Annotated[str | None, typer.Option(help="desc or asc.", show_default=False)] = None,
    project: InProject = None,
    limit: Limit = 50,
) -> None:
    """Show the groups of a project, newest first.

    Example: spark-assets groups list --name moon
    """
    session.show_all(session.client.groups.list(name=name, deleted=deleted, sort=sort, order=order, project=project), COLUMNS, limit)


@app.command()
@over_http
def get(session: Session, group: Group, project: InProject = None) -> None:
    """Show a group.

    Example: spark-assets groups get moons
    """
    session.show(session.client.groups.get(find_group(session.client, group, project)))


@app.command()
@over_http
def update(
    session: Session,
    group: Group,
    name: Annotated[str | None, typer.Option(help="A new name.", show_default=False)] = None,
    description: Annotated[str | None, typer.Option(help="A new description; empty takes it away.", show_default=False)] = None,
    project: InProject = None,
) -> None:
    """Rename a group, or describe it anew.

    Example: spark-assets groups update moons --name "moons of Jupiter"
    """
    if name is None and description is None:
        fail("say what to change: --name or --description", USAGE)
    changed = session.client.groups.update(
        find_group(session.client, group, project),
        name=UNSET if name is None else name,
        description=UNSET if description is None else description or None,
    )
    session.show(changed)


@app.command("rm")
@over_http
def remove(
    session: Session, group: Group, project: InProject = None, yes: Yes = False, no_input: NoInput = False, dry_run: DryRun = False
) -> None:
    """Put a group and all its assets into the trash.

    Example: spark-assets groups rm moons --yes
    """
    found = session.client.groups.get(find_group(session.client, group, project))
    if dry_run:
        count = sum(1 for _ in session.client.assets.list(group_id=[found.id], project=found.project))
        session.done(f"This would put the group '{found.name}' ({found.id}) and all its assets ({count}) into the trash.", found.id)
        return
    confirm(f"This puts the group '{found.name}' ({found.id}) and all its assets into the trash.", yes=yes, no_input=no_input)
    session.client.groups.delete(found.id)
    session.done(f"{found.id} is in the trash; 'spark-assets groups restore {found.id}' brings it back.", found.id)


@app.command()
@over_http
def restore(session: Session, group: Group, project: InProject = None) -> None:
    """Take a group out of the trash, with the assets that went with it.

    Example: spark-assets groups restore moons
    """
    session.show(session.client.groups.restore(find_deleted_group(session.client, group, project)))
