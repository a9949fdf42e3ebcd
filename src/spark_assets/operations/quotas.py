"""Quotas: set, shown and taken away; and asked before a project gains something."""

import msgspec
from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.audit import Origin
from spark_assets.domain.errors import NotFound
from spark_assets.domain.project import Project
from spark_assets.domain.quota import Allowance, Holdings, Quota
from spark_assets.operations import projects
from spark_assets.operations.audit import NOWHERE, record
from spark_assets.operations.call import Call
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


class ListedQuotas(msgspec.Struct, frozen=True):
    """One part of the quotas, each with its project; `next_token` until the end."""

    items: list[tuple[Quota, Project]]
    next_token: str | None


async def gain(uow: UnitOfWork, project: Project, gained: Holdings) -> None:
    """Count what is about to be added to a project. Raises QuotaExceeded, here or when the unit of work is committed.

    Here, so that a request that has no chance costs one read; there, exactly.
    """
    if not project.has_quota:
        return
    quota = await uow.quotas.get(project.id)
    if quota is not None:
        quota.expect_room(gained)
    uow.tally(project.id, gained)


async def put(uow: UnitOfWork, call: Call, name_or_id: str, allowed: Allowance) -> tuple[Quota, Project]:
    """A project with these limits. Raises AccessDenied, NotFound `ProjectName`."""
    call.caller.require(Scope.PROJECT_ADMIN)
    project = await projects.get(uow, call, name_or_id)
    return await set_limits(uow, project, allowed, actor=call.caller.key_id, now=call.now, origin=call.origin), project


async def set_limits(uow: UnitOfWork, project: Project, allowed: Allowance, *, actor: str, now: int, origin: Origin = NOWHERE) -> Quota:
    """The project's quota with these limits, counted anew. What is held beyond them stays; only more of it is refused.

    What is counted in a quota waits for its row. The first quota of a project has none yet, so it waits for all who are
    adding to the project. Raises NotFound `ProjectName`.
    """
    known = await uow.quotas.lock(project.id)
    if known is None:
        if await uow.projects.lock(project.id) is None:
            raise projects.unknown_project()
        known = await uow.quotas.lock(project.id)
    held = await uow.quotas.count([project.id])
    quota = Quota(project_id=project.id, allowed=allowed, held=held[project.id], updated_at=now)
    await uow.quotas.put(quota)
    await _record(uow, quota, actor, now, origin)
    return quota


async def get(repositories: Repositories, call: Call, name_or_id: str) -> tuple[Quota, Project]:
    """What a project may hold and holds. Raises AccessDenied, NotFound `ProjectName`."""
    project = await projects.get(repositories, call, name_or_id)
    return (await _quotas_of(repositories, [project]))[0]


async def page(repositories: Repositories, call: Call, paging: Paging) -> ListedQuotas:
    """The same for one part of the projects within the key's reach. Raises AccessDenied, InvalidParameter `NextToken`."""
    listed = await projects.page(repositories, call, paging)
    return ListedQuotas(await _quotas_of(repositories, listed.items), listed.next_token)


async def delete(uow: UnitOfWork, call: Call, name_or_id: str) -> None:
    """Limit a project no longer. Raises AccessDenied, NotFound `ProjectName`, NotFound `quota` if it is not limited."""
    call.caller.require(Scope.PROJECT_ADMIN)
    project = await projects.get(uow, call, name_or_id)
    await remove(uow, project, actor=call.caller.key_id, now=call.now, origin=call.origin)


async def remove(uow: UnitOfWork, project: Project, *, actor: str, now: int, origin: Origin = NOWHERE) -> None:
    """The same, for whoever may. Raises NotFound `quota`."""
    known = await uow.quotas.lock(project.id)
    if known is None or not await uow.quotas.delete(project.id):
        raise NotFound("quota", f"the project '{project.name}' has no quota")
    await _record(uow, _unlimited(project, known.held), actor, now, origin)


async def of_project(repositories: Repositories, project: Project) -> Quota:
    """The project's quota; without one, what it holds is counted."""
    return (await _quotas_of(repositories, [project]))[0][0]


async def _quotas_of(repositories: Repositories, listed: list[Project]) -> list[tuple[Quota, Project]]:
    known = await repositories.quotas.of([project.id for project in listed])
    counted = await repositories.quotas.count([project.id for project in listed if project.id not in known])
    return [(known.get(project.id) or _unlimited(project, counted[project.id]), project) for project in listed]


async def _record(uow: UnitOfWork, quota: Quota, actor: str, now: int, origin: Origin) -> None:
    details = msgspec.structs.asdict(quota.allowed)
    await record(uow, actor=actor, action="quota.changed", now=now, project_id=quota.project_id, details=details, origin=origin)


def _unlimited(project: Project, held: Holdings) -> Quota:
    return Quota(project_id=project.id, allowed=Allowance(), held=held)


async def recount(uow: UnitOfWork, project_id: str) -> bool:
    """Count anew what a quota counts; whether it was wrong. Nothing is added to the project meanwhile."""
    quota = await uow.quotas.lock(project_id)
    if quota is None:
        return False
    held = (await uow.quotas.count([project_id]))[project_id]
    if held == quota.held:
        return False
    await uow.quotas.put(replace(quota, held=held))
    return True
