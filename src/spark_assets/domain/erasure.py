"""Erasure: what is removed for good, and the receipt that says what went."""

from typing import Final

import msgspec

from spark_assets.domain.errors import InvalidParameter

MOST_ASSETS: Final = 10_000
"""Assets that one call erases; the same call then goes on."""


class Erase(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be erased: exactly one of assets, a group, a whole project, or what bears a tag in a project."""

    asset_ids: tuple[str, ...] = ()
    group_id: str | None = None
    project: str | None = None
    """The project to empty; beside `tag`, the project in which the tag counts."""
    tag: str | None = None
    dry_run: bool = False
    """Say what would go, and remove nothing."""

    def check(self) -> None:
        """Raises InvalidParameter `asset_ids` unless exactly one thing is named."""
        named = (bool(self.asset_ids), bool(self.group_id), bool(self.tag), bool(self.project) and not self.tag)
        if sum(named) != 1:
            raise InvalidParameter(
                "asset_ids",
                "name exactly one of asset_ids, group_id, project and tag; beside a tag, a project says where the tag counts",
            )


class RemovedBlob(msgspec.Struct, frozen=True):
    """Stored bytes that went: their SHA-256 in hex, and how many they were."""

    sha256: str
    size: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What went; or, of a dry run, what would go."""

    id: str
    """Of the erasure; its entries in the audit trail bear it as their subject."""
    erased_at: int
    """Unix microseconds."""
    dry_run: bool
    asset_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    task_ids: tuple[str, ...]
    """The tasks that had created the assets. They stay, with their outcome, and know no source any more."""
    unknown_asset_ids: tuple[str, ...]
    """IDs that were named and are none of the assets that the key may erase."""
    blobs: tuple[RemovedBlob, ...]
    kept_blobs: tuple[str, ...]
    """SHA-256 of stored bytes that other assets refer to."""
    pending_blobs: tuple[str, ...]
    """SHA-256 of stored bytes that nothing refers to and that could not be removed now; the sweeper removes them."""
    renditions: int
    shares: int
    sources: int
    """Addresses that were fetched from, and are forgotten."""
    bytes_freed: int
    """Of the blobs and their renditions."""
    complete: bool
    """Whether all that was named is gone; if not, the same call goes on."""


class Erased(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one step of an erasure removed, by ID: what has to go again when an older copy of the database comes back."""

    id: str
    """Of the step; no two have the same."""
    erasure_id: str
    erased_at: int
    """Unix microseconds."""
    asset_ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
