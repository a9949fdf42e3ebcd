"""Renditions: the thumbnail, poster or waveform of an active asset. Their failure never fails the asset."""

from pathlib import Path

from spark_assets.domain import blob_names
from spark_assets.domain.asset import Asset, Variant, preview_variant
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ingest.state import IngestState, Tools, preview_path
from spark_assets.operations.staging import discard_file
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.ports.inspector import PREVIEW_FORMAT
from spark_assets.ports.repositories import Rendition


async def publish_preview(state: IngestState, tools: Tools) -> None:
    """Publish the preview that the ingest of an asset left; without one there is a derive job. Raises Unavailable, StorageFull."""
    preview = preview_path(tools.spool, state.asset.id)
    if state.download is not None and preview.exists():
        with tools.traces.span("preview", parent=state.claim.traceparent):
            await _publish(state.asset.id, state.download.sha256, preview_variant(state.asset.type), preview, tools)


async def derive(asset_id: str, tools: Tools) -> None:
    """Publish the rendition of an asset, from a preview that an ingest left when it was interrupted, or else from the stored bytes."""
    preview = preview_path(tools.spool, asset_id)
    async with tools.database.read() as repositories:
        asset = await repositories.assets.get(asset_id, None)
        if asset is None or asset.sha256 is None:
            discard_file(preview)
            return
        variant = preview_variant(asset.type)
        known = await repositories.blobs.rendition(asset.sha256, variant)
    if known is None and (preview.exists() or await _draw(asset, preview, tools)):
        await _publish(asset_id, asset.sha256, variant, preview, tools)
    else:
        await give_up(asset_id, tools)


async def give_up(asset_id: str, tools: Tools) -> None:
    """There is no rendition to make, or none that could be made."""
    discard_file(preview_path(tools.spool, asset_id))
    async with tools.database.begin() as uow:
        await uow.assets.settle_rendition(asset_id)
        await uow.commit(wait=False)


async def _draw(asset: Asset, preview: Path, tools: Tools) -> bool:
    """Make the preview from the stored bytes; False if there is nothing to show."""
    assert asset.sha256 is not None
    assert asset.facts is not None
    copy = preview.with_suffix(".copy")
    try:
        await tools.blobs.download(blob_names.original(asset.sha256), copy)
        return await tools.inspector.preview(copy, asset.facts.format, preview)
    except BlobNotFound:  # erased meanwhile
        return False
    finally:
        discard_file(copy)


async def _publish(asset_id: str, sha256: str, variant: Variant, preview: Path, tools: Tools) -> None:
    size = preview.stat().st_size  # noqa: ASYNC240  # a file that was written a moment ago
    name = blob_names.rendition(sha256, variant.value, PREVIEW_FORMAT.extension)
    await tools.blobs.put(preview, name, PREVIEW_FORMAT.media_type)
    reach(Failpoint.RENDITION_STORED)
    async with tools.database.begin() as uow:
        has_original = await uow.blobs.hold(sha256)
        if has_original:
            await uow.blobs.add_rendition(Rendition(sha256, variant, name, size, PREVIEW_FORMAT.media_type))
            await uow.assets.settle_rendition(asset_id)
            reach(Failpoint.RENDITION_WRITTEN)
            await uow.commit(wait=False)
            reach(Failpoint.RENDITION_COMMITTED)
    if not has_original:  # erased meanwhile, perhaps before the rendition was there to be erased with it
        await tools.blobs.delete(name)
