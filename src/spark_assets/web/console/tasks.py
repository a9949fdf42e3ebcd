"""The tasks of a project, as they happen."""

from typing import Any

from spark_assets.domain.parameters import OPERATIONS
from spark_assets.domain.task import TaskStatus
from spark_assets.web.console.frame import Page
from spark_assets.web.console.remedies import remedy_of


async def show_tasks(page: Page) -> None:
    """`/console/tasks`: newest first, narrowed by state, model and asset."""
    query: dict[str, Any] = {"status": page.many("status"), "model": page.many("model"), "asset_id": page.one("asset_id")}
    found = await page.ask("/v1/tasks", query | {"project": page.project} | page.part(40))
    await page.show(
        "tasks.html.jinja",
        tasks=found["items"], next_cursor=found["next_cursor"], is_narrowed=any(query.values()), remedy_of=remedy_of,
        models=list(OPERATIONS), statuses=[one.value for one in TaskStatus],
    )  # fmt: skip
