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
    NotUnderstood,
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
from spark_assets.wire.bulk import BulkResult
from spark_assets.wire.events import EventBody as Event
from spark_assets.wire.events import ProgressBody as Progress
from spark_assets.wire.keys import AccessKeyBody as AccessKey
from spark_assets.wire.keys import KeyBody as Key
from spark_assets.wire.keys import NewAccessKeyBody as NewAccessKey
from spark_assets.wire.keys import NewKeyBody as NewKey
from spark_assets.wire.quota import QuotaBody as Quota
from spark_assets.wire.share import LinkBody as Link
from spark_assets.wire.share import ShareBody as Share
from spark_assets.wire.usage import UsageBody as Usage
from spark_assets.wire.webhook import DeliveryBody as Delivery
from spark_assets.wire.webhook import NewWebhookBody as NewWebhook
from spark_assets.wire.webhook import WebhookBody as Webhook

__all__ = [
    "UNSET",
    "AccessKey",
    "ApiError",
    "Asset",
    "AsyncClient",
    "AsyncTask",
    "AuthenticationFailed",
    "BadRequest",
    "BulkResult",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Delivery",
    "Event",
    "Group",
    "Key",
    "Link",
    "NewAccessKey",
    "NewKey",
    "NewWebhook",
    "NotAtGateway",
    "NotFound",
    "NotUnderstood",
    "PermissionDenied",
    "Progress",
    "Project",
    "Quota",
    "RateLimited",
    "ServerFailed",
    "Share",
    "SparkAssetsError",
    "Task",
    "TaskFailed",
    "TooLarge",
    "TransferBroken",
    "Usage",
    "WaitTimedOut",
    "Webhook",
]
