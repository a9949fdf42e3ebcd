"""What lists of assets and of groups have in common: conditions, keyset pages, counts.

A page behind a position is found by the index of its order, however deep it lies.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Select, Table, exists, false, func, literal_column, select, tuple_

from spark_assets.db.tables import assets, groups, tags, tasks
from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.group import GroupType
from spark_assets.domain.listing import AssetFilter, GroupFilter, Slice, SortBy, SortOrder, TaskFilter, folded
from spark_assets.domain.task import TaskStatus

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
    conditions = [*_common(groups, project_ids, wanted, is_led=bool(wanted.group_ids)), *_kind(wanted.group_type)]
    if wanted.group_ids:
        conditions.append(groups.c.id.in_(wanted.group_ids))
    return conditions


RARE: Final = 10_000
"""So many rows at most are looked at one by one and sorted, rather than looked for along the order of a list."""
FAR: Final = 2000
"""So many rows at most are passed over while others wait."""
_WITH_OWN_INDEX: Final = (AssetFilter(in_trash=True), AssetFilter(statuses=(AssetStatus.FAILED,)))
"""Few among many assets, which an index holds in the order of their creation."""


def is_search(wanted: AssetFilter | GroupFilter, part: Slice) -> bool:
    """Whether no index leads to what is wanted, in the order that is wanted, so that finding it may take long."""
    if wanted.name or part.offset > FAR:
        return True
    if isinstance(wanted, GroupFilter):
        return wanted.in_trash
    if wanted.in_trash or wanted.statuses:
        has_own_index = replace(wanted, created_after=None, created_before=None) in _WITH_OWN_INDEX
        return not (has_own_index and part.sort_by is SortBy.CREATE_TIME)
    is_time_bound = wanted.created_after is not None or wanted.created_before is not None
    return (
        bool(wanted.types or wanted.tags or wanted.sha256)
        or len(wanted.group_ids) > 1
        or (part.sort_by is SortBy.UPDATE_TIME and bool(wanted.group_ids))
        or (part.sort_by is not SortBy.CREATE_TIME and is_time_bound)
    )


def rarity_of(tag: str) -> Select[int]:
    """How many assets have a tag, counted no further than one more than RARE."""
    some = select(tags.c.asset_id).where(tags.c.tag == tag).limit(RARE + 1)
    return select(func.count()).select_from(some.subquery())


def in_progress() -> Select[int]:
    """How many tasks of all projects are in progress, counted no further than one more than RARE."""
    some = select(tasks.c.id).where(_is_in(tasks, (TaskStatus.IN_PROGRESS,))).limit(RARE + 1)
    return select(func.count()).select_from(some.subquery())


def asset_conditions(
    project_ids: Sequence[str], wanted: AssetFilter, rare_tag: str | None = None, *, is_quiet: bool = False
) -> list[ColumnElement[bool]]:
    """Which assets of the projects a filter selects.

    `rare_tag` is one of the tags, if so few have it that they are looked at first; `is_quiet`: so few tasks are in progress that they
    lead to what is being processed.
    """
    leads = _leads(rare_tag, is_quiet=is_quiet)
    is_led = bool(leads or wanted.asset_ids) or wanted.sha256 is not None
    conditions = [*_common(assets, project_ids, wanted, is_led=is_led), *_kind(wanted.group_type), *leads]
    if wanted.asset_ids:
        conditions.append(assets.c.id.in_(wanted.asset_ids))
    if wanted.group_ids:
        conditions.append(assets.c.group_id.in_(wanted.group_ids))
    if wanted.statuses:
        conditions.append(_is_in(assets, wanted.statuses))
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
    conditions += [exists().where(tags.c.asset_id == assets.c.id, tags.c.tag == tag) for tag in wanted.tags if tag != rare_tag]
    return conditions


def task_conditions(project_ids: Sequence[str], wanted: TaskFilter, *, is_quiet: bool = False) -> list[ColumnElement[bool]]:
    """Which tasks of the projects a filter selects; `is_quiet`: so few are in progress that they are looked at first."""
    conditions = [_within(tasks, project_ids, is_indexed=wanted.asset_id is None and not is_quiet)]
    if wanted.statuses:
        conditions.append(_is_in(tasks, wanted.statuses))
    if wanted.models:
        conditions.append(tasks.c.model.in_(wanted.models))
    if wanted.asset_id is not None:
        conditions.append(tasks.c.asset_id == wanted.asset_id)
    return conditions


def _is_in(table: Table, states: Sequence[Enum]) -> ColumnElement[bool]:
    """One state is spelt out, not bound, so that the planner sees that the small index of what is in it suffices."""
    status = table.c.status
    return status == literal_column(f"'{states[0].value}'") if len(states) == 1 else status.in_([state.value for state in states])


def _within(table: Table, project_ids: Sequence[str], *, is_indexed: bool = True) -> ColumnElement[bool]:
    """One project is named by equality: only so the index of an order serves without sorting.

    Where another index leads to few rows, the project is compared as an expression, for which no index is chosen.
    """
    project_id = table.c.project_id if is_indexed else table.c.project_id.concat("")
    return project_id == project_ids[0] if len(project_ids) == 1 else project_id.in_(project_ids)


def _leads(rare_tag: str | None, *, is_quiet: bool) -> list[ColumnElement[bool]]:
    """Conditions that few assets meet, and that are looked at first."""
    leads: list[ColumnElement[bool]] = []
    if rare_tag is not None:
        leads.append(assets.c.id.in_(select(tags.c.asset_id).where(tags.c.tag == rare_tag)))
    if is_quiet:
        leads.append(assets.c.id.in_(select(tasks.c.asset_id).where(_is_in(tasks, (TaskStatus.IN_PROGRESS,)))))
    return leads


def _common(table: Table, project_ids: Sequence[str], wanted: AssetFilter | GroupFilter, *, is_led: bool) -> list[ColumnElement[bool]]:
    """Rows of the projects, living or in the trash, whose name holds the text, in any case; `is_led`: another index leads to few rows."""
    deleted_at = table.c.deleted_at
    conditions = [
        deleted_at.is_not(None) if wanted.in_trash else deleted_at.is_(None),
        _within(table, project_ids, is_indexed=not is_led),
    ]
    if wanted.name:
        conditions.append(table.c.name_folded.contains(folded(wanted.name), autoescape=True))
    return conditions


def _kind(group_type: str) -> list[ColumnElement[bool]]:
    """There is one kind of group here; of any other there is nothing."""
    return [] if group_type == GroupType.AIGC.value else [false()]
