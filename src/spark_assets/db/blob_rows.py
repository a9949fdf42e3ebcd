"""Rows of blobs and renditions.

A blob is `stored`, or being swept (`sweeping`), or was swept a while ago (`swept`). The marks of the sweeper stay for
its grace, so that an ingest that stored the same bytes just before they were deleted learns that it must store them anew.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_, bindparam, delete, exists, or_, select, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.hold_rows import IS_HELD
from spark_assets.db.tables import assets, blobs, renditions
from spark_assets.domain.asset import Variant
from spark_assets.domain.media import MediaFormat
from spark_assets.domain.usage import MICRO
from spark_assets.ports.repositories import Rendition

_ABANDONED: Final = 300 * MICRO
"""Microseconds after which a sweep that did not end was broken off, and is done again."""
_STORED: Final = "stored"
_SWEEPING: Final = "sweeping"
_SWEPT: Final = "swept"

_IS_REFERENCED = exists().where(assets.c.blob_sha256 == blobs.c.sha256)
_STATE = select(blobs.c.state).where(blobs.c.sha256 == bindparam("sha256"))
# PostgreSQL alone: who is about to refer to bytes and who is about to sweep them wait for each other, so that the later one
# looks at what the earlier one did. Without it both could win: neither sees the other's row before it is committed.
_HOLD = _STATE.with_for_update(read=True)
_LOCK = _STATE.with_for_update()
_STORED_ANEW = (
    update(blobs)
    .where(blobs.c.sha256 == bindparam("key"), blobs.c.state == _SWEPT, blobs.c.changed_at < bindparam("stored_at"))
    .values(state=_STORED, size=bindparam("new_size"), changed_at=bindparam("stored_at"))
    .returning(blobs.c.sha256)
)
_SWEEP = (
    update(blobs)
    .where(
        blobs.c.sha256 == bindparam("key"),
        or_(blobs.c.state == _STORED, and_(blobs.c.state == _SWEEPING, blobs.c.changed_at < bindparam("abandoned"))),
        ~_IS_REFERENCED,
    )
    .values(state=_SWEEPING, changed_at=bindparam("at"))
    .returning(blobs.c.sha256)
)
# In one statement with the look at the references: what a backup has seen referred to, before or after this, then stays.
_SWEEP_UNLESS_HELD = _SWEEP.where(~IS_HELD)
_END = update(blobs).where(blobs.c.sha256 == bindparam("key"), blobs.c.state == _SWEEPING).values(state=_SWEPT, changed_at=bindparam("at"))
_DROP_RENDITIONS = delete(renditions).where(renditions.c.blob_sha256 == bindparam("key"))
_OLD_MARK = (blobs.c.state != _STORED, blobs.c.changed_at < bindparam("before"))
_FORGET = delete(blobs).where(*_OLD_MARK)
_DROP_THEIR_RENDITIONS = delete(renditions).where(renditions.c.blob_sha256.in_(select(blobs.c.sha256).where(*_OLD_MARK)))
_REFERENCED = select(assets.c.blob_sha256).where(assets.c.blob_sha256.in_(bindparam("hashes", expanding=True))).distinct()
_FORMATS = (
    select(assets.c.blob_sha256, assets.c.format)
    .where(assets.c.blob_sha256.in_(bindparam("hashes", expanding=True)), assets.c.format.is_not(None))
    .distinct()
)
_AFTER = (
    select(blobs.c.sha256, blobs.c.size)
    .where(blobs.c.sha256 > bindparam("sha256"), blobs.c.state == _STORED)
    .order_by(blobs.c.sha256)
    .limit(bindparam("limit"))
)
_RENDITION = select(renditions).where(renditions.c.blob_sha256 == bindparam("sha256"), renditions.c.variant == bindparam("variant"))
_RENDITIONS_OF = select(renditions).where(renditions.c.blob_sha256.in_(bindparam("hashes", expanding=True)))


class BlobRows:
    """What is known of stored bytes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def reference(self, sha256: str, *, size: int, stored_at: int) -> bool:
        values = {"sha256": sha256, "size": size, "state": _STORED, "changed_at": stored_at}
        if await self._connection.run(self._connection.insert_new(blobs), values):
            return True
        if await self.hold(sha256):
            return True
        return bool(await self._connection.run(_STORED_ANEW, {"key": sha256, "new_size": size, "stored_at": stored_at}))

    async def hold(self, sha256: str) -> bool:
        rows = await self._connection.run(_HOLD, {"sha256": sha256})
        return bool(rows) and rows[0].state == _STORED

    async def begin_sweep(self, sha256: str, at: int, *, despite_holds: bool = False) -> bool:
        mark = self._connection.insert_new(blobs)
        values = {"sha256": sha256, "size": 0, "state": _SWEEPING, "changed_at": at}
        if await self._connection.run(mark, values):
            return True
        await self._connection.run(_LOCK, {"sha256": sha256})
        sweep = _SWEEP if despite_holds else _SWEEP_UNLESS_HELD
        return bool(await self._connection.run(sweep, {"key": sha256, "at": at, "abandoned": at - _ABANDONED}))

    async def end_sweep(self, sha256: str, at: int) -> None:
        await self._connection.run(_DROP_RENDITIONS, {"key": sha256})
        await self._connection.run(_END, {"key": sha256, "at": at})

    async def forget_swept(self, before: int) -> None:
        await self._connection.run(_DROP_THEIR_RENDITIONS, {"before": before})
        await self._connection.run(_FORGET, {"before": before})

    async def referenced(self, hashes: Sequence[str]) -> set[str]:
        return {row[0] for row in await self._connection.run(_REFERENCED, {"hashes": list(hashes)})}

    async def formats_of(self, hashes: Sequence[str]) -> dict[str, MediaFormat]:
        return {row.blob_sha256: MediaFormat(row.format) for row in await self._connection.run(_FORMATS, {"hashes": list(hashes)})}

    async def after(self, sha256: str, limit: int) -> list[tuple[str, int]]:
        return [(row.sha256, row.size) for row in await self._connection.run(_AFTER, {"sha256": sha256, "limit": limit})]

    async def add_rendition(self, rendition: Rendition) -> None:
        values = {
            "blob_sha256": rendition.blob_sha256,
            "variant": rendition.variant.value,
            "name": rendition.name,
            "size": rendition.size,
            "media_type": rendition.media_type,
        }
        await self._connection.run(self._connection.insert_or_replace(renditions), values)

    async def rendition(self, sha256: str, variant: Variant) -> Rendition | None:
        rows = await self._connection.run(_RENDITION, {"sha256": sha256, "variant": variant.value})
        return _rendition(rows[0]) if rows else None

    async def renditions_of(self, hashes: Sequence[str]) -> list[Rendition]:
        return [_rendition(row) for row in await self._connection.run(_RENDITIONS_OF, {"hashes": list(hashes)})]


def _rendition(row: Row) -> Rendition:
    return Rendition(row.blob_sha256, Variant(row.variant), row.name, row.size, row.media_type)
