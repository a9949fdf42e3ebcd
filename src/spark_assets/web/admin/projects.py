"""`/v1/projects`."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.operations import projects
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.bodies import project_body
from spark_assets.web.admin.endpoint import Asked, Endpoint, changing, reading
from spark_assets.wire.admin import ProjectBody, ProjectList


async def _list(repositories: Repositories, asked: Asked) -> ProjectList:
    listed = await projects.page(repositories, asked.call, Paging(**asked.values))
    return ProjectList([project_body(project) for project in listed.items], listed.next_token)


async def _create(uow: UnitOfWork, asked: Asked) -> ProjectBody:
    return project_body(await projects.create(uow, asked.values["name"], asked.call.now, asked.call.caller, asked.call.origin))


async def _get(repositories: Repositories, asked: Asked) -> ProjectBody:
    return project_body(await projects.get(repositories, asked.call, asked.path["project"]))


async def _rename(uow: UnitOfWork, asked: Asked) -> ProjectBody:
    return project_body(await projects.rename(uow, asked.call, asked.path["project"], asked.values["name"]))


async def _delete(uow: UnitOfWork, asked: Asked) -> None:
    await projects.delete(uow, asked.call, asked.path["project"])


_ONE: Final = "/v1/projects/{project}"
ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/projects",
        summary="The projects that the key may use",
        query=own.PART,
        answer=ProjectList,
        handle=reading(_list),
    ),
    Endpoint(
        method="POST",
        path="/v1/projects",
        summary="Make a project; needs the scope admin",
        required=(own.PROJECT_NAME,),
        answer=ProjectBody,
        status=201,
        handle=changing(_create),
        errors=("Conflict.ProjectName",),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        summary="A project, by its ID or its name",
        answer=ProjectBody,
        handle=reading(_get),
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="PATCH",
        path=_ONE,
        summary="Rename a project; needs the scope admin",
        required=(own.PROJECT_NAME,),
        answer=ProjectBody,
        handle=changing(_rename),
        errors=("NotFound.ProjectName", "Conflict.ProjectName"),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        summary="End an empty project; needs the scope admin. Its usage stays on record",
        handle=changing(_delete),
        errors=("NotFound.ProjectName", "Conflict.ProjectName", "Conflict.ProjectNotEmpty"),
    ),
)
