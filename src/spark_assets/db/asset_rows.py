"""Rows of assets and of their tags."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, select, true, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.faults import Clash
from spark_assets.db.lists import RARE, asset_conditions, count_of, in_progress, is_search, page_of, rarity_of
from spark_assets.db.quota_rows import holdings_by_project
from spark_assets.db.tables import assets, blobs, tags
from spark_assets.domain.asset import Asset, AssetStatus, Deleted, Failure, ModerationStrategy
from spark_assets.domain.listing import AssetFilter, Slice, folded
from spark_assets.domain.media import AssetType, MediaFacts, MediaFormat
from spark_assets.domain.quota import Holdings
from spark_assets.ports.repositories import LATEST, Taken

_GET = select(assets).where(assets.c.id == bindparam("id"), assets.c.deleted_at.is_(None))
_GET_IN_PROJECT = _GET.where(assets.c.project_id == bindparam("project_id"))
_LOCK = _GET_IN_PROJECT.with_for_update()
_GET_WITHIN = _GET.where(assets.c.project_id.in_(bindparam("project_ids", expanding=True)))
_BY_EXTERNAL_ID = select(assets.c.id).where(
    assets.c.project_id == bindparam("project_id"),
    assets.c.external_id == bindparam("external_id"),
    assets.c.deleted_at.is_(None),
)
_TAGS = select(tags.c.tag).where(tags.c.asset_id == bindparam("asset_id")).order_by(tags.c.position)
_TAGS_OF = select(tags.c.asset_id, tags.c.tag).where(tags.c.asset_id.in_(bindparam("asset_ids", expanding=True))).order_by(tags.c.position)
_DROP_TAGS = delete(tags).where(tags.c.asset_id == bindparam("changed_asset"))
_UPDATE = (
    update(assets)
    .where(assets.c.id == bindparam("asset_id"), assets.c.deleted_at.is_(None))
    .values(
        name=bindparam("new_name"),
        name_folded=bindparam("folded"),
        group_id=bindparam("new_group"),
        external_id=bindparam("new_external_id"),
        metadata=bindparam("new_metadata"),
        updated_at=bindparam("at"),
    )
    .returning(assets.c.id)
)
_DELETE = (
    update(assets)
    .where(assets.c.id.in_(bindparam("asset_ids", expanding=True)), assets.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("at"))
    .returning(assets.c.id, assets.c.group_id, assets.c.project_id, assets.c.size)
)
_TRASHED = select(assets).where(assets.c.id == bindparam("id"), assets.c.deleted_at.is_not(None))
_TRASHED_WITHIN = _TRASHED.where(assets.c.project_id.in_(bindparam("project_ids", expanding=True)))
_DELETED_WITH_GROUP = select(assets.c.id).where(assets.c.group_id == bindparam("wanted_group"), assets.c.deleted_at == bindparam("at"))
_holder = assets.alias("holder")
_WITH_TAKEN_EXTERNAL_ID = (
    select(assets.c.external_id)
    .join(_holder, and_(_holder.c.project_id == assets.c.project_id, _holder.c.external_id == assets.c.external_id))
    .where(assets.c.id.in_(bindparam("asset_ids", expanding=True)), _holder.c.deleted_at.is_(None))
    .limit(1)
)
_RESTORE = (
    update(assets)
    .where(assets.c.id.in_(bindparam("asset_ids", expanding=True)), assets.c.deleted_at.is_not(None))
    .values(deleted_at=None, updated_at=bindparam("at"))
    .returning(assets.c.project_id, assets.c.size)
)
# The project is named because the index by group begins with it.
_IN_GROUP = select(assets.c.id).where(
    assets.c.project_id == bindparam("project_id"), assets.c.group_id == bindparam("wanted_group"), assets.c.deleted_at.is_(None)
)
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
# Led to by the index of blobs within the project: what other projects have of the same bytes is not even passed by.
_KNOWN_FACTS = (
    select(*(assets.c[name] for name in MediaFacts.__struct_fields__))
    .join(blobs, blobs.c.sha256 == assets.c.blob_sha256)
    .where(assets.c.project_id == bindparam("project_id"), assets.c.blob_sha256 == bindparam("sha256"), blobs.c.state == "stored")
    .limit(bindparam("limit"))
)
_SETTLE_RENDITION = update(assets).where(assets.c.id == bindparam("asset_id")).values(rendition_pending=False)
_PENDING = (
    select(assets.c.id)
    .where(
        assets.c.rendition_pending.is_(true()),
        assets.c.deleted_at.is_(None),
        assets.c.updated_at <= bindparam("by"),
        assets.c.id > bindparam("after"),
    )
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
        await self._add_tags(asset)

    async def get(self, asset_id: str, project_ids: Sequence[str] | None) -> Asset | None:
        if project_ids is None:
            rows = await self._connection.run(_GET, {"id": asset_id})
        elif len(project_ids) == 1:
            rows = await self._connection.run(_GET_IN_PROJECT, {"id": asset_id, "project_id": project_ids[0]})
        else:
            rows = await self._connection.run(_GET_WITHIN, {"id": asset_id, "project_ids": list(project_ids)})
        if not rows:
            return None
        return await self._with_tags(rows[0])

    async def lock(self, asset_id: str, project_id: str) -> Asset | None:
        rows = await self._connection.run(_LOCK, {"id": asset_id, "project_id": project_id})
        return await self._with_tags(rows[0]) if rows else None

    async def page(self, project_ids: Sequence[str], wanted: AssetFilter, part: Slice) -> list[Asset]:
        statement = page_of(assets, await self._conditions(project_ids, wanted), part)
        rows = await (self._connection.run_long(statement) if is_search(wanted, part) else self._connection.run(statement))
        found: dict[str, list[str]] = {row.id: [] for row in rows}
        if found:
            for tag in await self._connection.run(_TAGS_OF, {"asset_ids": list(found)}):
                found[tag.asset_id].append(tag.tag)
        return [_asset(row, tuple(found[row.id])) for row in rows]

    async def count(self, project_ids: Sequence[str], wanted: AssetFilter) -> int:
        statement = count_of(assets, await self._conditions(project_ids, wanted))
        return int((await self._connection.run_long(statement))[0][0])

    async def _conditions(self, project_ids: Sequence[str], wanted: AssetFilter) -> list[ColumnElement[bool]]:
        rare_tag = await self._rare_tag(wanted)
        is_led = wanted.statuses == (AssetStatus.PROCESSING,) and rare_tag is None
        is_quiet = is_led and (await self._connection.run_long(in_progress()))[0][0] <= RARE
        return asset_conditions(project_ids, wanted, rare_tag, is_quiet=is_quiet)

    async def _rare_tag(self, wanted: AssetFilter) -> str | None:
        """One of the tags that few assets have."""
        for tag in wanted.tags:
            if (await self._connection.run_long(rarity_of(tag)))[0][0] <= RARE:
                return tag
        return None

    async def update(self, asset: Asset) -> bool:
        if asset.external_id is not None:
            wanted = {"project_id": asset.project_id, "external_id": asset.external_id}
            if any(row.id != asset.id for row in await self._connection.run(_BY_EXTERNAL_ID, wanted)):
                raise Taken("external_id")
        values = {
            "new_name": asset.name,
            "folded": folded(asset.name),
            "new_group": asset.group_id,
            "new_external_id": asset.external_id,
            "new_metadata": _json(asset.metadata),
            "at": asset.updated_at,
        }
        try:
            if not await self._connection.run(_UPDATE, {"asset_id": asset.id, **values}):
                return False
        except Clash:  # another transaction took it between the question and the update
            raise Taken("external_id") from None
        await self._connection.run(_DROP_TAGS, {"changed_asset": asset.id})
        await self._add_tags(asset)
        return True

    async def delete(self, asset_ids: Sequence[str], at: int) -> list[Deleted]:
        rows = await self._connection.run(_DELETE, {"asset_ids": list(asset_ids), "at": at})
        return [Deleted(row.id, row.group_id, row.project_id, row.size) for row in rows]

    async def trashed(self, asset_id: str, project_ids: Sequence[str] | None) -> Asset | None:
        if project_ids is None:
            rows = await self._connection.run(_TRASHED, {"id": asset_id})
        else:
            rows = await self._connection.run(_TRASHED_WITHIN, {"id": asset_id, "project_ids": list(project_ids)})
        return await self._with_tags(rows[0]) if rows else None

    async def deleted_with_group(self, group_id: str, at: int) -> list[str]:
        return [row.id for row in await self._connection.run(_DELETED_WITH_GROUP, {"wanted_group": group_id, "at": at})]

    async def restore(self, asset_ids: Sequence[str], at: int) -> dict[str, Holdings]:
        if await self._connection.run(_WITH_TAKEN_EXTERNAL_ID, {"asset_ids": list(asset_ids)}):
            raise Taken("external_id")
        try:
            return holdings_by_project(await self._connection.run(_RESTORE, {"asset_ids": list(asset_ids), "at": at}))
        except Clash:  # another transaction took it between the question and the update, or two of them share one
            raise Taken("external_id") from None

    async def living_in_group(self, group_id: str, project_id: str) -> list[str]:
        return [row.id for row in await self._connection.run(_IN_GROUP, {"wanted_group": group_id, "project_id": project_id})]

    async def activate(self, asset_id: str, *, sha256: str, size: int, facts: MediaFacts, at: int) -> bool:
        measured = {f"fact_{name}": value for name, value in msgspec.structs.asdict(facts).items()}
        measured["fact_format"] = facts.format.value
        values = {"asset_id": asset_id, "sha256": sha256, "new_size": size, "at": at, **measured}
        return bool(await self._connection.run(_ACTIVATE, values))

    async def known_facts(self, project_id: str, sha256: str) -> MediaFacts | None:
        rows = await self._connection.run(_KNOWN_FACTS, {"project_id": project_id, "sha256": sha256, "limit": 1})
        return _facts(rows[0]) if rows else None

    async def fail(self, asset_id: str, failure: Failure, at: int) -> bool:
        values = {"asset_id": asset_id, "code": failure.code, "message": failure.message, "reason": failure.reason, "at": at}
        return bool(await self._connection.run(_FAIL, values))

    async def settle_rendition(self, asset_id: str) -> None:
        await self._connection.run(_SETTLE_RENDITION, {"asset_id": asset_id})

    async def pending_renditions(self, after: str, limit: int, *, by: int = LATEST) -> list[str]:
        return [row.id for row in await self._connection.run(_PENDING, {"after": after, "limit": limit, "by": by})]

    async def _with_tags(self, row: Row) -> Asset:
        found = await self._connection.run(_TAGS, {"asset_id": row.id})
        return _asset(row, tuple(tag.tag for tag in found))

    async def _add_tags(self, asset: Asset) -> None:
        if asset.tags:
            rows = [{"asset_id": asset.id, "tag": tag, "position": position} for position, tag in enumerate(asset.tags)]
            await self._connection.run(_ADD_TAGS, rows)


def _values(asset: Asset) -> dict[str, Any]:
    return {
        "id": asset.id,
        "project_id": asset.project_id,
        "group_id": asset.group_id,
        "name": asset.name,
        "name_folded": folded(asset.name),
        "type": asset.type.value,
        "status": asset.status.value,
        "moderation": asset.moderation.value,
        "external_id": asset.external_id,
        "metadata": _json(asset.metadata),
        "task_id": asset.task_id,
        "created_at": asset.created_at,
        "updated_at": asset.updated_at,
    }


def _json(metadata: dict[str, Any] | None) -> str | None:
    return None if metadata is None else msgspec.json.encode(metadata).decode()


def _asset(row: Row, its_tags: tuple[str, ...]) -> Asset:
    return Asset(
        id=row.id,
        project_id=row.project_id,
        group_id=row.group_id,
        name=row.name,
        type=AssetType(row.type),
        status=AssetStatus(row.status),
        moderation=ModerationStrategy(row.moderation),
        task_id=row.task_id,
        external_id=row.external_id,
        tags=its_tags,
        metadata=None if row.metadata is None else msgspec.json.decode(row.metadata),
        failure=None if row.error_code is None else Failure(row.error_code, row.error_message, row.error_reason),
        sha256=row.blob_sha256,
        size=row.size,
        facts=None if row.format is None else _facts(row),
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
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
