"""Small pictures of assets: stable addresses within a page, which lead to signed ones."""

from typing import Final

from spark_assets.domain.asset import Variant
from spark_assets.domain.errors import NotFound
from spark_assets.operations import links
from spark_assets.web.console.frame import Page, lead
from spark_assets.web.console.static_files import static_address
from spark_assets.web.error_responses import unknown_path

_VARIANTS: Final = {variant.value: variant for variant in Variant}
_NOT_YET: Final = "NotFound.variant"


async def show_picture(page: Page) -> None:
    """`/console/assets/{asset_id}/picture/{variant}`: lead to the rendition, or to a sign that it is still to be made."""
    exchange = page.exchange
    variant = _VARIANTS.get(str(exchange.path_parameters["variant"]))
    if variant is None:
        raise unknown_path()
    runtime, asset_id = exchange.site.runtime, str(exchange.path_parameters["asset_id"])
    try:
        async with runtime.database.read() as repositories:
            address, _ = await links.mint(repositories, page.call, runtime.links, asset_id, variant=variant)
    except NotFound as error:
        if error.code != _NOT_YET:
            raise
        address = exchange.site.at(static_address("pending.svg"))
    await lead(exchange, address)
