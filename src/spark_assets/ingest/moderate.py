"""The station before the store: what a moderator refuses is never kept."""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from spark_assets.domain.asset import ModerationStrategy
from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.ingest.known_bytes import stored_rendition
from spark_assets.ingest.state import IngestState, Tools
from spark_assets.ports.moderator import Case, NoVerdict

_UNJUDGED: Final = "no verdict on the file could be had from the moderator in any attempt; submit the asset again later"

log = structlog.get_logger()


async def moderate(state: IngestState, tools: Tools) -> IngestState:
    """Have the file judged, unless there is no moderator or the asset is excepted.

    Raises IngestFailure `ContentRestricted` for a refusal. Without a verdict nothing is allowed: TransientFailure.
    """
    if tools.moderator is None or state.asset.moderation is ModerationStrategy.SKIP:
        return state
    case = await _describe(state, tools)
    try:
        verdict = await tools.moderator.judge(case)
    except NoVerdict as error:
        log.warning("moderator_failed", task_id=state.claim.task_id, asset_id=case.asset_id, error=str(error))
        raise TransientFailure("InternalError", _UNJUDGED, "attempts_exhausted") from error
    if verdict.refusal is not None:
        raise IngestFailure("ContentRestricted", verdict.sentence)
    return state


async def _describe(state: IngestState, tools: Tools) -> Case:
    asset, download, facts = state.asset, state.download, state.facts
    assert download is not None
    assert facts is not None
    return Case(
        asset_id=asset.id,
        project_id=asset.project_id,
        name=asset.name,
        type=asset.type,
        sha256=download.sha256,
        size=download.size,
        facts=facts,
        rendition=await _rendition(state, tools),
    )


async def _rendition(state: IngestState, tools: Tools) -> bytes | None:
    """The preview that the inspection left, the rendition that known bytes have, or one drawn now, which stays; None if there is none.

    Raises TransientFailure where another attempt may draw it: a moderator must not judge by less than there is to see.
    """
    left = await asyncio.to_thread(_read, state.preview)
    if left is not None:
        return left
    if state.is_known and (stored := await stored_rendition(state, tools)) is not None:
        return stored
    assert state.format is not None
    try:
        await tools.inspector.preview(state.spool, state.format, state.preview)
    except TransientFailure:
        raise
    except IngestFailure:
        return None
    return await asyncio.to_thread(_read, state.preview)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
