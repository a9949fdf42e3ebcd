"""Quotas: how many assets, groups and bytes a project may hold at most."""

from typing import Final

import msgspec
from msgspec.structs import replace

from spark_assets.domain.errors import QuotaExceeded

LARGEST_LIMIT: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What a project holds, gains or, below zero, loses: assets and groups that are not deleted, and the bytes of those assets."""

    assets: int = 0
    groups: int = 0
    bytes: int = 0

    def __add__(self, other: "Holdings") -> "Holdings":
        return Holdings(assets=self.assets + other.assets, groups=self.groups + other.groups, bytes=self.bytes + other.bytes)

    def __neg__(self) -> "Holdings":
        return Holdings(assets=-self.assets, groups=-self.groups, bytes=-self.bytes)


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a project may hold; None: any number."""

    assets: int | None = None
    groups: int | None = None
    bytes: int | None = None


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """What a project may hold, and what it holds. Its groups and assets in the trash do not count."""

    project_id: str
    allowed: Allowance
    held: Holdings
    updated_at: int | None = None
    """When the limits were set (Unix microseconds); None: never."""

    def refuse_excess(self, gained: Holdings) -> None:
        """Raises QuotaExceeded if something of which there is more by now is over its limit. Losing is never refused."""
        for what, more, held, limit in (
            ("assets", gained.assets, self.held.assets, self.allowed.assets),
            ("groups", gained.groups, self.held.groups, self.allowed.groups),
            ("bytes", gained.bytes, self.held.bytes, self.allowed.bytes),
        ):
            if limit is not None and more > 0 and held > limit:
                raise QuotaExceeded(
                    f"with {more} more the project's number of {what} would be {held}, and its quota allows {limit}; "
                    f"delete some {'assets' if what == 'bytes' else what}, or have the quota raised"
                )

    def expect_room(self, gained: Holdings) -> None:
        """Raises QuotaExceeded if this cannot be gained, or if an asset is to come and no byte could follow it."""
        replace(self, held=self.held + gained).refuse_excess(gained)
        if gained.assets > 0 and self.allowed.bytes is not None and self.held.bytes >= self.allowed.bytes:
            raise QuotaExceeded(
                f"the project holds {self.held.bytes} bytes, and its quota allows {self.allowed.bytes}; "
                "delete some assets, or have the quota raised"
            )
