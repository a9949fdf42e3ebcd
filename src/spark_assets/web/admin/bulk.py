"""`/v1/assets/bulk`: one change to many assets, with a result for each."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from spark_assets.domain.bulk import BulkChange
from spark_assets.domain.bulk_parameters import ACTION, CHANGED_TAGS, DRY_RUN, IDS, MOVE_TO
from spark_assets.domain.errors import InternalError, SparkError, Unavailable
from spark_assets.domain.parameters import UPDATE_ASSET
from spark_assets.operations import bulk
from spark_assets.operations.bulk import Outcomes
from spark_assets.operations.call import Call
from spark_assets.ports.unit_of_work import Database
from spark_assets.web.admin.endpoint import Asked, Endpoint
from spark_assets.web.exchange import Exchange, encode
from spark_assets.wire.bulk import BulkBody, BulkError, BulkResult

log = structlog.get_logger()

_CHUNK: Final = 50
"""Assets of one transaction, so that nobody waits long for it."""
_PATIENCE: Final = 3
"""Assets that may meet a database out of reach, before the others are not tried any more."""


class _Work(msgspec.Struct, frozen=True):
    """What is done to each chunk, and whether it is kept."""

    database: Database
    call: Call
    change: BulkChange
    is_dry_run: bool


async def _change(exchange: Exchange, asked: Asked) -> bytes:
    values = asked.values
    change = BulkChange(**asked.pick("action", "group_id", "tags"))
    bulk.check(asked.call, change)
    work = _Work(exchange.site.runtime.database, asked.call, change, values.get("dry_run", False))
    outcomes: Outcomes = {}
    for start in range(0, len(values["ids"]), _CHUNK):
        outcomes |= await _perform(work, values["ids"][start : start + _CHUNK], outcomes)
    return encode(BulkBody(work.is_dry_run, [_result(asset_id, outcomes[asset_id]) for asset_id in values["ids"]]))


async def _perform(work: _Work, asset_ids: Sequence[str], earlier: Outcomes) -> Outcomes:
    """One chunk in one transaction; if that fails as a whole, each of its assets in one of its own, so that only the culprit fails."""
    lost = _lost(earlier)
    if lost is not None:
        return dict.fromkeys(asset_ids, lost)
    try:
        return await _together(work, asset_ids)
    except Exception as error:  # whatever it was, it will come again for the asset that it belongs to
        log.info("bulk_chunk_divided", request_id=work.call.request_id, assets=len(asset_ids), error=type(error).__name__)
    outcomes = dict(earlier)
    for asset_id in asset_ids:
        outcomes[asset_id] = _lost(outcomes) or await _alone(work, asset_id)
    return {asset_id: outcomes[asset_id] for asset_id in asset_ids}


async def _together(work: _Work, asset_ids: Sequence[str]) -> Outcomes:
    await asyncio.sleep(0)  # SQLite answers inline, and what is not kept waits for no commit: others too shall have their turn
    async with work.database.begin() as uow:
        outcomes = await bulk.apply(uow, work.call, work.change, asset_ids)
        if work.is_dry_run:
            await uow.settle()
        else:
            await uow.commit()
    return outcomes


async def _alone(work: _Work, asset_id: str) -> SparkError | None:
    try:
        return (await _together(work, [asset_id]))[asset_id]
    except SparkError as error:
        return error
    except Exception:
        log.exception("bulk_change_crashed", request_id=work.call.request_id, asset_id=asset_id)
        return InternalError()


def _lost(outcomes: Outcomes) -> SparkError | None:
    """The error of a database that was out of reach again and again; trying on would only take long."""
    met = [error for error in outcomes.values() if isinstance(error, Unavailable)]
    return met[0] if len(met) >= _PATIENCE else None


def _result(asset_id: str, error: SparkError | None) -> BulkResult:
    if error is None:
        return BulkResult(asset_id, "done", None)
    return BulkResult(asset_id, "failed", BulkError(error.code, error.message))


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/assets/bulk",
        summary="Move, tag, untag, delete or restore up to 500 assets; one that cannot be changed stops none of the others",
        required=(ACTION, IDS),
        optional=(MOVE_TO, CHANGED_TAGS, DRY_RUN),
        answer=BulkBody,
        handle=_change,
        operation=UPDATE_ASSET,
    ),
)
