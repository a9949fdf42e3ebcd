"""Bytes that the asset's own project holds already: they are neither measured nor stored a second time.

Only that project is looked at, its trash included. What others hold makes no ingest any quicker, so nobody learns of it.
"""

from msgspec.structs import replace

from spark_assets.domain import blob_names
from spark_assets.domain.asset import preview_variant
from spark_assets.ingest.state import IngestState, Tools
from spark_assets.ports.blobs import BlobNotFound


async def recall(state: IngestState, tools: Tools) -> IngestState:
    """Take the facts over that were measured when the project got these bytes for the first time."""
    assert state.download is not None
    async with tools.database.read() as repositories:
        facts = await repositories.assets.known_facts(state.claim.project_id, state.download.sha256)
    if facts is None:
        return state
    return replace(state, format=facts.format, facts=facts, is_known=True)


async def is_stored(state: IngestState, tools: Tools) -> bool:
    """Whether known bytes are really there, whole; what a disk has lost is stored anew from the file at hand."""
    assert state.download is not None
    try:
        return await tools.blobs.size(blob_names.original(state.download.sha256)) == state.download.size
    except BlobNotFound:
        return False


async def stored_rendition(state: IngestState, tools: Tools) -> bytes | None:
    """The thumbnail, poster or waveform of known bytes; None if there is none, or none any more."""
    assert state.download is not None
    async with tools.database.read() as repositories:
        known = await repositories.blobs.rendition(state.download.sha256, preview_variant(state.asset.type))
    if known is None:
        return None
    try:
        return b"".join([piece async for piece in tools.blobs.read(known.name, 0, known.size)])
    except BlobNotFound:  # erased meanwhile
        return None
