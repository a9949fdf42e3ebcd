"""The parts of a running process, put together from the settings."""

import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from spark_assets.db.schema import APPLICATION_NAME
from spark_assets.domain.backlog import AT_HAND, Backlog, BacklogLimits
from spark_assets.domain.cursor import CursorSigner
from spark_assets.domain.ids import TaskIds
from spark_assets.domain.limits import Limits
from spark_assets.domain.link import LinkSigner
from spark_assets.domain.retention import HOUR
from spark_assets.fetching.address_guard import AddressGuard
from spark_assets.fetching.download import FetchTimes, HttpSource
from spark_assets.fetching.spool import Spool
from spark_assets.ingest.state import Tools
from spark_assets.media.sandbox import SandboxedInspector
from spark_assets.operations.call import Terms
from spark_assets.operations.delivery import Links
from spark_assets.operations.load import LoadGauge
from spark_assets.ports.blobs import BlobStore
from spark_assets.ports.clock import Clock, SystemClock
from spark_assets.ports.metrics import SILENCE, Metrics
from spark_assets.ports.queue import Queue
from spark_assets.ports.rates import RateCounter
from spark_assets.ports.traces import UNTOLD, Traces
from spark_assets.ports.unit_of_work import Database
from spark_assets.ports.webhooks import Sender
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.queue.paused import PausedQueue
from spark_assets.queue.postgres_queue import PostgresQueue
from spark_assets.runtime.addresses import allowed_sources, own_addresses, storage_location
from spark_assets.runtime.databases import open_database
from spark_assets.runtime.home import spool_folder
from spark_assets.runtime.limits import load_limits, open_rates
from spark_assets.runtime.metrics import Scrape, open_metrics
from spark_assets.runtime.moderation import open_moderator
from spark_assets.runtime.policies import load_policy
from spark_assets.runtime.prices import price_list
from spark_assets.runtime.secrets import signing_keys
from spark_assets.runtime.traces import open_traces
from spark_assets.runtime.webhooks import open_sender
from spark_assets.settings import BadSettings, Settings
from spark_assets.storage.disk_room import DiskRoom
from spark_assets.storage.keeper import Keeper
from spark_assets.storage.local import LocalBlobStore
from spark_assets.storage.location import StorageKind
from spark_assets.storage.objects import ObjectBlobStore


class _Closing(Protocol):
    async def close(self) -> None:
        """Let go of what it holds."""


_Part = TypeVar("_Part", bound=_Closing)
_WRITER_THREADS: Final = 4
"""Uploads whose blocks are written at the same moment."""


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """What the doors of one process share."""

    database: Database
    queue: Queue
    blobs: BlobStore
    inspector: SandboxedInspector
    clock: Clock
    terms: Terms
    links: Links
    tools: Tools
    sender: Sender
    region: str
    limits: Limits
    rates: RateCounter | None
    """None where no rate is limited."""
    base_url: str
    """What the addresses that are handed out begin with."""
    metrics: Metrics
    traces: Traces
    scrape: Scrape | None
    """None where nothing is counted."""


