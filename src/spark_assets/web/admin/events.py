"""`/v1/events` and `/v1/tasks/{task_id}/events`: streams of server-sent events."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain.event_parameters import AFTER
from spark_assets.domain.project import Project
from spark_assets.domain.task import Task
from spark_assets.operations import tasks
from spark_assets.web.admin.bodies import task_body
from spark_assets.web.admin.endpoint import Asked, Endpoint
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.streams.event_stream import MEDIA_TYPE
from spark_assets.web.streams.project_events import stream_project
from spark_assets.web.streams.task_events import stream_task
from spark_assets.wire.admin import TaskBody
from spark_assets.wire.events import EventBody


async def _stream_task(exchange: Exchange, asked: Asked) -> bytes:
    database = exchange.site.runtime.database

    async def show(task: Task) -> bytes:
        async def load() -> Project | None:
            async with database.read() as repositories:
                return await repositories.projects.by_id(task.project_id)

        project = await exchange.site.reads.read(("project", task.project_id), load)
        if project is None:
            raise tasks.unknown_task()
        return encode(task_body(task, project))

    await stream_task(exchange, asked.call.caller, asked.path["task_id"], show)
    return b""


async def _stream_project(exchange: Exchange, asked: Asked) -> bytes:
    await stream_project(exchange, asked.call, asked.values.get("project"), asked.values.get("after"))
    return b""


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/tasks/{task_id}/events",
        summary="A task as it goes on: `progress` (stage, progress, bytes), and in the end `completed` or `failed` with the task itself",
        answer=TaskBody,
        media_type=MEDIA_TYPE,
        handle=_stream_task,
        errors=("NotFound.task_id", "AccountFlowLimitExceeded"),
    ),
    Endpoint(
        method="GET",
        path="/v1/events",
        summary="What happens in a project, from now on or from where the client was; `ready` or `reset` comes first",
        query=(own.PROJECT, AFTER),
        answer=EventBody,
        media_type=MEDIA_TYPE,
        handle=_stream_project,
        errors=("NotFound.ProjectName", "AccountFlowLimitExceeded"),
    ),
)
