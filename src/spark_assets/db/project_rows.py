"""Rows of projects."""

from collections.abc import Sequence

from sqlalchemy import bindparam, exists, select, update

from spark_assets.db.administration_tables import quotas
from spark_assets.db.connection import Connection, Row
from spark_assets.db.faults import Clash
from spark_assets.db.lists import page_of
from spark_assets.db.tables import groups, projects
from spark_assets.domain.listing import Slice
from spark_assets.domain.project import Project
from spark_assets.ports.repositories import Taken

_LIVING = select(projects).where(projects.c.deleted_at.is_(None))
# With the project comes whether it has a quota, so that who adds to it learns that without another statement.
_FOUND = _LIVING.add_columns(exists().where(quotas.c.project_id == projects.c.id).label("has_quota"))
_BY_NAME = _FOUND.where(projects.c.name == bindparam("name"))
_BY_ID = _FOUND.where(projects.c.id == bindparam("id"))
_ALL = _LIVING.order_by(projects.c.name)
# PostgreSQL alone: who ends a project waits for those who add to it, and they for it.
_LOCK = _LIVING.where(projects.c.id == bindparam("id")).with_for_update()
_HOLD = _LIVING.where(projects.c.id == bindparam("id")).with_for_update(read=True)
_CHANGE = update(projects).where(projects.c.id == bindparam("project_id"), projects.c.deleted_at.is_(None)).returning(projects.c.id)
_RENAME = _CHANGE.values(name=bindparam("new_name"))
_DELETE = _CHANGE.values(deleted_at=bindparam("at"))
_HAS_GROUPS = select(exists().where(groups.c.project_id == bindparam("project_id"), groups.c.deleted_at.is_(None)))


class ProjectRows:
    """The projects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, project: Project) -> None:
        insert = self._connection.insert_new(projects)
        values = {"id": project.id, "name": project.name, "created_at": project.created_at}
        if not await self._connection.run(insert, values):
            raise Taken("name" if await self.by_name(project.name) else "id")

    async def by_name(self, name: str) -> Project | None:
        rows = await self._connection.run(_BY_NAME, {"name": name})
        return _project(rows[0], bool(rows[0].has_quota)) if rows else None

    async def by_id(self, project_id: str) -> Project | None:
        rows = await self._connection.run(_BY_ID, {"id": project_id})
        return _project(rows[0], bool(rows[0].has_quota)) if rows else None

    async def all(self) -> list[Project]:
        return [_project(row) for row in await self._connection.run(_ALL)]

    async def page(self, project_ids: Sequence[str] | None, part: Slice) -> list[Project]:
        conditions = [projects.c.deleted_at.is_(None)]
        if project_ids is not None:
            conditions.append(projects.c.id.in_(project_ids))
        return [_project(row) for row in await self._connection.run(page_of(projects, conditions, part))]

    async def lock(self, project_id: str) -> Project | None:
        rows = await self._connection.run(_LOCK, {"id": project_id})
        return _project(rows[0]) if rows else None

    async def hold(self, project_id: str) -> bool:
        return bool(await self._connection.run(_HOLD, {"id": project_id}))

    async def rename(self, project_id: str, name: str) -> bool:
        holder = await self.by_name(name)
        if holder is not None and holder.id != project_id:
            raise Taken("name")
        try:
            return bool(await self._connection.run(_RENAME, {"project_id": project_id, "new_name": name}))
        except Clash:  # another transaction took it between the question and the update
            raise Taken("name") from None

    async def has_groups(self, project_id: str) -> bool:
        return bool((await self._connection.run(_HAS_GROUPS, {"project_id": project_id}))[0][0])

    async def delete(self, project_id: str, at: int) -> bool:
        return bool(await self._connection.run(_DELETE, {"project_id": project_id, "at": at}))


def _project(row: Row, has_quota: bool = False) -> Project:
    return Project(id=row.id, name=row.name, created_at=row.created_at, has_quota=has_quota)
