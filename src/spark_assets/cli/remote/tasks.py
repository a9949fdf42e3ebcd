"""`spark-assets tasks`."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from spark_assets.cli.drawing import moment
from spark_assets.cli.output import print_json
from spark_assets.cli.session import InProject, Limit, Session, over_http
from spark_assets.domain.task import TaskStatus

if TYPE_CHECKING:
    from spark_assets.client import Progress
    from spark_assets.wire.admin import TaskBody

app = typer.Typer(
    no_args_is_help=True,
    help="Tasks: list, get, watch, cancel, retry.",
    epilog="Example: spark-assets tasks list --status failed",
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The task's ID.", show_default=False)]
Statuses = Annotated[
    list[TaskStatus] | None,
    typer.Option(case_sensitive=False, metavar="STATUS", help="in_progress, completed or failed; may be repeated.", show_default=False),
]
COLUMNS: Final = {
    "ID": lambda task: task.id, "Status": lambda task: task.status, "Stage": lambda task: task.stage,
    "Asset": lambda task: task.asset_id, "Created": lambda task: moment(task.created_at),
    "Why": lambda task: f"{task.error.code}: {task.error.message}" if task.error else "",
}  # fmt: skip


@app.command("list")
@over_http
def list_tasks(
    session: Session,
    status: Statuses = None,
    model: Annotated[list[str] | None, typer.Option(help="Such as spark_asset_create; likewise.", show_default=False)] = None,
    asset: Annotated[str | None, typer.Option(metavar="ID", help="Of this asset.", show_default=False)] = None,
    order: Annotated[str | None, typer.Option(help="desc or asc.", show_default=False)] = None,
    project: InProject = None,
    limit: Limit = 50,
) -> None:
    """Show the tasks of a project, newest first.

    Example: spark-assets tasks list --status failed --limit 10
    """
    states = [one.value for one in status or ()]
    found = session.client.tasks.list(project=project, status=states, model=model or (), asset_id=asset, order=order)
    session.show_all((task.body for task in found), COLUMNS, limit)


@app.command()
@over_http
def get(session: Session, task_id: Id) -> None:
    """Show a task as it is now.

    Example: spark-assets tasks get dc1e5g5b9rasdtmofabg
    """
    session.show(session.client.tasks.get(task_id).body)


@app.command()
@over_http
def watch(
    session: Session,
    task_id: Id,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait.")] = 300,
) -> None:
    """Follow a task until it has ended.

    With --json there is a line for each step, and the task itself is the last.

    Example: spark-assets tasks watch dc1e5g5b9rasdtmofabg
    """
    from spark_assets.client import TaskFailed, WaitTimedOut

    try:
        task = asyncio.run(_watch(session, task_id, timeout))
    except WaitTimedOut as late:
        if session.as_json:
            session.show(late.task)
        else:
            print(task_id)
        raise
    session.show(task)
    if task.status != "completed":
        raise TaskFailed(task)


@app.command()
@over_http
def cancel(session: Session, task_id: Id) -> None:
    """End a task that is under way.

    Its asset fails with Conflict.Cancelled.

    Example: spark-assets tasks cancel dc1e5g5b9rasdtmofabg
    """
    task = session.client.tasks.get(task_id)
    task.cancel()
    session.show(task.body)


@app.command()
@over_http
def retry(
    session: Session,
    task_id: Id,
    url: Annotated[str | None, typer.Option(help="From this address instead of the old one.", show_default=False)] = None,
) -> None:
    """Try a failed task again: a new task, with a new asset.

    Example: spark-assets tasks retry dc1e5g5b9rasdtmofabg --url https://example.com/moon.jpg
    """
    session.show(session.client.tasks.get(task_id).retry(url).body)


async def _watch(session: Session, task_id: str, timeout: float) -> "TaskBody":
    from spark_assets.cli.remote.bars import open_bars
    from spark_assets.cli.remote.following import follow
    from spark_assets.client import AsyncClient

    async with AsyncClient(session.connection.base_url, session.connection.key) as client:
        task = await client.tasks.get(task_id)
        with open_bars([task.id], is_single=True) as bars:

            def tell(step: "Progress") -> None:
                bars.tell(0, step.progress, 1, step.stage)
                if session.as_json:
                    print_json(msgspec.to_builtins(step))

            await follow(task, timeout, tell)
        return task.body
