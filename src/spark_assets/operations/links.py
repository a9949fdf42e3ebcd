"""Links that clients ask for: to a variant of their choice, for as long as they say."""

from spark_assets.domain.asset import Asset, AssetStatus, Variant
from spark_assets.domain.errors import Conflict, NotFound
from spark_assets.domain.link import LINK_LIFETIME
from spark_assets.domain.usage import MICRO
from spark_assets.operations import assets
from spark_assets.operations.call import Call
from spark_assets.operations.delivery import Links
from spark_assets.ports.unit_of_work import Repositories


async def mint(
    repositories: Repositories,
    call: Call,
    links: Links,
    asset_id: str,
    *,
    variant: Variant = Variant.ORIGINAL,
    lifetime: int = LINK_LIFETIME,
) -> tuple[str, int]:
    """A signed link that works for `lifetime` seconds, and when it ends in Unix microseconds.

    Raises AccessDenied, NotFound `asset_id` or `variant`, Conflict `Status`.
    """
    asset, _ = await assets.find(repositories, call, asset_id)
    await check_deliverable(repositories, asset, variant)
    return links.link(asset, call.now, variant, lifetime), (call.now // MICRO + lifetime) * MICRO


async def check_deliverable(repositories: Repositories, asset: Asset, variant: Variant) -> None:
    """Raises Conflict `Status` unless the asset is active, NotFound `variant` if there is no such rendition of it."""
    if asset.status is not AssetStatus.ACTIVE or asset.sha256 is None:
        raise Conflict("Status", f"the asset has no content: it is {asset.status.value}")
    if variant is not Variant.ORIGINAL and await repositories.blobs.rendition(asset.sha256, variant) is None:
        raise NotFound("variant", f"the asset has no {variant.value}, or not yet; the original is always there")
