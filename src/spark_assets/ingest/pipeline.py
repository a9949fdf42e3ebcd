"""The order of the stations."""

from typing import Final

from spark_assets.domain.asset import Asset
from spark_assets.domain.task import Claim
from spark_assets.ingest.activate import activate
from spark_assets.ingest.moderate import moderate
from spark_assets.ingest.progress import ProgressReport
from spark_assets.ingest.state import IngestState, Tools
from spark_assets.ingest.stations import fetch, inspect, sniff, store, verify

STATIONS: Final = (fetch, sniff, inspect, verify, moderate, store, activate)


async def ingest(claim: Claim, asset: Asset, tools: Tools) -> bool:
    """Carry one claimed task to its completion; False if a later claim, or another end, came first.

    Raises IngestFailure for a file that cannot be accepted, TransientFailure or Unavailable for what may mend.
    """
    state = IngestState(
        claim=claim,
        asset=asset,
        spool=tools.spool / f"{claim.task_id}-{claim.fence}",
        preview=tools.spool / f"{claim.task_id}-{claim.fence}.preview",
        progress=ProgressReport(tools.database, claim),
    )
    try:
        for station in STATIONS:
            state = await station(state, tools)
    except BaseException:
        state.spool.unlink(missing_ok=True)
        state.preview.unlink(missing_ok=True)
        raise
    finally:
        await state.progress.close()
    return state.is_active