@asynccontextmanager
async def open_runtime(settings: Settings, *, counted: bool = False) -> AsyncIterator[Runtime]:
    """Open every adapter, and close them all in the end; `counted`: for a process that stays, so that its doings are counted and traced.

    Raises BadSettings for a setting that only its adapter can judge.
    """
    clock = SystemClock()
    counting = open_metrics(settings) if counted else None
    metrics = counting or SILENCE
    limits = load_limits(settings.limits)
    async with AsyncExitStack() as stack:
        queue = _closed_in_the_end(open_queue(settings), stack)
        database = _closed_in_the_end(open_database(settings, queue, metrics), stack)
        blobs = _closed_in_the_end(open_blobs(settings), stack)
        source = _closed_in_the_end(open_source(settings), stack)
        inspector = _closed_in_the_end(SandboxedInspector(spool_folder(settings), workers=os.cpu_count() or 1, metrics=metrics), stack)
        traces = await stack.enter_async_context(open_traces(settings)) if counted else UNTOLD
        tools = Tools(
            database=database,
            source=source,
            inspector=inspector,
            blobs=blobs,
            clock=clock,
            policy=load_policy(settings.media_policy),
            prices=price_list(settings),
            spool=spool_folder(settings),
            moderator=await stack.enter_async_context(open_moderator(settings)),
            open_spool=partial(Spool, executor=_writers(stack)),
            metrics=metrics,
            traces=traces,
        )
        sender = await stack.enter_async_context(open_sender(settings))
        yield Runtime(
            database=database,
            queue=queue,
            blobs=blobs,
            inspector=inspector,
            clock=clock,
            terms=_terms(settings, source, sender, limits, traces),
            links=Links(LinkSigner(signing_keys(settings)), settings.delivery_url, settings.base_url),
            tools=tools,
            sender=sender,
            region=settings.region,
            limits=limits,
            rates=open_rates(limits, database),
            base_url=settings.base_url,
            metrics=metrics,
            traces=traces,
            scrape=None if counting is None else Scrape(counting, LoadGauge(database, queue, clock)),
        )


def _closed_in_the_end(part: _Part, stack: AsyncExitStack) -> _Part:
    stack.push_async_callback(part.close)
    return part


def _writers(stack: AsyncExitStack) -> ThreadPoolExecutor:
    writers = ThreadPoolExecutor(_WRITER_THREADS, thread_name_prefix="uploads")
    stack.callback(writers.shutdown, wait=False)
    return writers


def _terms(settings: Settings, source: HttpSource, sender: Sender, limits: Limits, traces: Traces) -> Terms:
    return Terms(
        prices=price_list(settings),
        check_url=source.check,
        check_webhook=sender.check,
        has_room=DiskRoom(_folders(settings), settings.disk_reserve).has_room,
        backlog=Backlog(BacklogLimits(settings.backlog, settings.project_backlog, AT_HAND * settings.ingest_concurrency)),
        task_ids=TaskIds(),
        cursors=CursorSigner(signing_keys(settings)),
        creations_in_progress=limits.creations_in_progress,
        upload_retention=settings.upload_retention_hours * HOUR,
        traces=traces,
    )


def _folders(settings: Settings) -> list[Path]:
    """Where this server writes: each of their disks must keep the reserve."""
    folders = [spool_folder(settings)]
    if settings.is_embedded:
        folders.append(settings.sqlite_path.parent)
    location = storage_location(settings)
    return folders if location.path is None else [*folders, location.path]


def open_queue(settings: Settings) -> Queue:
    """In memory for an embedded server, none if it does not ingest; on its PostgreSQL for a fleet."""
    if settings.is_embedded:
        return MemoryQueue() if settings.ingest else PausedQueue()
    return PostgresQueue(settings.database_url.get_secret_value(), application=APPLICATION_NAME)


def open_blobs(settings: Settings) -> BlobStore:
    """The store behind STORAGE_URL. Raises BadSettings."""
    location = storage_location(settings)
    if location.kind is StorageKind.FOLDER:
        assert location.path is not None
        return LocalBlobStore(location.path, reserve=settings.disk_reserve, keeper=Keeper(location.path))
    try:
        return ObjectBlobStore(location, endpoint=settings.s3_endpoint)
    except ValueError as error:
        raise BadSettings(f"SPARK_ASSETS_STORAGE_URL cannot be used: {error}") from None


def open_source(settings: Settings) -> HttpSource:
    """The guarded downloader. Raises BadSettings."""
    guard = AddressGuard(allowed_sources(settings), settings.source_ports, own_addresses(settings))
    times = FetchTimes(deadline=settings.fetch_timeout, connect=settings.fetch_connect_timeout)
    return HttpSource(guard, user_agent=settings.user_agent, times=times, host_concurrency=settings.host_concurrency)
