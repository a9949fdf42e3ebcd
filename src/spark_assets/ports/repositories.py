"""What is remembered, noun by noun.

Every look-up that serves a key takes the project, and filters by it where the rows are. A row that is not there is None.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import ApiKey, Key
from spark_assets.domain.asset import Asset, Deleted, Failure, Variant
from spark_assets.domain.group import Group
from spark_assets.domain.listing import AssetFilter, GroupFilter, Slice
from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.domain.project import Project
from spark_assets.domain.quota import Holdings
from spark_assets.domain.usage import Dimension, UsageRecord, UsageSpan, UsageTotal

AnyKey = TypeVar("AnyKey", bound=Key)
LATEST: Final = 2**62
"""A time that comes after every other (Unix microseconds)."""


class Taken(Exception):
    """A unique value is in use already; `what` names it: `id`, `name`, `external_id`."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Projects(Protocol):
    """The projects."""

    async def add(self, project: Project) -> None:
        """Raises Taken `name` or `id`."""

    async def by_name(self, name: str) -> Project | None:
        """The project of that name."""

    async def by_id(self, project_id: str) -> Project | None:
        """The project with that ID."""

    async def all(self) -> list[Project]:
        """All projects, by name."""

    async def page(self, project_ids: Sequence[str] | None, part: Slice) -> list[Project]:
        """One part of those projects, sorted by their creation; None stands for all."""

    async def lock(self, project_id: str) -> Project | None:
        """The project as `by_id` finds it; nobody holds it, and no one else ends it, until the unit of work is over."""

    async def hold(self, project_id: str) -> bool:
        """Whether the project is there; if so, it cannot be ended until the unit of work is over."""

    async def rename(self, project_id: str, name: str) -> bool:
        """False if the project is gone. Raises Taken `name`."""

    async def has_groups(self, project_id: str) -> bool:
        """Whether it holds a group that is not deleted."""

    async def delete(self, project_id: str, at: int) -> bool:
        """End the project: its name is free again; False if it was ended already."""


class Keys(Protocol[AnyKey]):
    """The keys of one kind."""

    async def by_id(self, key_id: str) -> AnyKey | None:
        """The key with that ID, revoked or not."""

    async def all(self) -> list[AnyKey]:
        """All of them, newest first."""

    async def revoke(self, key_id: str, at: int) -> bool:
        """False if there is no such key that is not yet revoked."""

    async def expire(self, key_id: str, at: int) -> bool:
        """Let the key end at that time, unless it ends sooner; False if there is no such key that is not yet revoked."""

    async def touch(self, last_used: Mapping[str, int]) -> None:
        """Record when keys were last used; an earlier time than the recorded one changes nothing."""


class ApiKeys(Keys[ApiKey], Protocol):
    """The API keys, found by the fingerprint of the secret."""

    async def add(self, key: ApiKey, fingerprint: str) -> None:
        """Record a key. Raises Taken `id`."""

    async def by_fingerprint(self, fingerprint: str) -> ApiKey | None:
        """The key whose secret has this fingerprint, revoked or not."""


class AccessKeys(Keys[AccessKey], Protocol):
    """The access keys; their secrets are kept sealed, and hints are made of them."""

    async def add(self, key: AccessKey, secret: str) -> None:
        """Record a key. Raises Taken `id`."""

    async def with_secret(self, key_id: str) -> tuple[AccessKey, str | None] | None:
        """The key, revoked or not, and its secret; None for the secret if what sealed it is gone."""


class Groups(Protocol):
    """The groups."""

    async def add(self, group: Group) -> None:
        """Raises Taken `id`."""

    async def get(self, group_id: str, project_id: str) -> Group | None:
        """The group, if it is in the project and not deleted."""

    async def hold(self, group_id: str, project_id: str) -> bool:
        """Whether the group is there, as `get` would find it; if so, it cannot be deleted until the unit of work is over."""

    async def lock(self, group_id: str, project_id: str) -> Group | None:
        """The group as `get` finds it; nobody else changes it until the unit of work is over."""

    async def page(self, project_ids: Sequence[str], wanted: GroupFilter, part: Slice) -> list[Group]:
        """One part of the sorted groups of those projects that the filter selects."""

    async def count(self, project_ids: Sequence[str], wanted: GroupFilter) -> int:
        """How many groups the filter selects."""

    async def update(self, group: Group) -> bool:
        """Write name, description and time of change; False if the group is gone."""

    async def delete(self, group_id: str, at: int) -> bool:
        """Put the group into the trash; False if it was there already."""

    async def find(self, group_id: str, project_ids: Sequence[str] | None, *, in_trash: bool = False) -> Group | None:
        """The group, living or in the trash, if it is in one of the projects; None stands for all projects."""

    async def restore(self, group_id: str, at: int) -> bool:
        """Take the group out of the trash; False if it is not there."""


