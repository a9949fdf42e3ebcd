"""The lines in which ingests wait for their turn."""

from typing import NamedTuple, Protocol


class Ingest(NamedTuple):
    """An ingest that is not over: its project, its task, and where its bytes come from."""

    project_id: str
    task_id: str
    host: str


class Lines(Protocol):
    """The ingests that are not over, in line or with a job of their own."""

    async def projects(self, after: str, limit: int) -> list[str]:
        """Projects that have an ingest in line, in order of ID, from behind `after`."""

    async def call(self, project_id: str, count: int) -> list[Ingest]:
        """Take so many out of the project's lines, singles first, those that came first before others; nobody else takes them."""

    async def called(self, after: Ingest | None, limit: int) -> list[Ingest]:
        """Those that stand in no line, so that the queue should have their jobs, in order of project and task, from behind `after`."""

    async def unfinished(self) -> dict[str, int]:
        """How many of each project are not over; may take a while."""

    async def backlog(self) -> tuple[int, int, int | None]:
        """How many stand in line, how many were called and are not over, and when the first of all was asked for; may take a while."""

    async def waiting(self) -> int:
        """How many stand in line."""

    async def oldest(self) -> int | None:
        """When the first of those that are not over was asked for (Unix microseconds); may take a while."""
