"""How the service is doing, for whoever runs it."""

from typing import Final

import msgspec

from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import AccessDenied
from spark_assets.domain.usage import MICRO, UsageSpan
from spark_assets.operations.call import Call
from spark_assets.ports.queue import Queue
from spark_assets.ports.unit_of_work import Database

MINUTES: Final = 15
"""How far back ingests are counted."""
_MINUTE: Final = 60 * MICRO
_INGESTING: Final = ("spark_asset_create",)


class VitalSigns(msgspec.Struct, frozen=True, kw_only=True):
    """Of the whole service, all projects together. Times are Unix microseconds."""

    waiting: int
    """Jobs in the queue that nobody works on, and ingests that wait for their turn."""
    oldest: int | None
    """Since when the task has been in progress that began first; None if none is."""
    ingested: tuple[int, ...]
    """Assets that became active in each of the last MINUTES minutes, the latest last."""


async def take(database: Database, queue: Queue, call: Call) -> VitalSigns:
    """The vital signs at `call.now`. Raises AccessDenied unless the key has the scope admin for all projects, Unavailable."""
    require_service(call)
    waiting = await queue.depth()
    async with database.read() as repositories:
        waiting += await repositories.lines.waiting()
        oldest = await repositories.lines.oldest()
        ingested = []
        for minute in range(MINUTES, 0, -1):
            start = call.now - minute * _MINUTE
            span = UsageSpan(start=start, end=start + _MINUTE, models=_INGESTING)
            ingested.append((await repositories.usage.totals(None, span, ()))[0].tasks)
    return VitalSigns(waiting=waiting, oldest=oldest, ingested=tuple(ingested))


def require_service(call: Call) -> None:
    """Raises AccessDenied for a key that may not see what belongs to no project: it has the scope admin, and no list of projects."""
    call.caller.require(Scope.ADMIN)
    if call.caller.project_ids is not None:
        raise AccessDenied(f"{Scope.ADMIN.value} (for all projects)")
