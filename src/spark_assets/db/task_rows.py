"""Rows of tasks. Whatever ends a task is conditional on `in_progress` and on the fence of the claim that ends it."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, literal_column, select, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.lists import RARE, in_progress, page_of, task_conditions
from spark_assets.db.sealing import Sealer
from spark_assets.db.tables import assets, tasks
from spark_assets.domain.asset import Failure
from spark_assets.domain.backlog import Line
from spark_assets.domain.ids import earliest_task_id
from spark_assets.domain.listing import Slice, TaskFilter
from spark_assets.domain.task import Claim, Stage, Task, TaskStatus
from spark_assets.domain.usage import MICRO, Charge
from spark_assets.ports.repositories import Taken

_COLUMNS = [column for column in tasks.c if column.name not in {"source", "callback", "line", "traceparent"}]
_GET = select(*_COLUMNS).where(tasks.c.id == bindparam("id"))
_OPEN = update(tasks).where(tasks.c.id == bindparam("task_id"), tasks.c.status == TaskStatus.IN_PROGRESS.value)
_CLAIM = _OPEN.values(
    attempts=tasks.c.attempts + 1,
    fence=tasks.c.fence + 1,
    stage=Stage.FETCHING.value,
).returning(
    tasks.c.id,
    tasks.c.asset_id,
    tasks.c.project_id,
    tasks.c.key_id,
    tasks.c.model,
    tasks.c.request_id,
    tasks.c.created_at,
    tasks.c.source,
    tasks.c.attempts,
    tasks.c.fence,
    tasks.c.traceparent,
)
_HELD = _OPEN.where(tasks.c.fence == bindparam("held_fence"))
_RELEASE = _HELD.values(attempts=tasks.c.attempts - 1, stage=Stage.QUEUED.value, progress=0.0)
_ADVANCE = _HELD.values(stage=bindparam("new_stage"), progress=bindparam("new_progress"), bytes_received=bindparam("received")).returning(
    tasks.c.id
)
_COMPLETE = _HELD.values(
    status=TaskStatus.COMPLETED.value,
    stage=Stage.ACTIVE.value,
    progress=1.0,
    source=None,
    bytes_received=bindparam("received"),
    cost=bindparam("due"),
    discount=bindparam("off"),
    uploaded_at=bindparam("uploaded"),
    completed_at=bindparam("at"),
).returning(tasks.c.id)
_FAIL = _HELD.values(
    status=TaskStatus.FAILED.value,
    stage=Stage.FAILED.value,
    error_code=bindparam("code"),
    error_message=bindparam("message"),
    error_reason=bindparam("reason"),
    completed_at=bindparam("at"),
).returning(tasks.c.id)
_END_FOR_ASSETS = (
    update(tasks)
    .where(
        tasks.c.id.in_(select(assets.c.task_id).where(assets.c.id.in_(bindparam("asset_ids", expanding=True)))),
        tasks.c.status == TaskStatus.IN_PROGRESS.value,
    )
    .values(
        status=TaskStatus.FAILED.value,
        stage=Stage.FAILED.value,
        error_code=bindparam("code"),
        error_message=bindparam("message"),
        error_reason=bindparam("reason"),
        completed_at=bindparam("at"),
    )
    .returning(tasks.c.id, tasks.c.asset_id)
)
# The status is spelt out, not bound, so that the planner sees that the small index of unfinished tasks suffices.
_IN_PROGRESS_OF_KEY = (
    select(tasks.c.id)
    .where(
        tasks.c.status == literal_column(f"'{TaskStatus.IN_PROGRESS.value}'"),
        tasks.c.key_id == bindparam("key_id"),
        tasks.c.model == bindparam("model"),
    )
    .limit(bindparam("most"))
)
_WITH_OLD_SOURCE = (
    select(tasks.c.id)
    .where(tasks.c.source.is_not(None), tasks.c.completed_at.is_not(None), tasks.c.completed_at < bindparam("before"))
    .limit(bindparam("limit"))
)
_DROP_SOURCES = update(tasks).where(tasks.c.id.in_(_WITH_OLD_SOURCE)).values(source=None, callback=None).returning(tasks.c.id)
_OLD = (
    select(tasks.c.id)
    .where(
        tasks.c.result.is_not(None),
        tasks.c.model.in_(bindparam("models", expanding=True)),
        tasks.c.created_at < bindparam("before"),
        tasks.c.status != TaskStatus.IN_PROGRESS.value,
    )
    .limit(bindparam("limit"))
)
_DROP = delete(tasks).where(tasks.c.id.in_(_OLD)).returning(tasks.c.id)
# IDs grow with time, so the primary key leads to the oldest tasks of all projects: no further index is written with each creation.
_ENDED = (
    select(tasks.c.id)
    .where(
        tasks.c.id > bindparam("after"),
        tasks.c.id < bindparam("until"),
        tasks.c.created_at < bindparam("before"),
        tasks.c.status != TaskStatus.IN_PROGRESS.value,
    )
    .order_by(tasks.c.id)
    .limit(bindparam("limit"))
)
_DROP_THESE = delete(tasks).where(tasks.c.id.in_(bindparam("task_ids", expanding=True)))
# PostgreSQL alone: of two retries at once, one finds that the other has taken the source.
_SOURCE = select(tasks.c.source).where(tasks.c.id == bindparam("id")).with_for_update()
_former = tasks.alias("former")
_TAKE_CALLBACK = (
    update(tasks)
    .where(tasks.c.id == bindparam("new_id"))
    .values(callback=select(_former.c.callback).where(_former.c.id == bindparam("former_id")).scalar_subquery())
)
_FORGET_ADDRESSES = update(tasks).where(tasks.c.id == bindparam("former_id")).values(source=None, callback=None)
_IN_ORDER: Final = (TaskFilter(), TaskFilter(statuses=(TaskStatus.FAILED,)))
"""Which tasks an index holds in the order of a list."""


class TaskRows:
    """The tasks."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def add(self, task: Task, url: str | None = None, callback: str | None = None, line: Line = Line.NONE) -> None:
        values = _values(task)
        values["line"] = line.value
        values["source"] = None if url is None else self._sealer.seal(url)
        values["callback"] = None if callback is None else self._sealer.seal(callback)
        insert = self._connection.insert_new(tasks)
        if not await self._connection.run(insert, values):
            raise Taken("id")

    async def get(self, task_id: str) -> Task | None:
        rows = await self._connection.run(_GET, {"id": task_id})
        return _task(rows[0]) if rows else None

    async def room_for(self, key_id: str, model: str, most: int) -> bool:
        await self._connection.hold(f"tasks in progress of {key_id}")
        rows = await self._connection.run(_IN_PROGRESS_OF_KEY, {"key_id": key_id, "model": model, "most": most})
        return len(rows) < most

    async def page(self, project_ids: Sequence[str], wanted: TaskFilter, part: Slice) -> list[Task]:
        is_led = wanted.statuses == (TaskStatus.IN_PROGRESS,) and wanted.asset_id is None
        is_quiet = is_led and (await self._connection.run_long(in_progress()))[0][0] <= RARE
        statement = page_of(tasks, task_conditions(project_ids, wanted, is_quiet=is_quiet), part)
        is_search = wanted not in _IN_ORDER
        rows = await (self._connection.run_long(statement) if is_search else self._connection.run(statement))
        return [_task(row) for row in rows]

    async def claim(self, task_id: str) -> Claim | None:
        rows = await self._connection.run(_CLAIM, {"task_id": task_id})
        if not rows:
            return None
        row = rows[0]
        return Claim(
            task_id=row.id,
            asset_id=row.asset_id,
            project_id=row.project_id,
            key_id=row.key_id,
            model=row.model,
            request_id=row.request_id,
            created_at=row.created_at,
            url=None if row.source is None else self._sealer.open(row.source),
            attempts=row.attempts,
            fence=row.fence,
            traceparent=row.traceparent,
        )

    async def release(self, claim: Claim) -> None:
        await self._connection.run(_RELEASE, {"task_id": claim.task_id, "held_fence": claim.fence})

    async def advance(self, claim: Claim, stage: Stage, progress: float, received: int) -> bool:
        values = {"new_stage": stage.value, "new_progress": progress, "received": received}
        return bool(await self._connection.run(_ADVANCE, {"task_id": claim.task_id, "held_fence": claim.fence, **values}))

    async def complete(self, claim: Claim, *, charge: Charge, received: int, uploaded_at: int, at: int) -> bool:
        values = {"due": charge.cost, "off": charge.discount, "received": received, "uploaded": uploaded_at, "at": at}
        return bool(await self._connection.run(_COMPLETE, {"task_id": claim.task_id, "held_fence": claim.fence, **values}))

    async def fail(self, claim: Claim, failure: Failure, at: int) -> bool:
        values = {"code": failure.code, "message": failure.message, "reason": failure.reason, "at": at}
        return bool(await self._connection.run(_FAIL, {"task_id": claim.task_id, "held_fence": claim.fence, **values}))

    async def end_for_assets(self, asset_ids: Sequence[str], failure: Failure, at: int) -> list[tuple[str, str]]:
        values = {"code": failure.code, "message": failure.message, "reason": failure.reason, "at": at}
        rows = await self._connection.run(_END_FOR_ASSETS, {"asset_ids": list(asset_ids), **values})
        return [(row.id, row.asset_id) for row in rows]

    async def kept_source(self, task_id: str) -> str | None:
        rows = await self._connection.run(_SOURCE, {"id": task_id})
        return self._sealer.open(rows[0].source) if rows and rows[0].source is not None else None

    async def hand_on(self, task_id: str, new_id: str) -> None:
        await self._connection.run(_TAKE_CALLBACK, {"new_id": new_id, "former_id": task_id})
        await self._connection.run(_FORGET_ADDRESSES, {"former_id": task_id})

    async def drop_sources(self, before: int, limit: int) -> int:
        return len(await self._connection.run(_DROP_SOURCES, {"before": before, "limit": limit}))

    async def drop_finished(self, models: Sequence[str], before: int, limit: int) -> int:
        return len(await self._connection.run(_DROP, {"models": list(models), "before": before, "limit": limit}))

    async def drop_ended(self, after: str, before: int, limit: int) -> list[str]:
        values = {"after": after, "until": earliest_task_id(before + MICRO), "before": before, "limit": limit}
        found = [row.id for row in await self._connection.run(_ENDED, values)]
        if found:
            await self._connection.run(_DROP_THESE, {"task_ids": found})
        return found


