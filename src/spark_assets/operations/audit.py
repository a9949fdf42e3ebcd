"""The audit trail, as it is written: with what it tells of, in the same transaction."""

from functools import cache

from spark_assets.domain.api_key import Caller
from spark_assets.domain.audit import OPERATOR, AuditEntry, Details
from spark_assets.domain.ids import TaskIds
from spark_assets.operations.identity import add_with_fresh_id
from spark_assets.ports.unit_of_work import UnitOfWork


async def record(
    uow: UnitOfWork,
    *,
    actor: str,
    action: str,
    now: int,
    project_id: str | None = None,
    subject: str | None = None,
    details: Details | None = None,
) -> None:
    """Add an entry, kept exactly if the unit of work is committed; `now` is in Unix microseconds.

    `details` holds IDs and counts alone: what was erased must not live on in the trail.
    """

    def build() -> AuditEntry:
        return AuditEntry(
            id=_ids().new(now),
            actor=actor,
            action=action,
            project_id=project_id,
            subject=subject,
            details=details,
            created_at=now,
        )

    await add_with_fresh_id(build, uow.audit.add)


async def record_key(
    uow: UnitOfWork, *, caller: Caller | None, action: str, now: int, key_id: str, project_ids: frozenset[str] | None, **details: str
) -> None:
    """The same for a key of either kind; it belongs to a project if it is limited to that one alone. No caller: the operator."""
    only = next(iter(project_ids)) if project_ids is not None and len(project_ids) == 1 else None
    shown = {"project_ids": None if project_ids is None else sorted(project_ids), **details}
    await record(uow, actor=actor_of(caller), action=action, now=now, project_id=only, subject=key_id, details=shown)


def actor_of(caller: Caller | None) -> str:
    """Who is named in the trail: the caller's key; without a caller, the operator."""
    return OPERATOR if caller is None else caller.key_id


@cache
def _ids() -> TaskIds:
    """One for the process, made with its first entry."""
    return TaskIds()
