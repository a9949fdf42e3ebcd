"""Rows of tasks as they stand in line. Few of many rows are in progress, and one small index leads to those."""

from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, func, literal_column, select, tuple_, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.tables import tasks
from spark_assets.domain.backlog import Line
from spark_assets.domain.task import TaskStatus
from spark_assets.ports.lines import Ingest

# Spelt out, not bound, so that the planner sees that the small index suffices.
_IN_PROGRESS: Final = tasks.c.status == literal_column(f"'{TaskStatus.IN_PROGRESS.value}'")
_IN_LINE: Final = tasks.c.line > literal_column(str(Line.NONE.value))
_CALLED: Final = tasks.c.line == literal_column(str(Line.NONE.value))


def _next_project(after: ColumnElement[str]) -> ScalarSelect[str]:
    found = select(tasks.c.project_id).where(_IN_PROGRESS, _IN_LINE, tasks.c.project_id > after)
    return found.order_by(tasks.c.project_id).limit(1).scalar_subquery()


# From project to project: their lines may be long, and nobody walks along them.
_first = select(_next_project(bindparam("after")).label("project_id")).cte("lines", recursive=True)
_lines = _first.union_all(select(_next_project(_first.c.project_id)).where(_first.c.project_id.is_not(None)))
_PROJECTS: Final = select(_lines.c.project_id).where(_lines.c.project_id.is_not(None)).limit(bindparam("limit"))
_FIRST_IN_LINE: Final = (
    select(tasks.c.project_id, tasks.c.id, tasks.c.source_host)
    .where(_IN_PROGRESS, _IN_LINE, tasks.c.project_id == bindparam("project_id"))
    .order_by(tasks.c.line, tasks.c.id)
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True)  # PostgreSQL alone: two workers that call at once call different ones
)
_CALL: Final = update(tasks).where(tasks.c.id.in_(bindparam("task_ids", expanding=True))).values(line=Line.NONE.value)
_ALL_CALLED: Final = (
    select(tasks.c.project_id, tasks.c.id, tasks.c.source_host)
    .where(_IN_PROGRESS, _CALLED, tuple_(tasks.c.project_id, tasks.c.id) > tuple_(bindparam("project_id"), bindparam("task_id")))
    .order_by(tasks.c.project_id, tasks.c.line, tasks.c.id)  # as the index is
    .limit(bindparam("limit"))
)
_UNFINISHED: Final = select(tasks.c.project_id, func.count().label("number")).where(_IN_PROGRESS).group_by(tasks.c.project_id)
_WAITING: Final = select(func.count()).select_from(tasks).where(_IN_PROGRESS, _IN_LINE)
BACKLOG: Final = select(
    func.count().filter(_IN_LINE).label("in_line"), func.count().filter(_CALLED).label("called"), func.min(tasks.c.id).label("first")
).where(_IN_PROGRESS)
"""The index alone tells: IDs grow with time, so the least leads to the first."""
_ACCEPTED: Final = select(tasks.c.created_at).where(tasks.c.id == bindparam("id"))
_OLDEST: Final = select(func.min(tasks.c.created_at)).where(_IN_PROGRESS)


class LineRows:
    """The ingests that are not over."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def projects(self, after: str, limit: int) -> list[str]:
        return [row.project_id for row in await self._connection.run(_PROJECTS, {"after": after, "limit": limit})]

    async def call(self, project_id: str, count: int) -> list[Ingest]:
        rows = await self._connection.run(_FIRST_IN_LINE, {"project_id": project_id, "count": count})
        if rows:
            await self._connection.run(_CALL, {"task_ids": [row.id for row in rows]})
        return [_ingest(row) for row in rows]

    async def called(self, after: Ingest | None, limit: int) -> list[Ingest]:
        position = {"project_id": "", "task_id": ""} if after is None else {"project_id": after.project_id, "task_id": after.task_id}
        return [_ingest(row) for row in await self._connection.run(_ALL_CALLED, {**position, "limit": limit})]

    async def unfinished(self) -> dict[str, int]:
        return {row.project_id: row.number for row in await self._connection.run_long(_UNFINISHED)}

    async def backlog(self) -> tuple[int, int, int | None]:
        (row,) = await self._connection.run_long(BACKLOG)
        accepted = [] if row.first is None else await self._connection.run(_ACCEPTED, {"id": row.first})
        return int(row.in_line), int(row.called), accepted[0].created_at if accepted else None

    async def waiting(self) -> int:
        (row,) = await self._connection.run_long(_WAITING)
        return int(row[0])

    async def oldest(self) -> int | None:
        (row,) = await self._connection.run_long(_OLDEST)
        return None if row[0] is None else int(row[0])


def _ingest(row: Row) -> Ingest:
    return Ingest(row.project_id, row.id, row.source_host or "")
