"""`/v1/assets`: registered, listed, read, changed, deleted, restored."""

from typing import Final

from msgspec.structs import replace

from spark_assets.domain import own_parameters as own
from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Asset
from spark_assets.domain.listing import AssetFilter
from spark_assets.domain.parameters import CREATE_ASSET, DELETE_ASSET, GET_ASSET, LIST_ASSETS, UPDATE_ASSET
from spark_assets.domain.project import Project
from spark_assets.operations import assets, links, projects, trash, uploads
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.bodies import asset_body, task_body
from spark_assets.web.admin.endpoint import Answer, Asked, Endpoint, changing, reading
from spark_assets.web.data_sources import data_source
from spark_assets.web.exchange import LARGE_BODY_LIMIT, Exchange
from spark_assets.wire.admin import AssetBody, AssetList, TaskBody

_PART: Final = frozenset({"max_results", "next_token", "sort_by", "sort_order", "project"})


async def _list(repositories: Repositories, asked: Asked) -> AssetList:
    wanted = AssetFilter(**{field: value for field, value in asked.values.items() if field not in _PART})
    command = assets.ListAssets(filter=wanted, **asked.pick(*_PART))
    if wanted.sha256 is not None and not (command.project or asked.call.project):
        listed, known = await assets.page_everywhere(repositories, asked.call, command)
    else:
        listed, project = await assets.page(repositories, asked.call, command)
        known = {project.id: project}
    items = [asset_body(asset, known[asset.project_id], asked.links.link(asset, asked.call.now)) for asset in listed.items]
    return AssetList(items, listed.next_token)


async def _create(uow: UnitOfWork, asked: Asked) -> TaskBody:
    values = {"name": asked.values["type"].value, **asked.values}
    task = await uploads.submit(uow, asked.call, assets.CreateAsset(**values))
    return task_body(task, await projects.find(uow, asked.call, asked.values.get("project")))


async def _create_from(exchange: Exchange, asked: Asked) -> bytes | Answer:
    async with data_source(exchange.site.runtime, asked.call, asked.values) as values:
        return await changing(_create)(exchange, replace(asked, values=values))


async def _get(repositories: Repositories, asked: Asked) -> AssetBody:
    is_trash = asked.values.get("in_trash", False)
    asset, project = await assets.find(repositories, asked.call, asked.path["asset_id"], in_trash=is_trash)
    return asset_body(asset, project, "" if is_trash else asked.links.link(asset, asked.call.now))


async def _update(uow: UnitOfWork, asked: Asked) -> AssetBody:
    found, project = await assets.locate(uow, asked.call, asked.path["asset_id"])
    command = assets.UpdateAsset(id=found.id, project=project.name, **asked.values)
    return _changed(asked, *await assets.update(uow, asked.call, command))


async def _delete(uow: UnitOfWork, asked: Asked) -> None:
    asset, project = await assets.locate(uow, asked.call, asked.path["asset_id"])
    await assets.delete(uow, asked.call, assets.GetAsset(id=asset.id, project=project.name))


async def _restore(uow: UnitOfWork, asked: Asked) -> AssetBody:
    return _changed(asked, *await trash.restore_asset(uow, asked.call, asked.path["asset_id"]))


def _changed(asked: Asked, asset: Asset, project: Project) -> AssetBody:
    """An asset after a change; its bytes are only for those who may read."""
    return asset_body(asset, project, asked.links.link(asset, asked.call.now) if asked.call.caller.has(Scope.ASSETS_READ) else "")


async def _lead_to_content(exchange: Exchange, asked: Asked) -> Answer:
    async with exchange.site.runtime.database.read() as repositories:
        link, _ = await links.mint(repositories, asked.call, asked.links, asked.path["asset_id"])
    return Answer(307, headers=((b"location", link.encode()), (b"cache-control", b"no-store")))


_ONE: Final = "/v1/assets/{asset_id}"
_DESCRIPTIVE: Final = (own.TAGS, own.EXTERNAL_ID, own.METADATA)
ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/assets",
        summary="The assets of a project",
        query=(own.PROJECT, *own.ASSET_FILTERS, own.LIMIT, own.CURSOR, own.SORT, own.ORDER),
        answer=AssetList,
        handle=reading(_list),
        operation=LIST_ASSETS,
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="POST",
        path="/v1/assets",
        summary="Register a media file by URL; the answer is the task that ingests it",
        required=(own.URL, own.ASSET_TYPE, own.GROUP_ID),
        optional=(own.NAME, *_DESCRIPTIVE, own.MODERATION, own.CALLBACK_URL, own.PROJECT),
        answer=TaskBody,
        status=202,
        handle=_create_from,
        operation=CREATE_ASSET,
        body_limit=LARGE_BODY_LIMIT,
        errors=("NotFound.ProjectName", "NotFound.group_id", "Conflict.ExternalId", "FileSizeTooLarge", "QuotaExceeded", "StorageFull"),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        summary="An asset, with a signed address of its bytes once it is active",
        query=(replace(own.IN_TRASH, description="true: the asset in the trash, which has no address"),),
        answer=AssetBody,
        handle=reading(_get),
        operation=GET_ASSET,
        errors=("NotFound.asset_id",),
    ),
    Endpoint(
        method="PATCH",
        path=_ONE,
        summary="Rename an asset, describe it anew, or move it to another group; null clears",
        optional=(own.NAME, *_DESCRIPTIVE, own.GROUP_ID),
        clearing={"tags": (), "external_id": None, "metadata": None},
        answer=AssetBody,
        handle=changing(_update),
        operation=UPDATE_ASSET,
        errors=("NotFound.asset_id", "NotFound.group_id", "Conflict.ExternalId"),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        summary="Put an asset into the trash; its links end at once, and its ingestion if it is not over",
        handle=changing(_delete),
        operation=DELETE_ASSET,
        errors=("NotFound.asset_id",),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/restore",
        summary="Take an asset out of the trash",
        answer=AssetBody,
        handle=changing(_restore),
        operation=UPDATE_ASSET,
        errors=("NotFound.asset_id", "Conflict.Group", "Conflict.ExternalId", "QuotaExceeded"),
    ),
    Endpoint(
        method="GET",
        path=f"{_ONE}/content",
        summary="Leads to a fresh signed address: this one works as long as the asset does",
        status=307,
        handle=_lead_to_content,
        operation=GET_ASSET,
        errors=("NotFound.asset_id", "Conflict.Status"),
    ),
)
