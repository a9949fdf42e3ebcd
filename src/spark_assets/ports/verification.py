"""What `doctor --verify` asks the database, and what `doctor --repair` changes in it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from spark_assets.domain.asset import Failure
from spark_assets.domain.usage import UsageRecord
from spark_assets.domain.webhook import WebhookKind


class Verification(Protocol):
    """Counts for `doctor --verify`: each is the number of rows that break a promise."""

    async def broken(self) -> dict[str, int]:
        """By promise: tasks whose asset contradicts them, results that are missing, ledger lines without a task, and the like."""

    async def broken_at(self, now: int) -> dict[str, int]:
        """The same for promises about times: what ended and was not told of, what is put off or held for too long."""

    async def examples(self, promise: str, now: int, limit: int) -> list[str]:
        """IDs of rows that break the promise, at most so many."""

    async def watchers(self) -> list["Watcher"]:
        """Every webhook that is told of events now."""

    async def calling_back(self, task_ids: Sequence[str]) -> set[str]:
        """Which of these tasks still keep an address to call back."""

    async def told(self, webhook_id: str, subjects: Sequence[str]) -> set[str]:
        """IDs of the messages about these subjects that were queued for the webhook, whatever became of them."""

    async def damage(self) -> list[str]:
        """What the engine finds wrong with the file that holds the rows; nothing where that is not ours to ask."""


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that is told of events: those of these types (none stands for all) since it was last changed (Unix microseconds)."""

    id: str
    project_id: str
    kind: WebhookKind
    """That of callbacks is told of the tasks that brought an address along."""
    events: tuple[str, ...]
    since: int


class Stranded(msgspec.Struct, frozen=True, kw_only=True):
    """A task in progress that nothing can complete any more: its asset has failed, is in the trash, or is gone."""

    task_id: str
    asset_id: str
    project_id: str
    failure: Failure | None
    """Why the asset failed, if it did; its code is the bare one."""
    traceparent: str | None
    """The step of a trace that the task follows from."""


class Repairs(Protocol):
    """Changes for `doctor --repair`: each puts right what contradicts a promise, and touches nothing else."""

    async def stranded(self, limit: int) -> list[Stranded]:
        """Tasks in progress that nothing can complete any more."""

    async def end_task(self, task_id: str, failure: Failure, at: int) -> bool:
        """Fail a task in progress, whoever holds it; False if it has ended. The code is the task's."""

    async def nameless(self, failure: Failure, limit: int) -> int:
        """Give failed tasks that have no code this one; how many."""

    async def forsaken(self, limit: int) -> list[str]:
        """IDs of assets in processing whose task does not exist."""

    async def unbilled(self, limit: int) -> list[UsageRecord]:
        """The lines that the ledger lacks, as their completed tasks remember them."""

    async def miscounted(self) -> list[str]:
        """IDs of projects whose quota counts something else than they hold."""

    async def expect_renditions(self, limit: int) -> int:
        """Let renditions be made that living active assets lack; for how many."""

    async def lose_rendition(self, name: str) -> None:
        """Forget a rendition whose bytes are not stored."""

    async def bring_forward(self, now: int) -> int:
        """Let deliveries be due, and uploads be free, that are put off or held for longer than any is: the clock was set back. How many."""

    async def date_back(self, now: int) -> None:
        """Give marks of the sweeper that bear a later time than this the present one: the clock was set back."""
