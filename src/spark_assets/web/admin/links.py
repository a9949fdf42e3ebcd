"""`/v1/assets/{id}/links`: signed links to a variant of an asset, for as long as the client says."""

from typing import Final

from spark_assets.domain.asset import Variant
from spark_assets.domain.link_parameters import EXPIRES_IN, VARIANT
from spark_assets.domain.parameters import GET_ASSET
from spark_assets.operations import links
from spark_assets.ports.unit_of_work import Repositories
from spark_assets.web.admin.endpoint import Asked, Endpoint, reading
from spark_assets.wire.share import LinkBody
from spark_assets.wire.times import rfc3339


async def _mint(repositories: Repositories, asked: Asked) -> LinkBody:
    url, expires_at = await links.mint(repositories, asked.call, asked.links, asked.path["asset_id"], **asked.values)
    return LinkBody(url, asked.values.get("variant", Variant.ORIGINAL).value, rfc3339(expires_at))


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/assets/{asset_id}/links",
        summary="Mint a signed link, which works for anyone until it expires",
        optional=(EXPIRES_IN, VARIANT),
        answer=LinkBody,
        status=201,
        handle=reading(_mint),  # a link is written nowhere: asking twice makes another one, and changes nothing
        operation=GET_ASSET,
        errors=("NotFound.asset_id", "NotFound.variant", "Conflict.Status"),
    ),
)
