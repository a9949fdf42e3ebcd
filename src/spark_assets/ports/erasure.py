"""The removal of rows for good."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from spark_assets.domain.erasure import Erased


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Which assets are to be erased, living or in the trash: those with one of the IDs, or of the group, or with the tag, or all."""

    project_ids: tuple[str, ...] | None
    """None stands for all projects, and is allowed with `asset_ids` alone."""
    asset_ids: tuple[str, ...] = ()
    group_id: str | None = None
    tag: str | None = None


class Doomed(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known of an asset to remove it, and what it leaves behind."""

    id: str
    project_id: str
    task_id: str | None
    sha256: str | None
    size: int | None


class Leftover(msgspec.Struct, frozen=True):
    """Bytes kept for a retry where an upload left them: its ID, and what tells the names of its parts apart."""

    upload_id: str
    parts: tuple[str, ...]


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """What hangs on assets: shares, and source addresses that their tasks still know."""

    shares: int = 0
    sources: int = 0


class Erasure(Protocol):
    """Rows that go for good."""

    async def find(self, target: Target, limit: int) -> list[str]:
        """IDs of assets that the target means."""

    async def look_at(self, asset_ids: Sequence[str]) -> list[Doomed]:
        """Those of the assets that are still there, in order of ID; nobody changes them until the unit of work is over."""

    async def old_trash(self, before: int, limit: int) -> list[Doomed]:
        """Assets that were deleted before that time; likewise held. Those that someone else holds are left out."""

    async def traces(self, doomed: Sequence[Doomed]) -> Traces:
        """What hangs on those assets."""

    async def purge(self, doomed: Sequence[Doomed], at: int) -> list[Leftover]:
        """Remove the assets that are held, their tags, shares, events and uploads; their tasks stay, without the source, marked as erased.

        Webhooks are told of nothing any more but of the end. What the uploads left is not needed any more: a sweep removes it.
        """

    async def references(self, hashes: Sequence[str]) -> dict[str, int]:
        """How many assets refer to each of the hashes; those that none refers to are left out."""

    async def groups_of(self, project_id: str, limit: int) -> list[str]:
        """IDs of groups of the project, living or in the trash."""

    async def old_groups(self, before: int, limit: int) -> list[str]:
        """IDs of groups that were deleted before that time and hold nothing any more."""

    async def purge_groups(self, group_ids: Sequence[str]) -> list[tuple[str, str]]:
        """Remove those of the groups that are in the trash and hold nothing any more; ID and project of each."""

    async def drop_readings(self, project_id: str, models: Sequence[str], limit: int) -> int:
        """Remove tasks of the project whose stored result is of one of the models; how many."""

    async def note(self, entry: Erased) -> None:
        """Note what is removed, for the record in the store."""

    async def noted(self, limit: int) -> list[Erased]:
        """What was noted and not forgotten yet."""

    async def forget_noted(self, entry_ids: Sequence[str]) -> None:
        """Forget what stands in the record."""
