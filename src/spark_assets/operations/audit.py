"""The audit trail, as it is written: with what it tells of, in the same transaction."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from spark_assets.domain.api_key import Caller
from spark_assets.domain.audit import OPERATOR, AuditEntry, Details, Origin
from spark_assets.domain.ids import TaskIds
from spark_assets.operations.call import Call
from spark_assets.ports.unit_of_work import UnitOfWork

NOWHERE: Final = Origin()
"""Where the operator and the service itself come from."""
_MOST_IDS: Final = 500
"""IDs of one entry: some 16 KiB, which a list of entries can still hold a hundred times."""


async def record(
    uow: UnitOfWork,
    *,
    actor: str,
    action: str,
    now: int,
    project_id: str | None = None,
    subject: str | None = None,
    details: Details | None = None,
    origin: Origin = NOWHERE,
) -> None:
    """Append an entry, kept exactly if the unit of work is committed; `now` is in Unix microseconds.

    `details` holds IDs and counts alone: what was erased must not live on in the trail.
    """
    uow.note(
        AuditEntry(
            id=_ids().new(now),
            actor=actor,
            action=action,
            project_id=project_id,
            subject=subject,
            details=details,
            created_at=now,
            address=origin.address,
            request_id=origin.request_id,
        )
    )


async def record_call(
    uow: UnitOfWork, call: Call, action: str, *, project_id: str | None, subject: str | None = None, details: Details | None = None
) -> None:
    """The same for what a call does: its key did it, now, from where it came."""
    await record(
        uow,
        actor=call.caller.key_id,
        action=action,
        now=call.now,
        project_id=project_id,
        subject=subject,
        details=details,
        origin=call.origin,
    )


async def record_assets(uow: UnitOfWork, call: Call, action: str, *, project_id: str, subject: str, asset_ids: Sequence[str]) -> None:
    """The same for assets that went along with the subject, by their IDs; where they are many, in several entries."""
    for start in range(0, len(asset_ids), _MOST_IDS):
        some = list(asset_ids[start : start + _MOST_IDS])
        await record_call(uow, call, action, project_id=project_id, subject=subject, details={"asset_ids": some, "count": len(some)})


async def record_key(
    uow: UnitOfWork,
    *,
    caller: Caller | None,
    action: str,
    now: int,
    key_id: str,
    project_ids: frozenset[str] | None,
    origin: Origin,
    **details: str,
) -> None:
    """The same for a key of either kind; it belongs to a project if it is limited to that one alone. No caller: the operator."""
    only = next(iter(project_ids)) if project_ids is not None and len(project_ids) == 1 else None
    shown = {"project_ids": None if project_ids is None else sorted(project_ids), **details}
    await record(uow, actor=actor_of(caller), action=action, now=now, project_id=only, subject=key_id, details=shown, origin=origin)


def actor_of(caller: Caller | None) -> str:
    """Who is named in the trail: the caller's key; without a caller, the operator."""
    return OPERATOR if caller is None else caller.key_id


@cache
def _ids() -> TaskIds:
    """One for the process, made with its first entry."""
    return TaskIds()
