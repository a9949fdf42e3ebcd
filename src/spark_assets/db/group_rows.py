"""Rows of groups."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update
from sqlalchemy.sql.base import Executable

from spark_assets.db.connection import Connection, Row
from spark_assets.db.lists import count_of, group_conditions, is_search, page_of
from spark_assets.db.tables import groups
from spark_assets.domain.group import Group, GroupType
from spark_assets.domain.listing import GroupFilter, Slice, folded
from spark_assets.ports.repositories import Taken

_GET = select(groups).where(
    groups.c.id == bindparam("id"),
    groups.c.project_id == bindparam("project_id"),
    groups.c.deleted_at.is_(None),
)
# PostgreSQL alone: SQLite has one writer at a time. Held groups are shared among creations, and wait for a deletion, and it for them.
_HOLD = _GET.with_for_update(read=True)
_LOCK = _GET.with_for_update(key_share=True)
_LIVING = update(groups).where(groups.c.id == bindparam("group_id"), groups.c.deleted_at.is_(None)).returning(groups.c.id)
_UPDATE = _LIVING.values(
    name=bindparam("new_name"),
    name_folded=bindparam("folded"),
    description=bindparam("new_description"),
    updated_at=bindparam("at"),
)
_DELETE = _LIVING.values(deleted_at=bindparam("at"))
_RESTORE = (
    update(groups)
    .where(groups.c.id == bindparam("group_id"), groups.c.deleted_at.is_not(None))
    .values(deleted_at=None, updated_at=bindparam("at"))
    .returning(groups.c.id)
)
_FIND = select(groups).where(groups.c.id == bindparam("id"), groups.c.deleted_at.is_(None))
_FIND_WITHIN = _FIND.where(groups.c.project_id.in_(bindparam("project_ids", expanding=True)))
_TRASHED = select(groups).where(groups.c.id == bindparam("id"), groups.c.deleted_at.is_not(None))
_TRASHED_WITHIN = _TRASHED.where(groups.c.project_id.in_(bindparam("project_ids", expanding=True)))


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
            "name_folded": folded(group.name),
            "description": group.description,
            "type": group.type.value,
            "created_at": group.created_at,
            "updated_at": group.updated_at,
        }
        if not await self._connection.run(insert, values):
            raise Taken("id")

    async def get(self, group_id: str, project_id: str) -> Group | None:
        return await self._find(_GET, group_id, project_id)

    async def hold(self, group_id: str, project_id: str) -> bool:
        return await self._find(_HOLD, group_id, project_id) is not None

    async def lock(self, group_id: str, project_id: str) -> Group | None:
        return await self._find(_LOCK, group_id, project_id)

    async def page(self, project_ids: Sequence[str], wanted: GroupFilter, part: Slice) -> list[Group]:
        statement = page_of(groups, group_conditions(project_ids, wanted), part)
        rows = await (self._connection.run_long(statement) if is_search(wanted, part) else self._connection.run(statement))
        return [_group(row) for row in rows]

    async def count(self, project_ids: Sequence[str], wanted: GroupFilter) -> int:
        return int((await self._connection.run_long(count_of(groups, group_conditions(project_ids, wanted))))[0][0])

    async def update(self, group: Group) -> bool:
        values = {"new_name": group.name, "folded": folded(group.name), "new_description": group.description, "at": group.updated_at}
        return bool(await self._connection.run(_UPDATE, {"group_id": group.id, **values}))

    async def delete(self, group_id: str, at: int) -> bool:
        return bool(await self._connection.run(_DELETE, {"group_id": group_id, "at": at}))

    async def find(self, group_id: str, project_ids: Sequence[str] | None, *, in_trash: bool = False) -> Group | None:
        if project_ids is None:
            rows = await self._connection.run(_TRASHED if in_trash else _FIND, {"id": group_id})
        else:
            within = {"id": group_id, "project_ids": list(project_ids)}
            rows = await self._connection.run(_TRASHED_WITHIN if in_trash else _FIND_WITHIN, within)
        return _group(rows[0]) if rows else None

    async def restore(self, group_id: str, at: int) -> bool:
        return bool(await self._connection.run(_RESTORE, {"group_id": group_id, "at": at}))

    async def _find(self, statement: Executable, group_id: str, project_id: str) -> Group | None:
        rows = await self._connection.run(statement, {"id": group_id, "project_id": project_id})
        return _group(rows[0]) if rows else None


def _group(row: Row) -> Group:
    return Group(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        description=row.description,
        type=GroupType(row.type),
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )
