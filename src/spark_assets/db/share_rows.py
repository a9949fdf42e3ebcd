"""Rows of shares; their tokens are sealed, and found by their fingerprint."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from spark_assets.db.administration_tables import shares
from spark_assets.db.connection import Connection, Row
from spark_assets.db.lists import page_of
from spark_assets.db.sealing import Sealer
from spark_assets.domain.asset import Variant
from spark_assets.domain.listing import Slice
from spark_assets.domain.share import Share, token_fingerprint
from spark_assets.ports.repositories import Taken

_BY_FINGERPRINT = select(shares).where(shares.c.fingerprint == bindparam("fingerprint"))
_FIND = select(shares).where(shares.c.id == bindparam("id"))
_FIND_WITHIN = _FIND.where(shares.c.project_id.in_(bindparam("project_ids", expanding=True)))
_REVOKE = (
    update(shares)
    .where(shares.c.id == bindparam("share_id"), shares.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(shares.c.id)
)


class ShareRows:
    """The shares."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def add(self, share: Share) -> None:
        assert share.token is not None
        values = {
            "id": share.id,
            "project_id": share.project_id,
            "asset_id": share.asset_id,
            "variant": share.variant.value,
            "fingerprint": token_fingerprint(share.token),
            "token": self._sealer.seal(share.token),
            "created_at": share.created_at,
            "expires_at": share.expires_at,
            "revoked_at": share.revoked_at,
        }
        if not await self._connection.run(self._connection.insert_new(shares), values):
            raise Taken("id")

    async def by_fingerprint(self, fingerprint: str) -> Share | None:
        rows = await self._connection.run(_BY_FINGERPRINT, {"fingerprint": fingerprint})
        return self._share(rows[0]) if rows else None

    async def find(self, share_id: str, project_ids: Sequence[str] | None) -> Share | None:
        if project_ids is None:
            rows = await self._connection.run(_FIND, {"id": share_id})
        else:
            rows = await self._connection.run(_FIND_WITHIN, {"id": share_id, "project_ids": list(project_ids)})
        return self._share(rows[0]) if rows else None

    async def page(self, project_id: str, part: Slice, asset_id: str | None = None) -> list[Share]:
        conditions = [shares.c.project_id == project_id, shares.c.revoked_at.is_(None)]
        if asset_id is not None:
            conditions.append(shares.c.asset_id == asset_id)
        return [self._share(row) for row in await self._connection.run(page_of(shares, conditions, part))]

    async def revoke(self, share_id: str, at: int) -> bool:
        return bool(await self._connection.run(_REVOKE, {"share_id": share_id, "at": at}))

    def _share(self, row: Row) -> Share:
        return Share(
            id=row.id,
            project_id=row.project_id,
            asset_id=row.asset_id,
            variant=Variant(row.variant),
            token=self._sealer.open(row.token),
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
