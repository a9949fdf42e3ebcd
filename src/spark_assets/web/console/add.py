"""Adding assets: by address, or from files."""

from typing import Final

from spark_assets.domain.api_key import Scope
from spark_assets.domain.media import AssetType, MediaFormat
from spark_assets.domain.parameter_values import NAME_LENGTH
from spark_assets.web.console.frame import Page
from spark_assets.web.console.group_choice import choose_group
from spark_assets.web.console.remedies import remedies_in

_OTHER_ENDINGS: Final = {"jpeg": AssetType.IMAGE, "tiff": AssetType.IMAGE}
"""Beside the usual ones of the formats."""


async def show_add(page: Page) -> None:
    """`/console/add`: a row for each address or file, sent and watched by the page itself."""
    page.caller.require(Scope.ASSETS_WRITE)
    groups = await choose_group(page, *page.many("group_id"))
    endings = {one.extension: one.asset_type for one in MediaFormat} | _OTHER_ENDINGS
    await page.show(
        "add.html.jinja",
        groups=groups, endings={ending: kind.value for ending, kind in endings.items()}, remedies=remedies_in(page.language),
        types=[one.value for one in AssetType], media_types=sorted({one.media_type for one in MediaFormat}), name_length=NAME_LENGTH,
    )  # fmt: skip
