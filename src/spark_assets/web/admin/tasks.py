"""`/v1/tasks`."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain.listing import TaskFilter
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.operations import control, tasks
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.bodies import task_body
from spark_assets.web.admin.endpoint import Answer, Asked, Endpoint, changing, reading
from spark_assets.web.data_sources import retry_source
from spark_assets.web.exchange import LARGE_BODY_LIMIT, Exchange, encode
from spark_assets.web.waiting import find_task
from spark_assets.wire.admin import TaskBody, TaskList


async def _list(repositories: Repositories, asked: Asked) -> TaskList:
    wanted = TaskFilter(**asked.pick("statuses", "models", "asset_id"))
    paging = Paging(**asked.pick("max_results", "next_token", "sort_order"))
    listed, project = await tasks.page(repositories, asked.call, asked.values.get("project"), wanted, paging)
    return TaskList([task_body(task, project) for task in listed.items], listed.next_token)


async def _get(exchange: Exchange, asked: Asked) -> bytes:
    task = await find_task(exchange, asked.call.caller, asked.path["task_id"], asked.values.get("wait", 0))
    async with exchange.site.runtime.database.read() as repositories:
        project = await repositories.projects.by_id(task.project_id)
    if project is None:
        raise tasks.unknown_task()
    return encode(task_body(task, project))


async def _cancel(uow: UnitOfWork, asked: Asked) -> TaskBody:
    return task_body(*await control.cancel(uow, asked.call, asked.path["task_id"]))


async def _retry(exchange: Exchange, asked: Asked) -> bytes | Answer:
    async with retry_source(exchange.site.runtime, asked.call, asked.path["task_id"], asked.values) as try_again:

        async def work(uow: UnitOfWork, _asked: Asked) -> TaskBody:
            return task_body(*await try_again(uow))

        return await changing(work)(exchange, asked)


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/tasks",
        summary="The tasks of a project",
        query=(own.PROJECT, own.TASK_STATUS, own.TASK_MODEL, own.TASK_ASSET, *own.PART),
        answer=TaskList,
        handle=reading(_list),
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="GET",
        path="/v1/tasks/{task_id}",
        summary="A task, as soon as it has ended or the time is up",
        query=(own.WAIT,),
        answer=TaskBody,
        handle=_get,
        errors=("NotFound.task_id", "AccountFlowLimitExceeded"),
    ),
    Endpoint(
        method="POST",
        path="/v1/tasks/{task_id}/cancel",
        summary="Cancel a creation in progress: its task and its asset fail with Conflict.Cancelled",
        answer=TaskBody,
        handle=changing(_cancel),
        errors=("NotFound.task_id", "Conflict.Status"),
    ),
    Endpoint(
        method="POST",
        path="/v1/tasks/{task_id}/retry",
        summary="Try a failed creation again, from the same source or another one; the answer is a new task with a new asset",
        optional=(own.RETRY_URL,),
        answer=TaskBody,
        status=202,
        handle=_retry,
        operation=CREATE_ASSET,
        body_limit=LARGE_BODY_LIMIT,
        errors=(
            "NotFound.task_id",
            "NotFound.asset_id",
            "NotFound.group_id",
            "Conflict.Status",
            "Conflict.Source",
            "FileSizeTooLarge",
            "QuotaExceeded",
            "StorageFull",
        ),
    ),
)
