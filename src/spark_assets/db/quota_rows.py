"""Rows of quotas.

A gain or a loss is counted by one UPDATE, which also locks the row: of two transactions that gain at once, the second one
sees what the first has left. That statement is the last one of its transaction, so whoever waits for it holds up nobody
that it waits for.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, bindparam, cast, delete, func, select, update

from spark_assets.db.administration_tables import quotas
from spark_assets.db.connection import Connection, Row
from spark_assets.db.tables import assets, groups
from spark_assets.domain.quota import Allowance, Holdings, Quota

_GET = select(quotas).where(quotas.c.project_id == bindparam("project_id"))
_LOCK = _GET.with_for_update()
_OF = select(quotas).where(quotas.c.project_id.in_(bindparam("project_ids", expanding=True)))
_DELETE = delete(quotas).where(quotas.c.project_id == bindparam("project_id")).returning(quotas.c.project_id)
_SET_SINCE = select(quotas.c.project_id).where(quotas.c.updated_at >= bindparam("at")).order_by(quotas.c.project_id)
_GAIN = (
    update(quotas)
    .where(quotas.c.project_id == bindparam("project"))
    .values(
        assets=quotas.c.assets + bindparam("more_assets", type_=BigInteger),
        groups=quotas.c.groups + bindparam("more_groups", type_=BigInteger),
        bytes=quotas.c.bytes + bindparam("more_bytes", type_=BigInteger),
    )
    .returning(*quotas.c)
)
_COUNT_ASSETS = (
    select(
        assets.c.project_id,
        func.count().label("number"),
        cast(func.coalesce(func.sum(assets.c.size), 0), BigInteger).label("size"),
    )
    .where(assets.c.project_id.in_(bindparam("project_ids", expanding=True)), assets.c.deleted_at.is_(None))
    .group_by(assets.c.project_id)
)
_COUNT_GROUPS = (
    select(groups.c.project_id, func.count().label("number"))
    .where(groups.c.project_id.in_(bindparam("project_ids", expanding=True)), groups.c.deleted_at.is_(None))
    .group_by(groups.c.project_id)
)


class QuotaRows:
    """The quotas."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, project_id: str) -> Quota | None:
        rows = await self._connection.run(_GET, {"project_id": project_id})
        return _quota(rows[0]) if rows else None

    async def lock(self, project_id: str) -> Quota | None:
        rows = await self._connection.run(_LOCK, {"project_id": project_id})
        return _quota(rows[0]) if rows else None

    async def of(self, project_ids: Sequence[str]) -> dict[str, Quota]:
        return {row.project_id: _quota(row) for row in await self._connection.run(_OF, {"project_ids": list(project_ids)})}

    async def count(self, project_ids: Sequence[str]) -> dict[str, Holdings]:
        held = dict.fromkeys(project_ids, Holdings())
        for row in await self._connection.run_long(_COUNT_ASSETS.params(project_ids=list(project_ids))):
            held[row.project_id] += Holdings(assets=row.number, bytes=row.size)
        for row in await self._connection.run_long(_COUNT_GROUPS.params(project_ids=list(project_ids))):
            held[row.project_id] += Holdings(groups=row.number)
        return held

    async def put(self, quota: Quota) -> None:
        values = {
            "project_id": quota.project_id,
            "asset_limit": quota.allowed.assets,
            "group_limit": quota.allowed.groups,
            "byte_limit": quota.allowed.bytes,
            "assets": quota.held.assets,
            "groups": quota.held.groups,
            "bytes": quota.held.bytes,
            "updated_at": quota.updated_at,
        }
        await self._connection.run(self._connection.insert_or_replace(quotas), values)

    async def delete(self, project_id: str) -> bool:
        return bool(await self._connection.run(_DELETE, {"project_id": project_id}))

    async def set_since(self, at: int) -> list[str]:
        return [row.project_id for row in await self._connection.run(_SET_SINCE, {"at": at})]

    async def settle(self, gains: Mapping[str, Holdings]) -> None:
        """Count what projects gained or lost, where they have a quota.

        Raises QuotaExceeded for what does not fit; the transaction must then be rolled back, as the gain is counted already.
        """
        for project_id in sorted(gains):  # in one order, so that no two transactions wait for each other
            gained = gains[project_id]
            values = {"more_assets": gained.assets, "more_groups": gained.groups, "more_bytes": gained.bytes}
            for row in await self._connection.run(_GAIN, {"project": project_id, **values}):
                _quota(row).refuse_excess(gained)


def holdings_by_project(rows: Sequence[Row]) -> dict[str, Holdings]:
    """What rows of assets are together, by project; each has `project_id` and `size`."""
    held: dict[str, Holdings] = {}
    for row in rows:
        held[row.project_id] = held.get(row.project_id, Holdings()) + Holdings(assets=1, bytes=row.size or 0)
    return held


def _quota(row: Row) -> Quota:
    return Quota(
        project_id=row.project_id,
        allowed=Allowance(assets=row.asset_limit, groups=row.group_limit, bytes=row.byte_limit),
        held=Holdings(assets=row.assets, groups=row.groups, bytes=row.bytes),
        updated_at=row.updated_at,
    )
