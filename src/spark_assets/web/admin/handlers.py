"""Our own REST surface: one asset, and a way to its bytes."""

from spark_assets.domain.asset import Asset
from spark_assets.domain.errors import Conflict
from spark_assets.domain.project import Project
from spark_assets.operations import assets
from spark_assets.operations.call import Call
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.json_body import check_accept
from spark_assets.wire.admin import AssetBody, AssetError
from spark_assets.wire.times import rfc3339


async def get_asset(exchange: Exchange) -> None:
    """`GET /v1/assets/{id}`: an asset of any project within the key's reach."""
    exchange.allow("GET", "HEAD")
    check_accept(exchange)
    asset, project = await _find(exchange)
    link = exchange.site.runtime.links.link(asset, exchange.now)
    await exchange.respond(200, encode(_asset_body(asset, project, link)))


async def get_content(exchange: Exchange) -> None:
    """`GET /v1/assets/{id}/content`: leads to a fresh signed link, so that this address works as long as the asset does."""
    exchange.allow("GET", "HEAD")
    asset, _ = await _find(exchange)
    link = exchange.site.runtime.links.link(asset, exchange.now)
    if not link:
        raise Conflict("Status", f"the asset has no content: it is {asset.status.value}")
    await exchange.respond(307, b"", ((b"location", link.encode()), (b"cache-control", b"no-store")))


async def _find(exchange: Exchange) -> tuple[Asset, Project]:
    site = exchange.site
    caller = await site.authenticator.caller(exchange.header(b"authorization"))
    call = Call(caller=caller, request_id=exchange.request_id, now=exchange.now, terms=site.runtime.terms)
    async with site.runtime.database.read() as repositories:
        return await assets.find(repositories, call, exchange.path_parameters["asset_id"])


def _asset_body(asset: Asset, project: Project, link: str) -> AssetBody:
    facts, failure = asset.facts, asset.failure
    return AssetBody(
        id=asset.id,
        name=asset.name,
        type=asset.type.value,
        status=asset.status.value,
        group_id=asset.group_id,
        project=project.name,
        url=link or None,
        sha256=asset.sha256,
        size=asset.size,
        format=None if facts is None else facts.format.value,
        width=None if facts is None else facts.width,
        height=None if facts is None else facts.height,
        duration=None if facts is None else facts.duration,
        frame_rate=None if facts is None else facts.frame_rate,
        codec=None if facts is None else facts.codec,
        tags=asset.tags,
        external_id=asset.external_id,
        metadata=asset.metadata,
        created_at=rfc3339(asset.created_at),
        updated_at=rfc3339(asset.updated_at),
        error=None if failure is None else AssetError(failure.code, failure.message, failure.reason),
    )
