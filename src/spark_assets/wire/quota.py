"""Shapes of our own REST surface: quotas."""

import msgspec

from spark_assets.domain.project import Project
from spark_assets.domain.quota import Quota
from spark_assets.wire.times import rfc3339


class QuotaLimits(msgspec.Struct):
    """The most that a project may hold; null: any number."""

    assets: int | None
    groups: int | None
    bytes: int | None


class QuotaUse(msgspec.Struct):
    """What a project holds; what is in its trash does not count."""

    assets: int
    groups: int
    bytes: int
    """Of the assets that are active."""


class QuotaBody(msgspec.Struct):
    """The limits of a project and what they are used for."""

    project: str
    limits: QuotaLimits
    used: QuotaUse
    updated_at: str | None
    """When the limits were set; null: the project has no quota."""


class QuotaList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[QuotaBody]
    next_cursor: str | None


def quota_body(quota: Quota, project: Project) -> QuotaBody:
    """The quota of the project."""
    allowed, held = quota.allowed, quota.held
    return QuotaBody(
        project=project.name,
        limits=QuotaLimits(allowed.assets, allowed.groups, allowed.bytes),
        used=QuotaUse(held.assets, held.groups, held.bytes),
        updated_at=None if quota.updated_at is None else rfc3339(quota.updated_at),
    )
