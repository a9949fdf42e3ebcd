"""The groups of a project."""

from spark_assets.web.console.frame import Page


async def show_groups(page: Page) -> None:
    """`/console/groups`: those of the project, or with `deleted=true` those in its trash."""
    query = {name: page.one(name) for name in ("name", "deleted", "order")} | {"project": page.project} | page.part()
    found = await page.ask("/v1/groups", query)
    await page.show(
        "groups.html.jinja",
        groups=found["items"], next_cursor=found["next_cursor"], is_trash=page.one("deleted") == "true",
        is_narrowed=page.one("name") is not None,
    )  # fmt: skip
