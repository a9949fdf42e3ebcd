"""`/v1/quotas`."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain import quota_parameters
from spark_assets.domain.quota import Allowance
from spark_assets.operations import quotas
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.endpoint import Asked, Endpoint, changing, reading
from spark_assets.wire.quota import QuotaBody, QuotaList, quota_body


async def _list(repositories: Repositories, asked: Asked) -> QuotaList:
    listed = await quotas.page(repositories, asked.call, Paging(**asked.values))
    return QuotaList([quota_body(quota, project) for quota, project in listed.items], listed.next_token)


async def _get(repositories: Repositories, asked: Asked) -> QuotaBody:
    return quota_body(*await quotas.get(repositories, asked.call, asked.path["project"]))


async def _put(uow: UnitOfWork, asked: Asked) -> QuotaBody:
    return quota_body(*await quotas.put(uow, asked.call, asked.path["project"], Allowance(**asked.values)))


async def _delete(uow: UnitOfWork, asked: Asked) -> None:
    await quotas.delete(uow, asked.call, asked.path["project"])


_ONE: Final = "/v1/quotas/{project}"
ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/quotas",
        summary="What the projects that the key may use may hold, and what they hold",
        query=own.PART,
        answer=QuotaList,
        handle=reading(_list),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        summary="What a project, by its ID or its name, may hold, and what it holds",
        answer=QuotaBody,
        handle=reading(_get),
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="PUT",
        path=_ONE,
        summary="Limit a project; needs the scope project:admin. What it holds beyond a limit stays, only more is refused",
        optional=quota_parameters.LIMITS,
        answer=QuotaBody,
        handle=changing(_put),
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        summary="Limit a project no longer; needs the scope project:admin",
        handle=changing(_delete),
        errors=("NotFound.ProjectName", "NotFound.quota"),
    ),
)
