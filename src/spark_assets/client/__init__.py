"""The Python SDK: `Client` blocks, `AsyncClient` is awaited; both can do the same.

from spark_assets.client import Client

with Client("http://127.0.0.1:8080", "sk-...") as client:
    group = client.groups.create("hero")
    asset = client.assets.create(group_id=group.id, url="https://example.com/hero.jpg", wait=True)
    print(asset.id, asset.width, asset.height)
"""

from msgspec import UNSET

from spark_assets.client.asynchronous.client import AsyncClient
from spark_assets.client.asynchronous.tasks import AsyncTask
from spark_assets.client.errors import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    ConnectionFailed,
    NotAtGateway,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerFailed,
    SparkAssetsError,
    TaskFailed,
    TooLarge,
    TransferBroken,
    WaitTimedOut,
)
from spark_assets.client.synchronous.client import Client
from spark_assets.client.synchronous.tasks import Task
from spark_assets.wire.admin import AssetBody as Asset
from spark_assets.wire.admin import GroupBody as Group
from spark_assets.wire.admin import ProjectBody as Project
from spark_assets.wire.events import EventBody as Event
from spark_assets.wire.events import ProgressBody as Progress

__all__ = [
    "UNSET",
    "ApiError",
    "Asset",
    "AsyncClient",
    "AsyncTask",
    "AuthenticationFailed",
    "BadRequest",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Event",
    "Group",
    "NotAtGateway",
    "NotFound",
    "PermissionDenied",
    "Progress",
    "Project",
    "RateLimited",
    "ServerFailed",
    "SparkAssetsError",
    "Task",
    "TaskFailed",
    "TooLarge",
    "TransferBroken",
    "WaitTimedOut",
]
