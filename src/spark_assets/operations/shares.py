"""Shares: made, listed, followed, revoked."""

from typing import Final

import msgspec
from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Variant
from spark_assets.domain.errors import NotFound
from spark_assets.domain.expiry import check_expiry
from spark_assets.domain.ids import new_share_id
from spark_assets.domain.project import Project
from spark_assets.domain.share import FOLLOWED_LINK_LIFETIME, Share, is_token, new_token, token_fingerprint
from spark_assets.domain.usage import MICRO
from spark_assets.operations import assets, projects
from spark_assets.operations.audit import record_call
from spark_assets.operations.call import Call
from spark_assets.operations.delivery import Links
from spark_assets.operations.identity import add_with_fresh_id
from spark_assets.operations.links import check_deliverable
from spark_assets.operations.paging import Listed, Paging, scope_of, select_part
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork

_SHORTEST_LINK: Final = 1
"""Seconds: the link that a share leads to in its very last moment."""


class CreateShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a new share; `expires_at` in Unix microseconds, None for never."""

    asset_id: str
    variant: Variant = Variant.ORIGINAL
    expires_at: int | None = None


async def create(uow: UnitOfWork, call: Call, command: CreateShare) -> tuple[Share, Project]:
    """A new share. Raises AccessDenied, NotFound `asset_id` or `variant`, Conflict `Status`, InvalidParameter `ExpiresAt`."""
    call.caller.require(Scope.ASSETS_WRITE)
    check_expiry(command.expires_at, call.now)
    asset, project = await assets.find(uow, call, command.asset_id)  # its address leads to the bytes: only who may read them may share them
    await check_deliverable(uow, asset, command.variant)

    def build() -> Share:
        return Share(
            id=new_share_id(),
            project_id=asset.project_id,
            asset_id=asset.id,
            variant=command.variant,
            token=new_token(),
            created_at=call.now,
            expires_at=command.expires_at,
        )

    share = await add_with_fresh_id(build, uow.shares.add)
    await record_call(uow, call, "share.created", project_id=project.id, subject=share.id, details={"asset_id": asset.id})
    return share, project


async def page(repositories: Repositories, call: Call, paging: Paging, project_name: str | None) -> tuple[Listed[Share], Project]:
    """One part of the shares of the call's project that are not revoked.

    Raises AccessDenied, NotFound `ProjectName`, InvalidParameter `NextToken`.
    """
    call.caller.require(Scope.ASSETS_READ)
    project = await projects.find(repositories, call, project_name)
    return await _page(repositories, call, paging, project, None), project


async def page_of_asset(repositories: Repositories, call: Call, paging: Paging, asset_id: str) -> tuple[Listed[Share], Project]:
    """One part of an asset's shares that are not revoked. Raises AccessDenied, NotFound `asset_id`, InvalidParameter `NextToken`."""
    asset, project = await assets.find(repositories, call, asset_id)
    return await _page(repositories, call, paging, project, asset.id), project


async def revoke(uow: UnitOfWork, call: Call, share_id: str) -> Share:
    """End a share at once; links that it led to live out their hour. Raises AccessDenied, NotFound `share_id`."""
    call.caller.require(Scope.ASSETS_WRITE)
    share = await uow.shares.find(share_id, projects.reach_of(call))
    if share is None or not await uow.shares.revoke(share.id, call.now):
        raise NotFound("share_id", "there is no share with this ID that the API key may see")
    await record_call(uow, call, "share.revoked", project_id=share.project_id, subject=share.id, details={"asset_id": share.asset_id})
    return replace(share, revoked_at=call.now)


async def follow(repositories: Repositories, links: Links, token: str, now: int) -> str | None:
    """Where a share leads: a fresh signed link that lives an hour, and no longer than the share.

    None, alike, if there is no such share, it is revoked or expired, or its asset is deleted or not active.
    """
    share = await repositories.shares.by_fingerprint(token_fingerprint(token)) if is_token(token) else None
    if share is None or not share.is_usable(now):
        return None
    asset = await repositories.assets.get(share.asset_id, [share.project_id])
    if asset is None:
        return None
    left = FOLLOWED_LINK_LIFETIME if share.expires_at is None else (share.expires_at - now) // MICRO
    return links.link(asset, now, share.variant, max(_SHORTEST_LINK, min(FOLLOWED_LINK_LIFETIME, left))) or None


async def _page(repositories: Repositories, call: Call, paging: Paging, project: Project, asset_id: str | None) -> Listed[Share]:
    return await select_part(
        paging,
        call.terms.cursors,
        scope_of("shares", project.id, asset_id, paging),
        page=lambda part: repositories.shares.page(project.id, part, asset_id),
    )
