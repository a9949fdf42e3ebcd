"""`/v1/audit`."""

from typing import Final

from spark_assets.domain import erasure_parameters as own
from spark_assets.domain.audit import AuditEntry
from spark_assets.domain.own_parameters import PART
from spark_assets.operations import audit_trail
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories
from spark_assets.web.admin.endpoint import Asked, Endpoint, reading
from spark_assets.wire.audit import AuditBody, AuditList
from spark_assets.wire.times import rfc3339


async def _list(repositories: Repositories, asked: Asked) -> AuditList:
    paging = Paging(**asked.pick("max_results", "next_token", "sort_order"))
    listed = await audit_trail.page(repositories, asked.call, asked.values.get("project"), asked.values.get("action"), paging)
    return AuditList([_body(entry) for entry in listed.items], listed.next_token)


def _body(entry: AuditEntry) -> AuditBody:
    return AuditBody(
        id=entry.id,
        actor=entry.actor,
        action=entry.action,
        project_id=entry.project_id,
        subject=entry.subject,
        details=None if entry.details is None else dict(entry.details),
        created_at=rfc3339(entry.created_at),
    )


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/audit",
        summary="Who did what to keys, projects and quotas, and what was removed for good; needs the scope project:admin",
        query=(own.AUDIT_PROJECT, own.AUDIT_ACTION, *PART),
        answer=AuditList,
        handle=reading(_list),
        errors=("NotFound.ProjectName",),
    ),
)
