"""What is remembered of quotas: limits, and what counts against them."""

from collections.abc import Sequence
from typing import Protocol

from spark_assets.domain.quota import Holdings, Quota


class Quotas(Protocol):
    """The quotas. A project that has none is not limited, and nothing is counted for it until it gets one."""

    async def get(self, project_id: str) -> Quota | None:
        """The project's quota."""

    async def lock(self, project_id: str) -> Quota | None:
        """The project's quota; nothing more is counted in it, and no one else changes it, until the unit of work is over."""

    async def of(self, project_ids: Sequence[str]) -> dict[str, Quota]:
        """The quotas of those projects, by project."""

    async def count(self, project_ids: Sequence[str]) -> dict[str, Holdings]:
        """What those projects hold, counted asset by asset, for each of them; takes about a second for a million assets."""

    async def put(self, quota: Quota) -> None:
        """Record a quota; the one that the project had is replaced."""

    async def delete(self, project_id: str) -> bool:
        """False if the project has none."""

    async def set_since(self, at: int) -> list[str]:
        """IDs of the projects whose quota was set at that time or later."""