class Rendition(msgspec.Struct, frozen=True):
    """A picture derived from a blob: which one, under which name it is stored, its size in bytes and its media type."""

    blob_sha256: str
    variant: Variant
    name: str
    size: int
    media_type: str


class Assets(Protocol):
    """The assets and what belongs to them."""

    async def add(self, asset: Asset) -> None:
        """Raises Taken `id` or `external_id`."""

    async def get(self, asset_id: str, project_ids: Sequence[str] | None) -> Asset | None:
        """The asset if it is in one of the projects and not deleted; None stands for all projects."""

    async def lock(self, asset_id: str, project_id: str) -> Asset | None:
        """The asset if it is in the project and not deleted; nobody else changes it until the unit of work is over."""

    async def page(self, project_ids: Sequence[str], wanted: AssetFilter, part: Slice) -> list[Asset]:
        """One part of the sorted assets of those projects that the filter selects."""

    async def count(self, project_ids: Sequence[str], wanted: AssetFilter) -> int:
        """How many assets the filter selects."""

    async def update(self, asset: Asset) -> bool:
        """Write what a client may change; False if the asset is gone. Raises Taken `external_id`."""

    async def delete(self, asset_ids: Sequence[str], at: int) -> list[Deleted]:
        """Put assets into the trash; those there already stay as they are. What went there."""

    async def trashed(self, asset_id: str, project_ids: Sequence[str] | None) -> Asset | None:
        """The asset if it is in the trash and in one of the projects; None stands for all projects."""

    async def deleted_with_group(self, group_id: str, at: int) -> list[str]:
        """IDs of the assets of the group that went into the trash at that very time."""

    async def restore(self, asset_ids: Sequence[str], at: int) -> dict[str, Holdings]:
        """Take assets out of the trash; those not in it stay as they are. What came back, by project. Raises Taken `external_id`."""

    async def living_in_group(self, group_id: str, project_id: str) -> list[str]:
        """IDs of the assets of the project's group that are not deleted."""

    async def activate(self, asset_id: str, *, sha256: str, size: int, facts: MediaFacts, at: int) -> bool:
        """`Processing` to `Active`; False if the asset is not processing any more."""

    async def known_facts(self, project_id: str, sha256: str) -> MediaFacts | None:
        """What was measured of these bytes, if an asset of the project, living or in the trash, refers to them and they are stored."""

    async def fail(self, asset_id: str, failure: Failure, at: int) -> bool:
        """`Processing` to `Failed`; False if the asset is not processing any more."""

    async def settle_rendition(self, asset_id: str) -> None:
        """The rendition of an activated asset is made, or never will be."""

    async def pending_renditions(self, after: str, limit: int, *, by: int = LATEST) -> list[str]:
        """IDs, in order from behind `after`, of active assets whose rendition is not settled.

        None is deleted, or was changed later than `by`.
        """


class Blobs(Protocol):
    """What is known of stored bytes."""

    async def reference(self, sha256: str, *, size: int, stored_at: int) -> bool:
        """Make sure that bytes whose storing began at `stored_at` are on record; False if the sweeper took them since."""

    async def hold(self, sha256: str) -> bool:
        """Whether the bytes are stored and not being swept; if so, they are not swept until the unit of work is over."""

    async def formats_of(self, hashes: Sequence[str]) -> dict[str, MediaFormat]:
        """What the bytes are; those that no asset refers to are left out."""

    async def begin_sweep(self, sha256: str, at: int, *, despite_holds: bool = False) -> bool:
        """Mark bytes that nothing refers to as being swept; False if something does, if a sweep of them is under way, or while held."""

    async def end_sweep(self, sha256: str, at: int) -> None:
        """Record that the bytes and their renditions are gone."""

    async def forget_swept(self, before: int) -> None:
        """Drop the marks set before that time, whether their sweep was over or broken off by the end of its process."""

    async def referenced(self, hashes: Sequence[str]) -> set[str]:
        """Which of the hashes an asset refers to."""

    async def after(self, sha256: str, limit: int) -> list[tuple[str, int]]:
        """Hash and size of the recorded blobs that follow in order of hash."""

    async def add_rendition(self, rendition: Rendition) -> None:
        """Record a rendition; one recorded before is replaced."""

    async def rendition(self, sha256: str, variant: Variant) -> Rendition | None:
        """The rendition of the bytes in that variant."""

    async def renditions_of(self, hashes: Sequence[str]) -> list[Rendition]:
        """All renditions of those bytes."""


class UsageLedger(Protocol):
    """What was charged; at most one line per task, and none is ever removed."""

    async def add(self, record: UsageRecord) -> None:
        """Add a line; a second one for the same task changes nothing."""

    async def totals(self, project_ids: Sequence[str] | None, span: UsageSpan, by: Sequence[Dimension]) -> list[UsageTotal]:
        """The lines of those projects (None: all) within the span, added up.

        One total for each combination of the dimensions that occurs, in their order; without dimensions a single one,
        also of nothing. The dimensions are distinct.
        """
