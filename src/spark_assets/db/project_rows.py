"""Rows of projects."""

from sqlalchemy import bindparam, select

from spark_assets.db.connection import Connection, Row
from spark_assets.db.tables import projects
from spark_assets.domain.project import Project
from spark_assets.ports.repositories import Taken

_BY_NAME = select(projects).where(projects.c.name == bindparam("name"))
_BY_ID = select(projects).where(projects.c.id == bindparam("id"))
_ALL = select(projects).order_by(projects.c.name)


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
        return _project(rows[0]) if rows else None

    async def by_id(self, project_id: str) -> Project | None:
        rows = await self._connection.run(_BY_ID, {"id": project_id})
        return _project(rows[0]) if rows else None

    async def all(self) -> list[Project]:
        return [_project(row) for row in await self._connection.run(_ALL)]


def _project(row: Row) -> Project:
    return Project(id=row.id, name=row.name, created_at=row.created_at)
