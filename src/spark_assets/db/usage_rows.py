"""Rows of the usage ledger."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, func, literal_column, select

from spark_assets.db.connection import Connection, Row
from spark_assets.db.tables import projects, usage
from spark_assets.domain.usage import DAY, Dimension, UsageRecord, UsageSpan, UsageTotal

# A literal, since PostgreSQL holds two parameters of equal value for different ones, and so the day for no key of the groups.
_KEYS: Final = {
    Dimension.PROJECT: usage.c.project_id.label("project_id"),
    Dimension.MODEL: usage.c.model.label("model"),
    Dimension.DAY: (usage.c.created_at // literal_column(str(DAY))).label("day"),
}
_SUMS: Final = (func.count().label("tasks"), func.sum(usage.c.cost).label("cost"), func.sum(usage.c.discount).label("discount"))


class UsageRows:
    """What was charged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, record: UsageRecord) -> None:
        values = {
            "task_id": record.task_id,
            "project_id": record.project_id,
            "key_id": record.key_id,
            "model": record.model,
            "cost": record.charge.cost,
            "discount": record.charge.discount,
            "created_at": record.created_at,
        }
        await self._connection.run(self._connection.insert_new(usage), values)

    async def totals(self, project_ids: Sequence[str] | None, span: UsageSpan, by: Sequence[Dimension]) -> list[UsageTotal]:
        rows = await self._connection.run_long(_totals(project_ids, span, by))
        return [_total(row, by) for row in rows]


def _totals(project_ids: Sequence[str] | None, span: UsageSpan, by: Sequence[Dimension]) -> Select[Any]:
    # All projects are named too: the index begins with the project.
    within = select(projects.c.id) if project_ids is None else project_ids
    keys = [_KEYS[dimension] for dimension in by]
    statement = (
        select(*keys, *_SUMS)
        .where(usage.c.project_id.in_(within), usage.c.created_at >= span.start, usage.c.created_at < span.end)
        .group_by(*keys)
        .order_by(*keys)
    )
    if span.models is not None:
        statement = statement.where(usage.c.model.in_(span.models))
    if span.key_ids is not None:
        statement = statement.where(usage.c.key_id.in_(span.key_ids))
    return statement


def _total(row: Row, by: Sequence[Dimension]) -> UsageTotal:
    return UsageTotal(
        tasks=row.tasks,
        cost=int(row.cost or 0),
        discount=int(row.discount or 0),
        project_id=row.project_id if Dimension.PROJECT in by else None,
        model=row.model if Dimension.MODEL in by else None,
        day=row.day if Dimension.DAY in by else None,
    )
