"""Files in the request itself: the `data:` URI of a creation is decoded and staged, and its task then knows only where the bytes lie."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from spark_assets.domain.api_key import Scope
from spark_assets.domain.data_uri import decode_data_uri, is_data_uri
from spark_assets.domain.errors import ErrorKind, RequestRefused, SparkError, StorageFull, Unavailable
from spark_assets.domain.ids import new_upload_id
from spark_assets.domain.media import AssetType
from spark_assets.domain.policy import MediaPolicy, file_too_large
from spark_assets.domain.project import Project
from spark_assets.domain.task import Task
from spark_assets.domain.upload import Staged
from spark_assets.operations import control
from spark_assets.operations.call import Call
from spark_assets.operations.staging import Staging, discard, stage_bytes
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.runtime.assembly import Runtime
from spark_assets.web.exchange import BODY_LIMIT

Values = dict[str, Any]
Retry = Callable[[UnitOfWork], Awaitable[tuple[Task, Project]]]


@asynccontextmanager
async def data_source(runtime: Runtime, call: Call, values: Values) -> AsyncIterator[Values]:
    """The values of a creation, in which staged bytes stand for a `data:` URI; what no task has taken in the end is removed.

    Without a type among them, the file may be of any size: the request is about to be refused for another reason.

    Raises InvalidParameter `URL`, RequestRefused `FileSizeTooLarge`, AccessDenied, StorageFull, Unavailable.
    """
    url = values.get("url", "")
    if not is_data_uri(url):
        yield values
        return
    check_may_send(call)
    content = await asyncio.to_thread(decode_data_uri, url)
    if values.get("type") is not None:
        check_file_size(runtime.tools.policy, values["type"], len(content))
    staged = await stage_bytes(staging_of(runtime), new_upload_id(), content)
    del content, url
    async with taken_or_removed(runtime, staged):
        yield {**values, "url": "", "staged": staged}


@asynccontextmanager
async def retry_source(runtime: Runtime, call: Call, task_id: str, values: Values) -> AsyncIterator[Retry]:
    """What tries a task again with these values, the bytes of a `data:` URI among them. Raises like `data_source`."""
    asset_type = None
    if is_data_uri(values.get("url", "")):
        async with runtime.database.read() as repositories:
            asset_type = await control.type_of(repositories, call, task_id)
    async with data_source(runtime, call, {**values, "type": asset_type}) as source:
        yield lambda uow: control.retry(uow, call, task_id, source.get("url"), source.get("staged"))


def check_size(given: Mapping[str, Any], name: str, body_size: int) -> None:
    """Refuse a large body, before its values are looked at, unless a `data:` URI in the parameter `name` makes it so.

    Raises RequestRefused `RequestTooLarge`.
    """
    url = given.get(name)
    of_file = len(url) if isinstance(url, str) and is_data_uri(url) else 0
    if body_size - of_file > BODY_LIMIT:
        message = f"a request body has at most {BODY_LIMIT // 2**20} MiB beside a data: URI; send files to /v1/uploads"
        raise RequestRefused(ErrorKind.TOO_LARGE, "RequestTooLarge", message)


def check_file_size(policy: MediaPolicy, asset_type: AssetType, size: int) -> None:
    """Refuse at once what its ingest would refuse. Raises RequestRefused `FileSizeTooLarge`."""
    if size > policy.largest_download(asset_type):
        raise RequestRefused(ErrorKind.TOO_LARGE, "FileSizeTooLarge", file_too_large(policy, asset_type, f"file size {size} bytes").message)


def check_may_send(call: Call) -> None:
    """Refuse before bytes are received what would be refused afterwards. Raises AccessDenied, StorageFull, Unavailable."""
    call.caller.require(Scope.ASSETS_WRITE)
    if not call.terms.has_room():
        raise StorageFull


def staging_of(runtime: Runtime) -> Staging:
    """Where this server puts received bytes."""
    return Staging(runtime.blobs, runtime.tools.spool, runtime.tools.open_spool)


@asynccontextmanager
async def taken_or_removed(runtime: Runtime, staged: Staged) -> AsyncIterator[None]:
    """Remove staged bytes that no task has taken in the end: the request was refused, or repeats one that was answered before.

    After a commit whose outcome is not known they stay, and so they do where the database cannot be asked: a sweep looks later.
    """
    try:
        yield
    except Unavailable:
        raise
    except SparkError:
        await _remove_untaken(runtime, staged)
        raise
    await _remove_untaken(runtime, staged)


async def _remove_untaken(runtime: Runtime, staged: Staged) -> None:
    try:
        async with runtime.database.read() as repositories:
            taken = await repositories.uploads.find(staged.id, None)
    except SparkError:  # what the request itself was told holds all the same
        return
    if taken is None:
        await discard(runtime.blobs, staged.id, staged.parts)
