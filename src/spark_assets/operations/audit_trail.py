"""The audit trail, as administrators read it."""

from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.audit import AuditEntry, AuditFilter
from spark_assets.operations import projects
from spark_assets.operations.call import Call
from spark_assets.operations.paging import Listed, Paging, scope_of, select_part
from spark_assets.ports.unit_of_work import Repositories


async def page(
    repositories: Repositories, call: Call, project_name: str | None, action: str | None, paging: Paging, subject: str | None = None
) -> Listed[AuditEntry]:
    """One part of the entries that the key may see: those of its projects; with the scope admin and no list of projects, all.

    Raises AccessDenied, NotFound `ProjectName`, InvalidParameter `NextToken`.
    """
    call.caller.require(Scope.PROJECT_ADMIN)
    wanted = replace(await _wanted(repositories, call, project_name, action), subject=subject)
    return await select_part(
        paging,
        call.terms.cursors,
        scope_of("audit", call.caller.key_id, wanted, paging),
        page=lambda part: repositories.audit.page(wanted, part),
    )


async def exported(
    repositories: Repositories, call: Call, project_name: str | None, action: str | None, subject: str | None = None
) -> AuditFilter:
    """Which entries an export holds: those that the key may see. Raises AccessDenied, NotFound `ProjectName`."""
    call.caller.require(Scope.ADMIN)
    return replace(await _wanted(repositories, call, project_name, action), subject=subject)


async def _wanted(repositories: Repositories, call: Call, project_name: str | None, action: str | None) -> AuditFilter:
    if project_name:
        project = await projects.get(repositories, call, project_name)
        return AuditFilter(project_ids=(project.id,), action=action)
    reach = projects.reach_of(call)
    sees_service = reach is None and Scope.ADMIN in call.caller.scopes
    return AuditFilter(project_ids=None if reach is None else tuple(reach), with_service=sees_service, action=action)
