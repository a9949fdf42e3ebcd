"""The last station: one short transaction, conditional on the task still being in progress under this claim."""

from typing import Final

from msgspec.structs import replace

from spark_assets.domain.errors import IngestFailure, QuotaExceeded, SparkError, Unavailable
from spark_assets.domain.quota import Holdings
from spark_assets.domain.usage import UsageRecord
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ingest.state import IngestState, Tools, preview_path
from spark_assets.ingest.stations import keep
from spark_assets.operations import events
from spark_assets.operations.staging import discard_file
from spark_assets.ports.queue import Job, JobKind
from spark_assets.ports.unit_of_work import UnitOfWork

_SWEPT: Final = "the stored bytes were swept before they were referred to; they are fetched again"


async def activate(state: IngestState, tools: Tools) -> IngestState:
    """Asset `Active`, task `completed`, one ledger line, and a derive job if no preview is at hand. A late claim changes nothing.

    Bytes that were there, and were swept before they were referred to, are stored now: the file is still at hand. Raises
    Unavailable if the sweeper took what this ingest stored, IngestFailure `QuotaExceeded` if the project may not hold so
    many bytes; the stored ones are then left to the sweeper.
    """
    await state.progress.close()
    try:
        return await _activate(state, tools)
    except _Swept:
        if not state.shares_bytes:
            raise
    return await _activate(await keep(state, tools), tools)


class _Swept(Unavailable):
    """The stored bytes were swept before they were referred to."""


async def _activate(state: IngestState, tools: Tools) -> IngestState:
    claim, download, facts = state.claim, state.download, state.facts
    assert download is not None
    assert facts is not None
    assert state.stored_at is not None
    assert state.uploaded_at is not None
    now = tools.clock.now()
    charge = tools.prices.charge(claim.model)
    async with tools.database.begin() as uow:
        if state.shares_bytes:
            is_there = await uow.blobs.hold(download.sha256)
        else:
            is_there = await uow.blobs.reference(download.sha256, size=download.size, stored_at=state.stored_at)
        if not is_there:
            raise _Swept(_SWEPT)
        ended = await uow.tasks.complete(claim, charge=charge, received=download.size, uploaded_at=state.uploaded_at, at=now)
        if not ended:
            discard_file(state.preview)
            return state
        reach(Failpoint.TASK_ENDED)
        await uow.assets.activate(claim.asset_id, sha256=download.sha256, size=download.size, facts=facts, at=now)
        reach(Failpoint.ASSET_ACTIVATED)
        await uow.usage.add(
            UsageRecord(
                task_id=claim.task_id,
                project_id=claim.project_id,
                key_id=claim.key_id,
                model=claim.model,
                charge=charge,
                created_at=now,
            )
        )
        reach(Failpoint.USAGE_WRITTEN)
        _keep_preview(uow, state, tools)
        uow.announce(claim.task_id)
        await events.record(uow, events.completed(claim, state.asset.type, download.sha256, download.size, now), claim.traceparent)
        uow.tally(claim.project_id, Holdings(bytes=download.size))
        reach(Failpoint.ACTIVATION_WRITTEN)
        try:
            await uow.commit()
        except SparkError as error:  # where it is in doubt whether it happened, the preview is drawn anew
            discard_file(preview_path(tools.spool, claim.asset_id))
            if isinstance(error, QuotaExceeded):
                raise IngestFailure(error.code, error.message) from None
            raise
    reach(Failpoint.ACTIVATION_COMMITTED)
    return replace(state, is_active=True)


def _keep_preview(uow: UnitOfWork, state: IngestState, tools: Tools) -> None:
    """Under the asset's name, for whoever publishes it; a job draws one where there is none."""
    if state.preview.exists():
        state.preview.replace(preview_path(tools.spool, state.asset.id))
        reach(Failpoint.PREVIEW_KEPT)
    else:
        uow.enqueue(Job(JobKind.DERIVE, state.asset.id))
