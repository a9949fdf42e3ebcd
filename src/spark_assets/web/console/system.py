"""The service itself: whether its parts work, what they have to do, how it is set up, and who did what."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from spark_assets import __version__
from spark_assets.domain.usage import MICRO
from spark_assets.operations import vital_signs
from spark_assets.web.console.charts import upright
from spark_assets.web.console.frame import Page
from spark_assets.wire.times import rfc3339

PARTS: Final = ("Database", "Storage")
"""What is looked at, in words."""


async def show_system(page: Page) -> None:
    """`/console/system`, for the scope admin; the audit trail is narrowed by `of`, a project, and by `action`."""
    site, runtime = page.exchange.site, page.exchange.site.runtime
    signs = await vital_signs.take(runtime.database, runtime.queue, page.call)
    troubles = await site.troubles.find()
    audit = await page.ask("/v1/audit", {"project": page.one("of"), "action": page.one("action"), **page.part(30)})
    await page.show(
        "system.html.jinja",
        health=[(part, troubles.get(part.lower())) for part in PARTS], is_draining=site.draining.is_set(),
        version=__version__, base_url=runtime.base_url, settings=site.settings, signs=signs,
        oldest=None if signs.oldest is None else rfc3339(signs.oldest), age=None if signs.oldest is None else _seconds(page, signs.oldest),
        rate=_rate(page, signs.ingested), total=sum(signs.ingested), minutes=vital_signs.MINUTES,
        entries=audit["items"], next_cursor=audit["next_cursor"],
    )  # fmt: skip


def _seconds(page: Page, since: int) -> float:
    return max(page.exchange.now - since, 0) / MICRO


def _rate(page: Page, ingested: tuple[int, ...]) -> object:
    """A chart of the minutes, each called by the time at which it began."""
    names = [_clock(page.exchange.now - minute * 60 * MICRO) for minute in range(len(ingested), 0, -1)]
    return upright([(name, Decimal(count), str(count)) for name, count in zip(names, ingested, strict=True)])


def _clock(moment: int) -> str:
    return datetime.fromtimestamp(moment / MICRO, UTC).strftime("%H:%M")
