"""Tasks: the promise that a client polls. `in_progress`, then `completed` or `failed`, for good."""

from enum import Enum
from typing import Final

import msgspec

from spark_assets.domain.asset import Failure
from spark_assets.domain.usage import FREE, MICRO, Charge

MAX_ATTEMPTS: Final = 5
"""How often a job is tried when what failed may mend by itself."""
MAX_CLAIMS: Final = 12
"""How often a task may be claimed at all before it counts as poison: workers that die never report an attempt as over."""
LONGEST_WAIT: Final = 60
"""Seconds that a poll may be held back."""
STORE_PATIENCE: Final = 3600 * MICRO
"""Microseconds from its creation for which a task waits for a store or a database that is away, or full."""


class TaskStatus(Enum):
    """The states of a task, in the vendor's spelling."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


class Stage(Enum):
    """How far an ingest has come. The number is the share of `progress` reached when the stage begins."""

    QUEUED = "queued"
    FETCHING = "fetching"
    INSPECTING = "inspecting"
    STORING = "storing"
    ACTIVE = "active"
    FAILED = "failed"


_PROGRESS: Final = {
    Stage.QUEUED: 0.0,
    Stage.FETCHING: 0.05,
    Stage.INSPECTING: 0.75,
    Stage.STORING: 0.9,
    Stage.ACTIVE: 1.0,
    Stage.FAILED: 1.0,
}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted request and its outcome. Times are Unix microseconds."""

    id: str
    project_id: str
    key_id: str
    model: str
    status: TaskStatus
    request_id: str
    created_at: int
    asset_id: str | None = None
    group_id: str | None = None
    source_host: str | None = None
    """Where an ingest's bytes come from: the host alone, which is no secret."""
    stage: Stage = Stage.QUEUED
    progress: float = 0.0
    bytes_received: int = 0
    attempts: int = 0
    fence: int = 0
    """Grows with each claim; only the latest claimant may end the task."""
    uploaded_at: int | None = None
    completed_at: int | None = None
    result: str | None = None
    """JSON of what a reading operation found; a creating one's result is the ID it made."""
    failure: Failure | None = None
    """Only when failed; its code is already the task's (see `failure_code`)."""
    charge: Charge = FREE
    retry_of: str | None = None
    """The failed task that this one tries again."""
    traceparent: str | None = None
    """The step of a trace that it follows from (W3C Trace Context); told to whoever claims it alone."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker gets when it claims a task: everything that ingestion needs to know."""

    task_id: str
    asset_id: str
    project_id: str
    key_id: str
    model: str
    request_id: str
    created_at: int
    url: str | None
    """None if the secret that sealed it is gone."""
    attempts: int
    fence: int
    traceparent: str | None = None


def failure_code(code: str) -> str:
    """The task's code for a bare one: `InvalidParameter.<X>`, except that `InternalError` stands alone."""
    return code if code == "InternalError" or "." in code else f"InvalidParameter.{code}"


def fetching_progress(received: int, total: int | None) -> float:
    """Progress between 0 and 1 while bytes arrive; without a known total it creeps towards the next stage."""
    low, high = _PROGRESS[Stage.FETCHING], _PROGRESS[Stage.INSPECTING]
    share = min(received / total, 1.0) if total else received / (received + 8 * 2**20)
    return round(low + (high - low) * share, 3)


def stage_progress(stage: Stage) -> float:
    """Progress between 0 and 1 when the stage begins."""
    return _PROGRESS[stage]
