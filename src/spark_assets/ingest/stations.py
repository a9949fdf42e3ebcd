"""The stations between claim and activation: fetch, sniff, inspect, verify, store. None of them holds a transaction."""

from typing import Final

from msgspec.structs import replace

from spark_assets.domain import blob_names
from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.policy import check_facts, check_format, check_size, file_too_large
from spark_assets.domain.task import Stage
from spark_assets.ingest.sniff import recognise
from spark_assets.ingest.state import IngestState, Tools
from spark_assets.ports.source import TooManyBytes

_SOURCE_LOST: Final = "the source address can no longer be read, for its encryption key is gone; submit the asset again"


async def fetch(state: IngestState, tools: Tools) -> IngestState:
    """Download the source into the spool file, hashing on the way."""
    state.progress.enter(Stage.FETCHING)
    if state.claim.url is None:
        raise IngestFailure("InternalError", _SOURCE_LOST, "attempts_exhausted")
    largest = tools.policy.largest_download(state.asset.type)
    try:
        download = await tools.source.fetch(state.claim.url, state.spool, largest=largest, progress=state.progress.bytes_received)
    except TooManyBytes as stopped:
        measured = f"file size over {largest} bytes" if stopped.declared is None else f"declared file size {stopped.declared} bytes"
        raise file_too_large(tools.policy, state.asset.type, measured) from None
    return replace(state, download=download, uploaded_at=tools.clock.now())


async def sniff(state: IngestState, tools: Tools) -> IngestState:
    """Recognise the format by the first bytes, and refuse what the policy does not list."""
    state.progress.enter(Stage.INSPECTING)
    assert state.download is not None
    found = recognise(state.download.head)
    check_format(tools.policy, state.asset.type, found)
    return replace(state, format=found)


async def inspect(state: IngestState, tools: Tools) -> IngestState:
    """Measure the file in a sandboxed child; a preview is made on the way."""
    assert state.format is not None
    inspection = await tools.inspector.inspect(state.spool, state.format, state.preview)
    return replace(state, facts=inspection.facts)


async def verify(state: IngestState, tools: Tools) -> IngestState:
    """Hold what was measured against the media policy."""
    assert state.facts is not None
    assert state.download is not None
    check_size(tools.policy, state.asset.type, state.download.size)
    check_facts(tools.policy, state.asset.type, state.facts)
    return state


async def store(state: IngestState, tools: Tools) -> IngestState:
    """Keep the bytes under their hash; on return they are durable."""
    assert state.download is not None
    assert state.format is not None
    state.progress.enter(Stage.STORING)
    stored_at = tools.clock.now()
    await tools.blobs.put(state.spool, blob_names.original(state.download.sha256), state.format.media_type)
    return replace(state, stored_at=stored_at)
