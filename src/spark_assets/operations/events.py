"""What happened, recorded in the transaction in which it happens: so it is told if and only if it is true."""

from collections.abc import Sequence
from typing import Any

from spark_assets.domain.asset import Failure
from spark_assets.domain.event import Event, EventType
from spark_assets.domain.media import AssetType
from spark_assets.domain.task import Claim, TaskStatus, failure_code
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations import webhooks
from spark_assets.ports.unit_of_work import UnitOfWork


async def record(uow: UnitOfWork, events: Sequence[Event], traceparent: str | None = None) -> None:
    """Record what happened and wake who follows the project; all of it takes effect when the unit of work is committed.

    `traceparent`: the step of a trace that deliveries of it follow from.
    An operation that is over with its request tells nothing of its own task: who asked for it has the answer.
    """
    if not events:
        return
    recorded = await uow.events.add(events)
    reach(Failpoint.EVENTS_WRITTEN)
    await webhooks.queue(uow, recorded, traceparent)
    reach(Failpoint.DELIVERIES_WRITTEN)
    for project_id in {event.project_id for event in recorded}:
        uow.announce(project_id)


def completed(claim: Claim, kind: AssetType, sha256: str, size: int, at: int) -> list[Event]:
    """An ingestion has completed, and its asset is active."""
    facts: dict[str, Any] = {"type": kind.value, "sha256": sha256, "size": size}
    return [
        _of_task(EventType.TASK_COMPLETED, claim.task_id, claim.asset_id, claim.project_id, at, {"status": TaskStatus.COMPLETED.value}),
        _of_task(EventType.ASSET_ACTIVE, claim.task_id, claim.asset_id, claim.project_id, at, facts),
    ]


def failed(task_id: str, asset_id: str, project_id: str, failure: Failure, at: int) -> list[Event]:
    """An ingestion has failed, and its asset with it; `failure` has the bare code."""
    return [
        task_failed(task_id, asset_id, project_id, failure, at),
        _of_task(EventType.ASSET_FAILED, task_id, asset_id, project_id, at, {"error": _error(failure, failure.code)}),
    ]


def task_failed(task_id: str, asset_id: str, project_id: str, failure: Failure, at: int) -> Event:
    """An ingestion has failed; `failure` has the bare code."""
    facts: dict[str, Any] = {"status": TaskStatus.FAILED.value, "error": _error(failure, failure_code(failure.code))}
    return _of_task(EventType.TASK_FAILED, task_id, asset_id, project_id, at, facts)


def asset_deleted(asset_id: str, group_id: str, project_id: str, at: int) -> Event:
    """An asset went into the trash, or for good."""
    return Event(type=EventType.ASSET_DELETED, project_id=project_id, created_at=at, asset_id=asset_id, group_id=group_id)


def group_deleted(group_id: str, project_id: str, at: int) -> Event:
    """A group went into the trash, or for good."""
    return Event(type=EventType.GROUP_DELETED, project_id=project_id, created_at=at, group_id=group_id)


def _of_task(kind: EventType, task_id: str, asset_id: str, project_id: str, at: int, facts: dict[str, Any]) -> Event:
    return Event(type=kind, project_id=project_id, created_at=at, asset_id=asset_id, task_id=task_id, facts=facts)


def _error(failure: Failure, code: str) -> dict[str, str]:
    """Without a reason where there is none."""
    shown = {"code": code, "message": failure.message}
    return shown if failure.reason is None else shown | {"reason": failure.reason}
