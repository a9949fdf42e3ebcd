"""What is remembered of tasks."""

from collections.abc import Sequence
from typing import Protocol

from spark_assets.domain.asset import Failure
from spark_assets.domain.backlog import Line
from spark_assets.domain.listing import Slice, TaskFilter
from spark_assets.domain.task import Claim, Stage, Task
from spark_assets.domain.usage import Charge


class Tasks(Protocol):
    """The tasks; every change is conditional on `in_progress` and, for workers, on the fence."""

    async def add(self, task: Task, url: str | None = None, callback: str | None = None, line: Line = Line.NONE) -> None:
        """Record a task, in line if it is to wait; its source `url` and the address to call back are kept sealed. Raises Taken `id`."""

    async def get(self, task_id: str) -> Task | None:
        """The task; whether the caller may see it is decided by its project."""

    async def room_for(self, key_id: str, model: str, most: int) -> bool:
        """Whether fewer than `most` of the key's tasks of that model are in progress.

        Whoever asks next for the same key waits until this unit of work is over, so the answer still holds when a task is added.
        """

    async def page(self, project_ids: Sequence[str], wanted: TaskFilter, part: Slice) -> list[Task]:
        """One part of those projects' tasks that the filter selects, sorted by their creation."""

    async def claim(self, task_id: str) -> Claim | None:
        """Count a claim and raise the fence; None if the task has ended or does not exist."""

    async def release(self, claim: Claim) -> None:
        """Take back the count of a claim that was given up in good order."""

    async def advance(self, claim: Claim, stage: Stage, progress: float, received: int) -> bool:
        """Show how far an ingest has come; False for a stale claim, which changes nothing."""

    async def complete(self, claim: Claim, *, charge: Charge, received: int, uploaded_at: int, at: int) -> bool:
        """`in_progress` to `completed`; False for a stale claim. The sealed source is dropped."""

    async def fail(self, claim: Claim, failure: Failure, at: int) -> bool:
        """`in_progress` to `failed`; False for a stale claim. The sealed source stays for a retry."""

    async def end_for_assets(self, asset_ids: Sequence[str], failure: Failure, at: int) -> list[tuple[str, str]]:
        """Fail whatever tasks of these assets are in progress, whoever holds them; ID of each with its asset's."""

    async def kept_source(self, task_id: str) -> str | None:
        """The source that a failed task still keeps for a retry; nobody else takes it until the unit of work is over."""

    async def hand_on(self, task_id: str, new_id: str) -> None:
        """Give what a failed task still keeps to the task that tries it again: its callback; its source is forgotten."""

    async def drop_sources(self, before: int, limit: int) -> int:
        """Forget the sealed sources of tasks that failed before that time, and their callbacks; how many."""

    async def drop_finished(self, models: Sequence[str], before: int, limit: int) -> int:
        """Remove ended tasks of those models that were created before that time; how many."""

    async def drop_ended(self, after: str, before: int, limit: int) -> list[str]:
        """Remove ended tasks that were created before that time, in order of ID, from behind `after`; their IDs."""
