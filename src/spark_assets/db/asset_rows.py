"""Rows of assets and of their tags."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, select, true, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.tables import assets, tags
from spark_assets.domain.asset import Asset, AssetStatus, Failure, ModerationStrategy
from spark_assets.domain.media import AssetType, MediaFacts, MediaFormat
from spark_assets.ports.repositories import Taken

_GET = select(assets).where(assets.c.id == bindparam("id"), assets.c.deleted_at.is_(None))
_GET_IN_PROJECT = _GET.where(assets.c.project_id == bindparam("project_id"))
_GET_WITHIN = _GET.where(assets.c.project_id.in_(bindparam("project_ids", expanding=True)))
_BY_EXTERNAL_ID = select(assets.c.id).where(
    assets.c.project_id == bindparam("project_id"), assets.c.external_id == bindparam("external_id")
)
_TAGS = select(tags.c.tag).where(tags.c.asset_id == bindparam("asset_id")).order_by(tags.c.position)
_ADD_TAGS = insert(tags)
_PROCESSING = update(assets).where(assets.c.id == bindparam("asset_id"), assets.c.status == AssetStatus.PROCESSING.value)
_ACTIVATE = _PROCESSING.values(
    status=AssetStatus.ACTIVE.value,
    blob_sha256=bindparam("sha256"),
    size=bindparam("new_size"),
    rendition_pending=True,
    updated_at=bindparam("at"),
    **{column: bindparam(f"fact_{column}") for column in MediaFacts.__struct_fields__},
).returning(assets.c.id)
_FAIL = _PROCESSING.values(
    status=AssetStatus.FAILED.value,
    error_code=bindparam("code"),
    error_message=bindparam("message"),
    error_reason=bindparam("reason"),
    updated_at=bindparam("at"),
).returning(assets.c.id)
_SETTLE_RENDITION = update(assets).where(assets.c.id == bindparam("asset_id")).values(rendition_pending=False)
_PENDING = (
    select(assets.c.id)
    .where(assets.c.rendition_pending.is_(true()), assets.c.id > bindparam("after"))
    .order_by(assets.c.id)
    .limit(bindparam("limit"))
)


class AssetRows:
    """The assets and what belongs to them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, asset: Asset) -> None:
        statement = self._connection.insert_new(assets)
        if not await self._connection.run(statement, _values(asset)):
            taken = asset.external_id is not None and await self._connection.run(
                _BY_EXTERNAL_ID, {"project_id": asset.project_id, "external_id": asset.external_id}
            )
            raise Taken("external_id" if taken else "id")
        if asset.tags:
            rows = [{"asset_id": asset.id, "tag": tag, "position": position} for position, tag in enumerate(asset.tags)]
            await self._connection.run(_ADD_TAGS, rows)

    async def get(self, asset_id: str, project_ids: Sequence[str] | None) -> Asset | None:
        if project_ids is None:
            rows = await self._connection.run(_GET, {"id": asset_id})
        elif len(project_ids) == 1:
            rows = await self._connection.run(_GET_IN_PROJECT, {"id": asset_id, "project_id": project_ids[0]})
        else:
            rows = await self._connection.run(_GET_WITHIN, {"id": asset_id, "project_ids": list(project_ids)})
        if not rows:
            return None
        found = await self._connection.run(_TAGS, {"asset_id": asset_id})
        return _asset(rows[0], tuple(row.tag for row in found))

    async def activate(self, asset_id: str, *, sha256: str, size: int, facts: MediaFacts, at: int) -> bool:
        measured = {f"fact_{name}": value for name, value in msgspec.structs.asdict(facts).items()}
        measured["fact_format"] = facts.format.value
        values = {"asset_id": asset_id, "sha256": sha256, "new_size": size, "at": at, **measured}
        return bool(await self._connection.run(_ACTIVATE, values))

    async def fail(self, asset_id: str, failure: Failure, at: int) -> bool:
        values = {"asset_id": asset_id, "code": failure.code, "message": failure.message, "reason": failure.reason, "at": at}
        return bool(await self._connection.run(_FAIL, values))

    async def settle_rendition(self, asset_id: str) -> None:
        await self._connection.run(_SETTLE_RENDITION, {"asset_id": asset_id})

    async def pending_renditions(self, after: str, limit: int) -> list[str]:
        return [row.id for row in await self._connection.run(_PENDING, {"after": after, "limit": limit})]


def _values(asset: Asset) -> dict[str, Any]:
    return {
        "id": asset.id,
        "project_id": asset.project_id,
        "group_id": asset.group_id,
        "name": asset.name,
        "type": asset.type.value,
        "status": asset.status.value,
        "moderation": asset.moderation.value,
        "external_id": asset.external_id,
        "metadata": None if asset.metadata is None else msgspec.json.encode(asset.metadata).decode(),
        "created_at": asset.created_at,
        "updated_at": asset.updated_at,
    }


def _asset(row: Row, its_tags: tuple[str, ...]) -> Asset:
    return Asset(
        id=row.id,
        project_id=row.project_id,
        group_id=row.group_id,
        name=row.name,
        type=AssetType(row.type),
        status=AssetStatus(row.status),
        moderation=ModerationStrategy(row.moderation),
        external_id=row.external_id,
        tags=its_tags,
        metadata=None if row.metadata is None else msgspec.json.decode(row.metadata),
        failure=None if row.error_code is None else Failure(row.error_code, row.error_message, row.error_reason),
        sha256=row.blob_sha256,
        size=row.size,
        facts=None if row.format is None else _facts(row),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _facts(row: Row) -> MediaFacts:
    return MediaFacts(
        format=MediaFormat(row.format),
        width=row.width,
        height=row.height,
        frame_count=row.frame_count,
        duration=row.duration,
        frame_rate=row.frame_rate,
        codec=row.codec,
        has_audio=bool(row.has_audio),
    )
