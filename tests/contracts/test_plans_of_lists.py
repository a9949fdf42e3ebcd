"""By which index each list is read, on both databases: however many rows there are, none is read for nothing."""

from typing import Any

import pytest
from sqlalchemy import Select, text
from sqlalchemy.dialects import postgresql, sqlite

from spark_assets.db.administration_tables import audit
from spark_assets.db.audit_rows import audit_conditions
from spark_assets.db.delivery_rows import delivery_conditions
from spark_assets.db.event_tables import deliveries
from spark_assets.db.lists import asset_conditions, group_conditions, page_of, task_conditions
from spark_assets.db.tables import assets, groups, tasks
from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.audit import AuditFilter
from spark_assets.domain.listing import AssetFilter, GroupFilter, Position, Slice, SortBy, SortOrder, TaskFilter
from spark_assets.domain.task import TaskStatus
from spark_assets.domain.webhook import DeliveryStatus
from spark_assets.ports.unit_of_work import UnitOfWork
from tests.factories.records import DEFAULT_PROJECT_ID, NOW

HERE = [DEFAULT_PROJECT_ID]
BEHIND = Position((NOW,), "x")
FAILED = AssetFilter(statuses=(AssetStatus.FAILED,))
PROCESSING = AssetFilter(statuses=(AssetStatus.PROCESSING,))
IN_PROGRESS = TaskFilter(statuses=(TaskStatus.IN_PROGRESS,))


@pytest.mark.parametrize("deep", [False, True], ids=["first", "deep"])
@pytest.mark.parametrize("order", SortOrder)
@pytest.mark.parametrize(
    ("table", "sort_by"), [*((assets, by) for by in SortBy), (groups, SortBy.CREATE_TIME), (groups, SortBy.UPDATE_TIME)]
)
async def test_a_page_is_read_from_the_index_of_its_order_without_sorting(
    uow: UnitOfWork, table: Any, sort_by: SortBy, order: SortOrder, deep: bool
) -> None:
    values = ("group-m", NOW) if sort_by is SortBy.GROUP_ID else (NOW,)
    part = Slice(sort_by=sort_by, order=order, after=Position(values, "x") if deep else None)
    conditions = asset_conditions(HERE, AssetFilter()) if table is assets else group_conditions(HERE, GroupFilter())
    plan, on_sqlite = await _plan(uow, page_of(table, conditions, part))
    column = {SortBy.CREATE_TIME: "created_at", SortBy.UPDATE_TIME: "updated_at", SortBy.GROUP_ID: "group_id"}[sort_by]
    sign = "<" if order is SortOrder.DESCENDING else ">"
    if on_sqlite:
        assert f"USING INDEX ix_{table.name}_by_{column} (project_id=?" in plan
        columns = "group_id,created_at,id" if sort_by is SortBy.GROUP_ID else f"{column},id"
        assert not deep or f"({columns}){sign}(" in plan
        assert "TEMP B-TREE" not in plan
    else:
        assert f"using ix_{table.name}_by_{column} on" in plan
        columns = ", ".join((column, "created_at", "id") if sort_by is SortBy.GROUP_ID else (column, "id"))
        assert not deep or f"(ROW({columns})" in plan.replace("(" + column + ")::text", column).replace("(id)::text", "id")
        assert "Sort" not in plan


@pytest.mark.parametrize("after", [None, Position((NOW,), "x")], ids=["first", "deep"])
async def test_the_assets_of_a_group_are_read_from_its_own_index_without_sorting(uow: UnitOfWork, after: Position | None) -> None:
    conditions = asset_conditions(HERE, AssetFilter(group_ids=("group-m",)))
    plan, on_sqlite = await _plan(uow, page_of(assets, conditions, Slice(after=after)))
    if on_sqlite:
        assert "USING INDEX ix_assets_by_group_id (project_id=? AND group_id=?" in plan
        assert "TEMP B-TREE" not in plan
    else:  # which of the two sorted indexes it takes depends on its statistics
        assert "using ix_assets_by_" in plan
        assert "Sort" not in plan


@pytest.mark.parametrize("after", [None, BEHIND], ids=["first", "deep"])
@pytest.mark.parametrize(
    ("table", "conditions", "index"),
    [
        (assets, asset_conditions(HERE, AssetFilter(in_trash=True)), "ix_assets_trash_by_created_at"),
        (assets, asset_conditions(HERE, FAILED), "ix_assets_failed"),
        (tasks, task_conditions(HERE, TaskFilter()), "ix_tasks_by_created_at"),
        (tasks, task_conditions(HERE, TaskFilter(statuses=(TaskStatus.FAILED,))), "ix_tasks_failed"),
        (deliveries, delivery_conditions("webhook-m", None), "ix_deliveries_by_created_at"),
        (deliveries, delivery_conditions("webhook-m", DeliveryStatus.FAILED), "ix_deliveries_failed"),
        (audit, audit_conditions(AuditFilter(subject="asset-m")), "ix_audit_of_subject"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_few_among_millions_are_read_from_an_index_of_their_own_without_sorting(
    uow: UnitOfWork, table: Any, conditions: Any, index: str, after: Position | None
) -> None:
    plan, on_sqlite = await _plan(uow, page_of(table, conditions, Slice(after=after)))
    assert f"INDEX {index} (" in plan if on_sqlite else f"using {index} on" in plan
    assert ("TEMP B-TREE" if on_sqlite else "Sort") not in plan


@pytest.mark.parametrize(
    ("table", "conditions", "index"),
    [
        (assets, asset_conditions(HERE, PROCESSING, is_quiet=True), "ix_tasks_lines"),
        (assets, asset_conditions(HERE, AssetFilter(tags=("rare",)), "rare"), "ix_tags_tag"),
        (tasks, task_conditions(HERE, IN_PROGRESS, is_quiet=True), "ix_tasks_lines"),
        (tasks, task_conditions(HERE, TaskFilter(asset_id="asset-m")), "ix_tasks_of_asset"),
        (groups, group_conditions(HERE, GroupFilter(group_ids=("group-m", "group-n"))), "groups"),
        (assets, asset_conditions(HERE, AssetFilter(asset_ids=("asset-m", "asset-n"))), "assets"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_few_rows_lead_to_what_is_looked_for(uow: UnitOfWork, table: Any, conditions: Any, index: str) -> None:
    plan, on_sqlite = await _plan(uow, page_of(table, conditions, Slice()))
    assert index in plan
    if on_sqlite:
        assert "_by_created_at" not in plan
        assert f"SCAN {table.name} USING INDEX {index}" in plan or f"SCAN {table.name}" not in plan


async def _plan(uow: UnitOfWork, statement: Select[Any]) -> tuple[str, bool]:
    """How the engine would run the statement, and whether it is SQLite; PostgreSQL may take nothing but an index for an empty table."""
    connection: Any = uow.assets._connection  # type: ignore[attr-defined]  # the plan is no part of the port
    on_sqlite = hasattr(connection, "_driver")
    dialect = sqlite.dialect() if on_sqlite else postgresql.dialect()
    query = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    if on_sqlite:
        return "\n".join(row[3] for row in await connection.run(text("EXPLAIN QUERY PLAN " + query))), True
    for way in ("seqscan", "bitmapscan", "sort"):
        await connection.run(text(f"SET LOCAL enable_{way} = off"))
    return "\n".join(row[0] for row in await connection.run(text("EXPLAIN (COSTS OFF) " + query))), False
