"""An asset as both dialects show it."""

from msgspec import UNSET

from spark_assets.domain.asset import Asset
from spark_assets.domain.project import Project
from spark_assets.wire.ark import AssetResult, ErrorResult, ModerationResult
from spark_assets.wire.times import utc_seconds


def asset_result(asset: Asset, project: Project, link: str) -> AssetResult:
    """The result of GetAsset; `link` is its signed address, empty unless the asset is active."""
    shown = AssetResult(
        id=asset.id,
        name=asset.name,
        url=link,
        asset_type=asset.type.value,
        group_id=asset.group_id,
        status=asset.status.value,
        moderation=ModerationResult(asset.moderation.value),
        create_time=utc_seconds(asset.created_at),
        update_time=utc_seconds(asset.updated_at),
        project_name=project.name,
        tags=asset.tags,
        external_id=asset.external_id or UNSET,
        metadata=UNSET if asset.metadata is None else asset.metadata,
    )
    if asset.failure is not None:
        shown.error = ErrorResult(asset.failure.code, asset.failure.message)
    if asset.facts is not None and asset.sha256 is not None and asset.size is not None:
        facts = asset.facts
        shown.sha256, shown.size, shown.format = asset.sha256, asset.size, facts.format.value
        shown.width = UNSET if facts.width is None else facts.width
        shown.height = UNSET if facts.height is None else facts.height
        shown.duration = UNSET if facts.duration is None else facts.duration
        shown.frame_rate = UNSET if facts.frame_rate is None else facts.frame_rate
        shown.codec = UNSET if facts.codec is None else facts.codec
    return shown
