"""The projects that the key may use."""

from typing import Final

from spark_assets.domain.project import NAME_PATTERN
from spark_assets.web.console.frame import Page

_PATTERN: Final = NAME_PATTERN.strip("^$").replace("-]", r"\-]")
"""As browsers want it in an attribute: the whole value is meant, and a hyphen in a class is escaped."""


async def show_projects(page: Page) -> None:
    """`/console/projects`: each with what it holds and may hold."""
    found = await page.ask("/v1/quotas", page.part())
    await page.show("projects.html.jinja", quotas=found["items"], next_cursor=found["next_cursor"], name_pattern=_PATTERN)
