"""`/v1/shares` and `/v1/assets/{id}/shares`: addresses that need no key and work until they are revoked."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain.link_parameters import SHARE_EXPIRES_AT, VARIANT
from spark_assets.domain.project import Project
from spark_assets.domain.share import Share
from spark_assets.operations import shares
from spark_assets.operations.paging import Paging
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.bodies import when
from spark_assets.web.admin.endpoint import Asked, Endpoint, changing, reading
from spark_assets.wire.share import ShareBody, ShareList
from spark_assets.wire.times import rfc3339

_PART: Final = ("max_results", "next_token", "sort_order")


async def _create(uow: UnitOfWork, asked: Asked) -> ShareBody:
    command = shares.CreateShare(asset_id=asked.path["asset_id"], **asked.values)
    return _body(asked, *await shares.create(uow, asked.call, command))


async def _list(repositories: Repositories, asked: Asked) -> ShareList:
    paging = Paging(**asked.pick(*_PART))
    listed, project = await shares.page(repositories, asked.call, paging, asked.values.get("project"))
    return ShareList([_body(asked, share, project) for share in listed.items], listed.next_token)


async def _list_of_asset(repositories: Repositories, asked: Asked) -> ShareList:
    paging = Paging(**asked.pick(*_PART))
    listed, project = await shares.page_of_asset(repositories, asked.call, paging, asked.path["asset_id"])
    return ShareList([_body(asked, share, project) for share in listed.items], listed.next_token)


async def _revoke(uow: UnitOfWork, asked: Asked) -> None:
    await shares.revoke(uow, asked.call, asked.path["share_id"])


def _body(asked: Asked, share: Share, project: Project) -> ShareBody:
    return ShareBody(
        id=share.id,
        asset_id=share.asset_id,
        project=project.name,
        variant=share.variant.value,
        url=None if share.token is None else asked.links.share_address(share.token),
        created_at=rfc3339(share.created_at),
        expires_at=when(share.expires_at),
    )


_OF_ASSET: Final = "/v1/assets/{asset_id}/shares"
ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path=_OF_ASSET,
        summary="Share an asset by an address that needs no key and works until it is revoked",
        optional=(VARIANT, SHARE_EXPIRES_AT),
        answer=ShareBody,
        status=201,
        handle=changing(_create),
        errors=("NotFound.asset_id", "NotFound.variant", "Conflict.Status"),
    ),
    Endpoint(
        method="GET",
        path=_OF_ASSET,
        summary="The shares of an asset that are not revoked",
        query=own.PART,
        answer=ShareList,
        handle=reading(_list_of_asset),
        errors=("NotFound.asset_id",),
    ),
    Endpoint(
        method="GET",
        path="/v1/shares",
        summary="The shares of a project that are not revoked",
        query=(own.PROJECT, *own.PART),
        answer=ShareList,
        handle=reading(_list),
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="DELETE",
        path="/v1/shares/{share_id}",
        summary="Revoke a share; its address ends at once",
        handle=changing(_revoke),
        errors=("NotFound.share_id",),
    ),
)
