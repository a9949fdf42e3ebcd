"""Projects: made, listed, and found for a call."""

from spark_assets.domain.errors import Conflict, NotFound
from spark_assets.domain.ids import new_project_id
from spark_assets.domain.project import DEFAULT_PROJECT, Project, check_project_name
from spark_assets.operations.call import Call
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


async def create(uow: UnitOfWork, name: str, now: int) -> Project:
    """A new project. Raises InvalidParameter `ProjectName`, Conflict `ProjectName` if the name is in use."""
    project = Project(id=new_project_id(), name=check_project_name(name), created_at=now)
    try:
        await uow.projects.add(project)
    except Taken:
        raise Conflict("ProjectName", f"there is a project '{name}' already") from None
    return project


async def find(repositories: Repositories, call: Call, name: str | None) -> Project:
    """The project a call works in: the named one, else the key's default.

    Raises NotFound `ProjectName`, alike for an unknown project and for one outside the key's reach.
    """
    wanted = name or call.project
    allowed = call.caller.project_ids
    if not wanted and allowed is not None and len(allowed) == 1:
        (only,) = allowed
        project = await repositories.projects.by_id(only)
    else:
        project = await repositories.projects.by_name(wanted or DEFAULT_PROJECT)
    if project is None or not call.caller.may_use(project.id):
        raise NotFound("ProjectName", "there is no such project, or the API key may not use it; name an existing one in ProjectName")
    return project
