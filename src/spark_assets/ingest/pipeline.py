"""The order of the stations."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

from spark_assets.domain.asset import Asset
from spark_assets.domain.task import Claim
from spark_assets.domain.upload import is_staged
from spark_assets.domain.usage import MICRO
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ingest.activate import activate
from spark_assets.ingest.incoming import clear
from spark_assets.ingest.known_bytes import recall
from spark_assets.ingest.moderate import moderate
from spark_assets.ingest.progress import ProgressReport
from spark_assets.ingest.state import IngestState, Tools
from spark_assets.ingest.stations import fetch, inspect, sniff, store, verify
from spark_assets.operations.staging import discard_file
from spark_assets.ports.metrics import Measure

STATIONS: Final = (fetch, recall, sniff, inspect, verify, moderate, store, activate)


async def ingest(claim: Claim, asset: Asset, tools: Tools) -> IngestState | None:
    """Carry one claimed task to its completion, and tell what was found; None if a later claim, or another end, came first.

    Raises IngestFailure for a file that cannot be accepted, TransientFailure or Unavailable for what may mend.
    """
    try:
        async with asyncio.timeout(None) as hold:
            state = await _pass(claim, asset, tools, lambda: None if hold.expired() else hold.reschedule(0))
    except TimeoutError:
        if not hold.expired():
            raise
        return None  # the task was cancelled, or claimed anew, or its asset deleted
    if not state.is_active:
        return None
    tools.metrics.observe(Measure.INGEST, (tools.clock.now() - claim.created_at) / MICRO)
    if claim.url is not None and is_staged(claim.url):
        await clear(claim.url, tools)
        reach(Failpoint.UPLOAD_CLEARED)
    return state


async def _pass(claim: Claim, asset: Asset, tools: Tools, stop: Callable[[], None]) -> IngestState:
    """From station to station; `stop` is called as soon as it is noticed that the task has ended otherwise."""
    state = IngestState(
        claim=claim,
        asset=asset,
        spool=tools.spool / f"{claim.task_id}-{claim.fence}",
        preview=tools.spool / f"{claim.task_id}-{claim.fence}.preview",
        progress=ProgressReport(tools.database, claim, stop),
    )
    try:
        for station in STATIONS:
            began = perf_counter()
            try:
                with tools.traces.span(station.__name__):
                    state = await station(state, tools)
            finally:
                tools.metrics.observe(Measure.STAGES, perf_counter() - began, station.__name__)
    finally:
        discard_file(state.spool)
        discard_file(state.preview)
        await state.progress.close()
    return state