def _values(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "project_id": task.project_id,
        "key_id": task.key_id,
        "model": task.model,
        "status": task.status.value,
        "request_id": task.request_id,
        "asset_id": task.asset_id,
        "group_id": task.group_id,
        "source_host": task.source_host,
        "stage": task.stage.value,
        "progress": task.progress,
        "bytes_received": task.bytes_received,
        "attempts": task.attempts,
        "fence": task.fence,
        "result": task.result,
        "cost": task.charge.cost,
        "discount": task.charge.discount,
        "retry_of": task.retry_of,
        "traceparent": task.traceparent,
        "created_at": task.created_at,
        "completed_at": task.completed_at,
    }


def _task(row: Row) -> Task:
    return Task(
        id=row.id,
        project_id=row.project_id,
        key_id=row.key_id,
        model=row.model,
        status=TaskStatus(row.status),
        request_id=row.request_id,
        asset_id=row.asset_id,
        group_id=row.group_id,
        source_host=row.source_host,
        stage=Stage(row.stage),
        progress=row.progress,
        bytes_received=row.bytes_received,
        attempts=row.attempts,
        fence=row.fence,
        result=row.result,
        failure=None if row.error_code is None else Failure(row.error_code, row.error_message, row.error_reason),
        charge=Charge(row.cost, row.discount),
        created_at=row.created_at,
        uploaded_at=row.uploaded_at,
        completed_at=row.completed_at,
        retry_of=row.retry_of,
    )
