"""What may take long is asked for as such, so that on SQLite nobody else waits for it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest
from sqlalchemy.sql.base import Executable

from spark_assets.db.asset_rows import AssetRows
from spark_assets.db.audit_rows import AuditRows
from spark_assets.db.connection import Connection, Parameters
from spark_assets.db.delivery_rows import DeliveryRows
from spark_assets.db.group_rows import GroupRows
from spark_assets.db.lists import FAR
from spark_assets.db.quota_rows import QuotaRows
from spark_assets.db.sealing import Sealer
from spark_assets.db.task_rows import TaskRows
from spark_assets.db.usage_rows import UsageRows
from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.audit import AuditFilter
from spark_assets.domain.listing import AssetFilter, GroupFilter, Slice, SortBy, TaskFilter
from spark_assets.domain.media import AssetType
from spark_assets.domain.task import TaskStatus
from spark_assets.domain.usage import Dimension, UsageSpan
from spark_assets.domain.webhook import DeliveryStatus

HERE = ["project-default"]
BY_UPDATE = Slice(sort_by=SortBy.UPDATE_TIME)
BY_GROUP = Slice(sort_by=SortBy.GROUP_ID)


class Noting:
    """A connection that finds nothing, counts none of what is rare, and notes how it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def run(self, _statement: Executable, _parameters: Parameters | None = None) -> Sequence[Any]:
        self.asked.append("inline")
        return ()

    async def run_long(self, statement: Executable) -> Sequence[Any]:
        self.asked.append("long")
        return ((0,),) if "count(" in str(statement) and "LIMIT" in str(statement) else ()


async def _is_long(ask: Callable[[Connection], Awaitable[object]]) -> bool:
    noting = Noting()
    await ask(cast(Connection, noting))
    return noting.asked[0] == "long"


@pytest.mark.parametrize(
    ("wanted", "part", "is_long"),
    [
        (AssetFilter(), Slice(), False),
        (AssetFilter(), BY_UPDATE, False),
        (AssetFilter(), Slice(offset=FAR), False),
        (AssetFilter(), Slice(offset=FAR + 1), True),
        (AssetFilter(name="a"), Slice(), True),
        (AssetFilter(in_trash=True), Slice(), False),
        (AssetFilter(in_trash=True), BY_UPDATE, True),
        (AssetFilter(in_trash=True, created_after=1), Slice(), False),
        (AssetFilter(in_trash=True, group_ids=("a",)), Slice(), True),
        (AssetFilter(in_trash=True, external_id="a"), Slice(), True),
        (AssetFilter(statuses=(AssetStatus.FAILED,)), Slice(), False),
        (AssetFilter(statuses=(AssetStatus.FAILED,)), BY_UPDATE, True),
        (AssetFilter(statuses=(AssetStatus.FAILED,), types=(AssetType.VIDEO,)), Slice(), True),
        (AssetFilter(statuses=(AssetStatus.ACTIVE,)), Slice(), True),
        (AssetFilter(statuses=(AssetStatus.PROCESSING,)), Slice(), True),
        (AssetFilter(tags=("a",)), Slice(), True),
        (AssetFilter(types=(AssetType.VIDEO,)), Slice(), True),
        (AssetFilter(sha256="f" * 64), Slice(), True),
        (AssetFilter(external_id="a"), Slice(), False),
        (AssetFilter(group_ids=("a",)), Slice(), False),
        (AssetFilter(group_ids=("a",)), BY_GROUP, False),
        (AssetFilter(group_ids=("a",)), BY_UPDATE, True),
        (AssetFilter(group_ids=("a", "b")), Slice(), True),
        (AssetFilter(created_after=1), Slice(), False),
        (AssetFilter(created_after=1), BY_UPDATE, True),
        (AssetFilter(created_before=1), BY_GROUP, True),
    ],
)
async def test_a_list_of_assets_is_long_unless_an_index_leads_to_it(wanted: AssetFilter, part: Slice, *, is_long: bool) -> None:
    assert await _is_long(lambda connection: AssetRows(connection).page(HERE, wanted, part)) is is_long


@pytest.mark.parametrize(
    ("wanted", "part", "is_long"),
    [
        (GroupFilter(), Slice(), False),
        (GroupFilter(), Slice(offset=FAR + 1), True),
        (GroupFilter(name="a"), Slice(), True),
        (GroupFilter(in_trash=True), Slice(), True),
        (GroupFilter(group_ids=("a",)), Slice(), False),
    ],
)
async def test_so_is_a_list_of_groups(wanted: GroupFilter, part: Slice, *, is_long: bool) -> None:
    assert await _is_long(lambda connection: GroupRows(connection).page(HERE, wanted, part)) is is_long


@pytest.mark.parametrize(
    ("wanted", "is_long"),
    [
        (TaskFilter(), False),
        (TaskFilter(statuses=(TaskStatus.FAILED,)), False),
        (TaskFilter(statuses=(TaskStatus.FAILED,), models=("spark_asset_get",)), True),
        (TaskFilter(statuses=(TaskStatus.IN_PROGRESS,)), True),
        (TaskFilter(models=("spark_asset_get",)), True),
        (TaskFilter(asset_id="asset-1"), True),
    ],
)
async def test_so_is_a_list_of_tasks(wanted: TaskFilter, *, is_long: bool) -> None:
    assert await _is_long(lambda connection: TaskRows(connection, cast(Sealer, None)).page(HERE, wanted, Slice())) is is_long


@pytest.mark.parametrize(
    ("status", "is_long"), [(None, False), (DeliveryStatus.FAILED, False), (DeliveryStatus.WAITING, True), (DeliveryStatus.DELIVERED, True)]
)
async def test_so_is_a_list_of_deliveries(status: DeliveryStatus | None, *, is_long: bool) -> None:
    assert await _is_long(lambda connection: DeliveryRows(connection, cast(Sealer, None)).page("webhook-1", status, Slice())) is is_long


@pytest.mark.parametrize(
    ("wanted", "is_long"),
    [
        (AuditFilter(with_service=True), False),
        (AuditFilter(project_ids=("a",)), False),
        (AuditFilter(subject="asset-1", project_ids=("a", "b")), False),
        (AuditFilter(project_ids=("a", "b")), True),
        (AuditFilter(action="key.created"), True),
    ],
)
async def test_so_is_a_list_of_the_audit_trail(wanted: AuditFilter, *, is_long: bool) -> None:
    assert await _is_long(lambda connection: AuditRows(connection).page(wanted, Slice())) is is_long


async def test_so_are_counts_and_sums_of_a_whole_project() -> None:
    assert await _is_long(lambda connection: QuotaRows(connection).count(HERE))
    assert await _is_long(lambda connection: UsageRows(connection).totals(HERE, UsageSpan(start=0, end=1), (Dimension.MODEL,)))
