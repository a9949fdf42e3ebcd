"""Rows of groups."""

from sqlalchemy import bindparam, select

from spark_assets.db.connection import Connection
from spark_assets.db.tables import groups
from spark_assets.domain.group import Group, GroupType
from spark_assets.ports.repositories import Taken

_GET = select(groups).where(
    groups.c.id == bindparam("id"),
    groups.c.project_id == bindparam("project_id"),
    groups.c.deleted_at.is_(None),
)


class GroupRows:
    """The groups."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, group: Group) -> None:
        insert = self._connection.insert_new(groups)
        values = {
            "id": group.id,
            "project_id": group.project_id,
            "name": group.name,
            "description": group.description,
            "type": group.type.value,
            "created_at": group.created_at,
            "updated_at": group.updated_at,
        }
        if not await self._connection.run(insert, values):
            raise Taken("id")

    async def get(self, group_id: str, project_id: str) -> Group | None:
        rows = await self._connection.run(_GET, {"id": group_id, "project_id": project_id})
        if not rows:
            return None
        row = rows[0]
        return Group(
            id=row.id,
            project_id=row.project_id,
            name=row.name,
            description=row.description,
            type=GroupType(row.type),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
