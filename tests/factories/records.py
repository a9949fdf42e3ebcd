"""Records for tests, one maker per noun: complete, valid, and different from each other where they must be."""

import hashlib
import itertools
from collections.abc import Callable
from typing import Any, Final

from spark_assets.domain.access_key import AccessKey, new_access_key_id
from spark_assets.domain.api_key import DEFAULT_SCOPES, ApiKey, Caller
from spark_assets.domain.asset import Asset, AssetStatus, ModerationStrategy
from spark_assets.domain.backlog import Backlog, BacklogLimits
from spark_assets.domain.cursor import CursorSigner
from spark_assets.domain.group import Group, GroupType
from spark_assets.domain.ids import TaskIds, new_asset_id, new_group_id, new_key_id, new_project_id
from spark_assets.domain.link import LinkSigner, SigningKey
from spark_assets.domain.media import AssetType, MediaFacts, MediaFormat
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.project import Project
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.domain.usage import PriceList
from spark_assets.operations.call import Call, Terms
from spark_assets.operations.delivery import Links
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork

NOW: Final = 1_780_000_000_000_000
"""A moment in 2026, in Unix microseconds."""
SECOND: Final = 1_000_000
DEFAULT_PROJECT_ID: Final = "project-default"
URL: Final = "https://example.com/hero.jpg?token=secret"
PICTURE: Final = MediaFacts(format=MediaFormat.JPEG, width=640, height=480, frame_count=1)
CLIP: Final = MediaFacts(
    format=MediaFormat.MP4, width=640, height=640, frame_count=48, duration=2.0, frame_rate=24.0, codec="h264", has_audio=True
)
SIGNER: Final = LinkSigner((SigningKey("1", "0123456789abcdef"),))
CURSORS: Final = CursorSigner((SigningKey("1", "0123456789abcdef"),))

_task_ids: Final = TaskIds()
_count: Final = itertools.count()
_made: Final[set[str]] = set()


def sha256_of(content: bytes) -> str:
    """The hash in hex under which these bytes are stored."""
    return hashlib.sha256(content).hexdigest()


def _unlike_others(new: Callable[[int], str]) -> str:
    """An ID that no record has yet: among a thousand with a random end, all of one second, two are alike once in thirty times."""
    while (drawn := new(NOW)) in _made:
        pass
    _made.add(drawn)
    return drawn


def project(name: str = "film", **changes: Any) -> Project:
    """A project."""
    return Project(**{"id": new_project_id(), "name": name, "created_at": NOW, **changes})


def group(**changes: Any) -> Group:
    """A group in the default project."""
    values = {
        "id": _unlike_others(new_group_id),
        "project_id": DEFAULT_PROJECT_ID,
        "name": "cast",
        "description": "",
        "type": GroupType.AIGC,
    }
    return Group(**{**values, "created_at": NOW, "updated_at": NOW, **changes})


def asset(group_id: str, **changes: Any) -> Asset:
    """An image that is still being processed."""
    values = {
        "id": _unlike_others(new_asset_id),
        "project_id": DEFAULT_PROJECT_ID,
        "group_id": group_id,
        "name": "hero",
        "type": AssetType.IMAGE,
    }
    fixed = {"status": AssetStatus.PROCESSING, "moderation": ModerationStrategy.DEFAULT, "created_at": NOW, "updated_at": NOW}
    return Asset(**{**values, **fixed, **changes})


def task(asset_id: str | None = None, **changes: Any) -> Task:
    """The task of an asset's creation, in progress."""
    values = {"id": _task_ids.new(NOW), "project_id": DEFAULT_PROJECT_ID, "key_id": "key-tests", "model": CREATE_ASSET.model}
    fixed = {"status": TaskStatus.IN_PROGRESS, "request_id": "request-1", "created_at": NOW, "asset_id": asset_id}
    return Task(**{**values, **fixed, **changes})


def api_key(**changes: Any) -> ApiKey:
    """A key for all projects."""
    values = {"id": new_key_id(), "name": "laptop", "hint": "sk_abcd…", "scopes": DEFAULT_SCOPES, "project_ids": None, "created_at": NOW}
    return ApiKey(**{**values, **changes})


def access_key(**changes: Any) -> AccessKey:
    """An access key for all projects, whose secret begins with `a se`."""
    values = {"id": new_access_key_id(), "name": "sdk", "hint": "a se…", "scopes": DEFAULT_SCOPES, "project_ids": None, "created_at": NOW}
    return AccessKey(**{**values, **changes})


def fingerprint() -> str:
    """A fingerprint that no other key has."""
    return sha256_of(f"key {next(_count)}".encode())


def caller(**changes: Any) -> Caller:
    """Someone who may read and write in all projects."""
    return Caller(**{"key_id": "key-tests", "scopes": DEFAULT_SCOPES, "project_ids": None, **changes})


def terms(**changes: Any) -> Terms:
    """Terms under which every address may be fetched (from example.com), there is room, and a creation costs 2 cents."""
    values = {"prices": PriceList({CREATE_ASSET.model: 20_000}), "check_url": lambda url: "example.com", "has_room": lambda: True}
    values["backlog"] = Backlog(BacklogLimits(most=100_000, most_of_project=100_000, at_hand=1_000))
    return Terms(**{**values, "check_webhook": lambda name, url: None, "task_ids": _task_ids, "cursors": CURSORS, **changes})


def call(**changes: Any) -> Call:
    """A call by that someone on these terms."""
    return Call(**{"caller": caller(), "request_id": "request-1", "now": NOW, "terms": terms(), **changes})


def links() -> Links:
    """Links below an address of the delivery, shares below another one."""
    return Links(SIGNER, "https://media.example.com", "https://assets.example.com")


async def add_asset(uow: UnitOfWork, *, url: str | None = URL, **changes: Any) -> tuple[Asset, Task]:
    """An asset in a group of its own, with the task that creates it."""
    project_id = changes.get("project_id", DEFAULT_PROJECT_ID)
    holder = group(project_id=project_id)
    await uow.groups.add(holder)
    added = asset(holder.id, task_id=_task_ids.new(NOW), **changes)
    await uow.assets.add(added)
    promised = task(added.id, id=added.task_id, project_id=project_id)
    await uow.tasks.add(promised, url)
    return added, promised


async def find_asset(repositories: Repositories, asset_id: str) -> Asset:
    """The asset as it is now."""
    found = await repositories.assets.get(asset_id, None)
    assert found is not None
    return found


async def find_task(repositories: Repositories, task_id: str) -> Task:
    """The task as it is now."""
    found = await repositories.tasks.get(task_id)
    assert found is not None
    return found
