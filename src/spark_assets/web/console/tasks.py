"""The tasks of a project, as they happen."""

from collections.abc import Sequence
from typing import Any, Final

from spark_assets.domain.parameters import OPERATIONS
from spark_assets.domain.task import TaskStatus
from spark_assets.web.console.frame import Page
from spark_assets.web.console.remedies import remedy_of

WORKS: Final = {
    "spark_asset_create": "Add an asset",
    "spark_asset_create_group": "Make a group",
    "spark_asset_get": "Read an asset",
    "spark_asset_get_group": "Read a group",
    "spark_asset_list": "List assets",
    "spark_asset_list_groups": "List groups",
    "spark_asset_update": "Change an asset",
    "spark_asset_update_group": "Change a group",
    "spark_asset_delete": "Delete an asset",
    "spark_asset_delete_group": "Delete a group",
}
"""What the tasks of each model do, in words."""


async def show_tasks(page: Page) -> None:
    """`/console/tasks`: newest first, narrowed by state, model and asset."""
    query: dict[str, Any] = {"status": page.many("status"), "model": page.many("model"), "asset_id": page.one("asset_id")}
    found = await page.ask("/v1/tasks", query | {"project": page.project} | page.part(40))
    await page.show(
        "tasks.html.jinja",
        tasks=found["items"], next_cursor=found["next_cursor"], is_narrowed=any(query.values()), remedy_of=remedy_of,
        names=await _names(page, found["items"]), works=WORKS, models=list(OPERATIONS), statuses=[one.value for one in TaskStatus],
    )  # fmt: skip


async def _names(page: Page, tasks: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The names of the assets and groups that tasks are about, by their IDs; of what was deleted, and of others, none."""
    names: dict[str, str] = {}
    for field, template in (("asset_id", "/v1/assets"), ("group_id", "/v1/groups")):
        wanted = list(dict.fromkeys(task[field] for task in tasks if task[field]))
        if wanted:
            found = await page.ask(template, {"id": wanted, "limit": str(len(wanted)), "project": page.project})
            names |= {one["id"]: one["name"] for one in found["items"]}
    return names
