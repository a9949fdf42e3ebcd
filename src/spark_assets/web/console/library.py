"""The library: the assets of a project, in a grid or a table."""

from typing import Any, Final

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.media import AssetType
from spark_assets.web.console.frame import Page
from spark_assets.web.console.group_choice import choose_group

_FILTERS: Final = ("name", "external_id", "created_after", "created_before", "sort", "order")
_REPEATED: Final = ("group_id", "status", "type", "tag")


async def show_library(page: Page) -> None:
    """`/console`: what is in the project, or with `deleted=true` in its trash."""
    query: dict[str, Any] = {name: page.one(name) for name in _FILTERS} | {name: page.many(name) for name in _REPEATED} | page.part()
    query |= {"deleted": page.one("deleted"), "project": page.project}
    found = await page.ask("/v1/assets", query)
    groups = await choose_group(page, *page.many("group_id"))
    is_narrowed = any(page.many(name) for name in (*_FILTERS[:4], *_REPEATED))
    await page.show(
        "library.html.jinja",
        assets=found["items"], next_cursor=found["next_cursor"], groups=groups, is_narrowed=is_narrowed,
        types=[one.value for one in AssetType], statuses=[one.value for one in AssetStatus], is_trash=page.one("deleted") == "true",
        is_table=page.one("view") == "table",
    )  # fmt: skip
