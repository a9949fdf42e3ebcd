"""Assets, groups and lists as both dialects show them."""

from typing import Any

from msgspec import UNSET

from spark_assets.domain.asset import Asset
from spark_assets.domain.group import Group
from spark_assets.domain.project import Project
from spark_assets.operations.paging import Listed
from spark_assets.wire.ark import AssetResult, ErrorResult, GroupResult, ListResult, ModerationResult
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


def group_result(group: Group, project: Project) -> GroupResult:
    """The result of GetAssetGroup."""
    return GroupResult(
        id=group.id,
        name=group.name,
        title=group.name,
        description=group.description,
        group_type=group.type.value,
        project_name=project.name,
        create_time=utc_seconds(group.created_at),
        update_time=utc_seconds(group.updated_at),
    )


def list_result(items: list[Any], listed: Listed[Any]) -> ListResult:
    """The result of a list, its items shown already."""
    return ListResult(
        items=items,
        total_count=UNSET if listed.total is None else listed.total,
        page_number=UNSET if listed.page_number is None else listed.page_number,
        page_size=UNSET if listed.page_size is None else listed.page_size,
        next_token=listed.next_token or UNSET,
    )
