"""What lists of assets and of groups have in common: conditions, keyset pages, counts.

A page behind a position is found by the index of its order, however deep it lies.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, exists, false, func, select, tuple_

from spark_assets.db.tables import assets, groups, tags
from spark_assets.domain.group import GroupType
from spark_assets.domain.listing import AssetFilter, GroupFilter, Slice, SortBy, SortOrder, folded

_COLUMNS: Final = {
    SortBy.CREATE_TIME: ("created_at",),
    SortBy.UPDATE_TIME: ("updated_at",),
    SortBy.GROUP_ID: ("group_id", "created_at"),
}


def page_of(table: Table, conditions: Sequence[ColumnElement[bool]], part: Slice) -> Select[Any]:
    """The rows of one part of a sorted list."""
    columns = (*(table.c[name] for name in _COLUMNS[part.sort_by]), table.c.id)
    is_descending = part.order is SortOrder.DESCENDING
    statement = select(table).where(*conditions)
    if part.after is not None:
        # Compared as one value, so that the index leads straight to the place, also among many rows of equal value.
        here, there = tuple_(*columns), tuple_(*part.after.values, part.after.id)
        statement = statement.where(here < there if is_descending else here > there)
    order = [column.desc() if is_descending else column.asc() for column in columns]
    return statement.order_by(*order).limit(part.limit).offset(part.offset)


def count_of(table: Table, conditions: Sequence[ColumnElement[bool]]) -> Select[int]:
    """How many rows a whole list has."""
    return select(func.count()).select_from(table).where(*conditions)


def group_conditions(project_ids: Sequence[str], wanted: GroupFilter) -> list[ColumnElement[bool]]:
    """Which groups of the projects a filter selects."""
    conditions = [*_common(groups, project_ids, wanted.name), *_kind(wanted.group_type)]
    if wanted.group_ids:
        conditions.append(groups.c.id.in_(wanted.group_ids))
    return conditions


def asset_conditions(project_ids: Sequence[str], wanted: AssetFilter) -> list[ColumnElement[bool]]:
    """Which assets of the projects a filter selects."""
    conditions = [*_common(assets, project_ids, wanted.name), *_kind(wanted.group_type)]
    if wanted.group_ids:
        conditions.append(assets.c.group_id.in_(wanted.group_ids))
    if wanted.statuses:
        conditions.append(assets.c.status.in_([status.value for status in wanted.statuses]))
    if wanted.types:
        conditions.append(assets.c.type.in_([kind.value for kind in wanted.types]))
    if wanted.external_id is not None:
        conditions.append(assets.c.external_id == wanted.external_id)
    if wanted.sha256 is not None:
        conditions.append(assets.c.blob_sha256 == wanted.sha256)
    if wanted.created_after is not None:
        conditions.append(assets.c.created_at > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(assets.c.created_at < wanted.created_before)
    conditions += [exists().where(tags.c.asset_id == assets.c.id, tags.c.tag == tag) for tag in wanted.tags]
    return conditions


def _common(table: Table, project_ids: Sequence[str], name: str) -> list[ColumnElement[bool]]:
    """Living rows of the projects whose name holds the text, in any case."""
    one = project_ids[0] if len(project_ids) == 1 else None
    conditions = [table.c.deleted_at.is_(None), table.c.project_id == one if one else table.c.project_id.in_(project_ids)]
    if name:
        conditions.append(table.c.name_folded.contains(folded(name), autoescape=True))
    return conditions


def _kind(group_type: str) -> list[ColumnElement[bool]]:
    """There is one kind of group here; of any other there is nothing."""
    return [] if group_type == GroupType.AIGC.value else [false()]
