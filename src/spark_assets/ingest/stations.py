"""The stations between claim and activation: fetch, sniff, inspect, verify, store. None of them holds a transaction."""

from typing import Final

from msgspec.structs import replace

from spark_assets.domain import blob_names
from spark_assets.domain.errors import IngestFailure
from spark_assets.domain.policy import check_facts, check_format, check_size, file_too_large
from spark_assets.domain.task import Stage
from spark_assets.domain.upload import is_staged
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ingest.incoming import collect
from spark_assets.ingest.known_bytes import is_stored
from spark_assets.ingest.sniff import recognise
from spark_assets.ingest.state import IngestState, Tools
from spark_assets.ports.metrics import Count
from spark_assets.ports.source import SourceExpired, TooManyBytes

_SOURCE_LOST: Final = "the source address can no longer be read, for its encryption key is gone; submit the asset again"


async def fetch(state: IngestState, tools: Tools) -> IngestState:
    """Bring the source into the spool file, hashing on the way: by a download, or out of the store where it was uploaded."""
    state.progress.enter(Stage.FETCHING)
    if state.claim.url is None:
        raise IngestFailure("InternalError", _SOURCE_LOST, "attempts_exhausted")
    largest = tools.policy.largest_download(state.asset.type)
    url, progress = state.claim.url, state.progress.bytes_received
    try:
        if is_staged(url):
            download = await collect(url, state.spool, tools, largest=largest, progress=progress)
        else:
            download = await tools.source.fetch(url, state.spool, largest=largest, progress=progress)
    except TooManyBytes as stopped:
        measured = f"file size over {largest} bytes" if stopped.declared is None else f"declared file size {stopped.declared} bytes"
        raise file_too_large(tools.policy, state.asset.type, measured) from None
    except SourceExpired as expired:
        remedy = f"send POST /v1/tasks/{state.claim.task_id}/retry with a new url"
        raise IngestFailure(expired.code, f"{expired.message}; {remedy}", expired.reason) from None
    tools.metrics.count(Count.FETCHED_BYTES, "upload" if is_staged(url) else "url", by=download.size)
    return replace(state, download=download, uploaded_at=tools.clock.now())


async def sniff(state: IngestState, tools: Tools) -> IngestState:
    """Recognise the format by the first bytes, and refuse what the policy does not list."""
    state.progress.enter(Stage.INSPECTING)
    assert state.download is not None
    found = state.format or recognise(state.download.head)
    check_format(tools.policy, state.asset.type, found)
    return replace(state, format=found)


async def inspect(state: IngestState, tools: Tools) -> IngestState:
    """Measure the file in a sandboxed child, unless it is known; a preview is made on the way, and its bytes are being synced meanwhile."""
    assert state.format is not None
    if state.is_known:
        return state
    prepared = tools.blobs.prepare(state.spool)
    inspection = await tools.inspector.inspect(state.spool, state.format, state.preview)
    reach(Failpoint.INSPECTED)
    return replace(state, facts=inspection.facts, prepared=prepared)


async def verify(state: IngestState, tools: Tools) -> IngestState:
    """Hold what was measured against the media policy."""
    assert state.facts is not None
    assert state.download is not None
    check_size(tools.policy, state.asset.type, state.download.size)
    check_facts(tools.policy, state.asset.type, state.facts)
    return state


async def store(state: IngestState, tools: Tools) -> IngestState:
    """Keep the bytes under their hash, unless they are known and there; on return they are durable."""
    state.progress.enter(Stage.STORING)
    if state.is_known and await is_stored(state, tools):
        return replace(state, stored_at=tools.clock.now(), shares_bytes=True)
    return await keep(state, tools)


async def keep(state: IngestState, tools: Tools) -> IngestState:
    """Keep the bytes under their hash, whatever is known of them; on return they are durable."""
    assert state.download is not None
    assert state.format is not None
    stored_at = tools.clock.now()
    await tools.blobs.put(state.spool, blob_names.original(state.download.sha256), state.format.media_type, state.prepared)
    return replace(state, stored_at=stored_at, shares_bytes=False)
