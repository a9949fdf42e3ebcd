"""What is remembered of bytes that come in by hand."""

from collections.abc import Sequence
from typing import Protocol

from spark_assets.domain.upload import Upload


class Uploads(Protocol):
    """The uploads; what their clients said of the assets is kept sealed."""

    async def add(self, upload: Upload) -> None:
        """Raises Taken `id`."""

    async def room_for(self, key_id: str, now: int, most: int) -> bool:
        """Whether fewer than `most` uploads of the key are open at that time.

        Whoever asks next for the same key waits until this unit of work is over, so the answer still holds when an upload is added.
        """

    async def find(self, upload_id: str, project_ids: Sequence[str] | None) -> Upload | None:
        """The upload, if it is in one of the projects; None stands for all projects."""

    async def hold(self, upload_id: str, holder: str, *, now: int, until: int) -> bool:
        """Keep an open upload for one request until that time, and no longer; False while another request keeps it."""

    async def release(self, upload_id: str, holder: str) -> None:
        """Let others go on with it."""

    async def record(self, upload: Upload, holder: str, *, after: int, until: int) -> bool:
        """Write parts, offset and expiry of an upload that stood at `after` and is still held; False if it is not."""

    async def complete(self, upload_id: str, task_id: str, command: str) -> bool:
        """`open` to `complete`, with its task and what is kept of its command; False if it is not open any more."""

    async def attach(self, upload_id: str, task_id: str) -> None:
        """The staged bytes of a completed upload are now those of this task."""

    async def remove(self, upload_id: str) -> bool:
        """Forget an open upload; False if it is not open any more."""

    async def needed(self, upload_ids: Sequence[str]) -> set[str]:
        """Which of them are open, or have a task that is in progress or still keeps its source for a retry."""

    async def drop_old(self, before: int, limit: int) -> int:
        """Forget uploads that expired before that time and whose bytes no task needs; how many."""
