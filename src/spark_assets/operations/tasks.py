"""Tasks: polled by clients, claimed and ended by workers."""

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.asset import Asset, Failure
from spark_assets.domain.errors import IngestFailure, NotFound
from spark_assets.domain.listing import TaskFilter
from spark_assets.domain.project import Project
from spark_assets.domain.task import Claim, Stage, Task, TaskStatus, failure_code
from spark_assets.domain.usage import UsageRecord
from spark_assets.operations import events, projects
from spark_assets.operations.call import Call
from spark_assets.operations.paging import Listed, Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


async def get(repositories: Repositories, caller: Caller, task_id: str) -> Task:
    """A task of any project within the key's reach; another's is unknown. Raises AccessDenied, NotFound `task_id`."""
    caller.require(Scope.ASSETS_READ, Scope.ASSETS_WRITE)
    return visible(await repositories.tasks.get(task_id), caller)


def visible(task: Task | None, caller: Caller) -> Task:
    """The task, if there is one and it is within the key's reach. Raises NotFound `task_id`."""
    if task is None or not caller.may_use(task.project_id):
        raise unknown_task()
    return task


async def page(
    repositories: Repositories, call: Call, project_name: str | None, wanted: TaskFilter, paging: Paging
) -> tuple[Listed[Task], Project]:
    """One part of the tasks of the call's project. Raises AccessDenied, NotFound `ProjectName`, InvalidParameter `NextToken`."""
    call.caller.require(Scope.ASSETS_READ, Scope.ASSETS_WRITE)
    return await projects.page_within(repositories, call, project_name, "tasks", wanted, paging, page=repositories.tasks.page)


def unknown_task() -> NotFound:
    """The answer for a task that does not exist, and for another project's."""
    return NotFound("task_id", "there is no task with this ID that the API key may see")


async def answer(
    uow: UnitOfWork,
    call: Call,
    model: str,
    project_id: str,
    *,
    asset_id: str | None = None,
    group_id: str | None = None,
    result: str | None = None,
) -> Task:
    """A task for an operation that is over already: completed, charged, and polled like any other. It is no event: its caller knows."""
    charge = call.terms.prices.charge(model)
    task = Task(
        id=call.terms.task_ids.new(call.now),
        project_id=project_id,
        key_id=call.caller.key_id,
        model=model,
        status=TaskStatus.COMPLETED,
        request_id=call.request_id,
        created_at=call.now,
        completed_at=call.now,
        asset_id=asset_id,
        group_id=group_id,
        stage=Stage.ACTIVE,
        progress=1.0,
        result=result,
        charge=charge,
    )
    await uow.tasks.add(task)
    await uow.usage.add(
        UsageRecord(
            task_id=task.id,
            project_id=project_id,
            key_id=call.caller.key_id,
            model=model,
            charge=charge,
            created_at=call.now,
        )
    )
    return task


async def claim(uow: UnitOfWork, task_id: str) -> tuple[Claim, Asset] | None:
    """Take a task to work on it; None if there is nothing left to do."""
    taken = await uow.tasks.claim(task_id)
    if taken is None:
        return None
    asset = await uow.assets.get(taken.asset_id, [taken.project_id])
    return None if asset is None else (taken, asset)


async def fail(uow: UnitOfWork, taken: Claim, error: IngestFailure, now: int) -> bool:
    """End a task and its asset as failed; False if a later claim or another end came first."""
    failure = Failure.of(error)
    if not await uow.tasks.fail(taken, Failure(failure_code(error.code), error.message, error.reason), now):
        return False
    await uow.assets.fail(taken.asset_id, failure, now)
    uow.announce(taken.task_id)
    await events.record(uow, events.failed(taken.task_id, taken.asset_id, taken.project_id, failure, now), taken.traceparent)
    return True
