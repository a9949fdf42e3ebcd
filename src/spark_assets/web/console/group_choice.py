"""The groups that a page offers to choose from: the newest hundred, and those that are chosen already."""

from typing import Any

import msgspec

from spark_assets.web.console.frame import Page


class GroupChoice(msgspec.Struct, frozen=True):
    """Groups as our own surface shows them; `is_part`: there are more, which are found by their names."""

    items: list[dict[str, Any]]
    is_part: bool

    def name_of(self, group_id: str) -> str:
        """A group's name; its ID where it is not among them."""
        return next((str(group["name"]) for group in self.items if group["id"] == group_id), group_id)


async def choose_group(page: Page, *chosen: str) -> GroupChoice:
    """The groups of the page's project to choose from."""
    found = await page.ask("/v1/groups", {"limit": "100", "project": page.project})
    items: list[dict[str, Any]] = found["items"]
    missing = [one for one in dict.fromkeys(chosen) if all(group["id"] != one for group in items)]
    if missing:
        items += (await page.ask("/v1/groups", {"id": missing[:100], "limit": "100", "project": page.project}))["items"]
    return GroupChoice(items, found["next_cursor"] is not None)
