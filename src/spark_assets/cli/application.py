"""What runs in a server process: the site, and beside it the worker and the housekeeping.

granian loads `create` in each of its processes; the settings reach it through the environment.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from litestar import Litestar

from spark_assets.cli.listener import bound_patience
from spark_assets.cli.metrics_listener import showing_metrics
from spark_assets.cli.output import FAILURE
from spark_assets.cli.shown_settings import effective
from spark_assets.domain.errors import SparkError
from spark_assets.domain.retention import DAY, HOUR, Retention
from spark_assets.observability import configure_logging
from spark_assets.operations.turns import count_backlog
from spark_assets.runtime.addresses import trusted_proxies
from spark_assets.runtime.assembly import Runtime, open_runtime
from spark_assets.runtime.home import hold_spool
from spark_assets.settings import BadSettings, Settings, arm_failpoint, load_settings
from spark_assets.web import app
from spark_assets.web.site import Site
from spark_assets.worker.housekeeper import Housekeeper
from spark_assets.worker.loop import Worker

log = structlog.get_logger()

_RECORD_USE_EVERY: Final = 60.0
"""Seconds between two writes of when keys were last used."""
_COUNT_EVERY: Final = 1.0
_COUNT_SOON: Final = 0.1
_COUNT_SHARE: Final = 40
_COUNT_SELDOM: Final = 30.0
"""Seconds between two counts of the backlog; while a project seems to have its share; so many times as long as one takes, and at most."""


def create() -> Litestar:
    """The application of one server process."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    arm_failpoint()

    @asynccontextmanager
    async def open_site() -> AsyncIterator[Site]:
        try:
            async with open_runtime(settings, counted=True) as runtime:
                site = Site(
                    runtime,
                    failed_key_delay=settings.failed_key_delay,
                    trusted_proxies=trusted_proxies(settings),
                    settings=effective(settings),
                )
                _end_with_supervisor()
                async with (
                    _chores(site, settings.port),
                    showing_metrics(runtime, settings),
                    working(runtime, settings) if settings.ingest else _receiving(settings) as work,
                ):
                    _drain_on_termination(site, work)
                    _announce(settings)
                    yield site
                    site.draining.set()
        except BadSettings as error:  # one that only its adapter could judge: nothing has begun yet
            print(f"spark-assets: {error}", file=sys.stderr, flush=True)
            os._exit(FAILURE)

    return app.build(open_site)


@asynccontextmanager
async def working(runtime: Runtime, settings: Settings) -> AsyncIterator[tuple[Worker, asyncio.Task[None]]]:
    """Ingest in this process for as long as this lasts, then drain: the worker, and the task in which it runs."""
    with hold_spool(settings):
        async with _worker(runtime, settings) as work:
            yield work


@asynccontextmanager
async def _worker(runtime: Runtime, settings: Settings) -> AsyncIterator[tuple[Worker, asyncio.Task[None]]]:
    worker = Worker(
        runtime.queue,
        runtime.tools,
        runtime.sender,
        concurrency=settings.ingest_concurrency,
        host_concurrency=settings.host_concurrency,
        drain_timeout=settings.drain_timeout,
    )
    warming = asyncio.create_task(_warm(runtime))
    running = asyncio.create_task(worker.run())
    housekeeping = asyncio.create_task(Housekeeper(runtime.queue, runtime.tools, _retention(settings)).run())
    try:
        yield worker, running
    finally:
        await worker.drain()
        await running
        for task in (housekeeping, warming):
            await _end(task)


def _retention(settings: Settings) -> Retention:
    return Retention(
        tasks=settings.task_retention_days * DAY,
        readings=settings.reading_retention_hours * HOUR,
        sources=settings.source_retention_hours * HOUR,
        answers=settings.answer_retention_hours * HOUR,
        trash=settings.trash_retention_days * DAY,
        events=settings.event_retention_days * DAY,
        deliveries=settings.delivery_retention_days * DAY,
        audit=settings.audit_retention_days * DAY,
    )


@asynccontextmanager
async def _receiving(settings: Settings) -> AsyncIterator[None]:
    """Nothing to do but to use the spool for uploads; what a killed server left in it goes first."""
    with hold_spool(settings):
        yield


@asynccontextmanager
async def _chores(site: Site, port: int) -> AsyncIterator[None]:
    chores = [asyncio.create_task(chore) for chore in (_record_use(site), _bound_patience(port), _count_backlog(site.runtime))]
    try:
        yield
    finally:
        for chore in chores:
            await _end(chore)
        with suppress(SparkError):
            await site.authenticator.record_use()


async def _record_use(site: Site) -> None:
    while True:
        await asyncio.sleep(_RECORD_USE_EVERY)
        try:
            await site.authenticator.record_use()
        except Exception:
            log.exception("last_use_not_recorded")


async def _count_backlog(runtime: Runtime) -> None:
    """Count what is not over, as long as anything is: every second, or less often where counting takes long.

    Soon where a project seems to have its share: what ended since the last count would keep others in line for no reason.
    """
    loop, backlog = asyncio.get_running_loop(), runtime.terms.backlog
    earliest = latest = loop.time()
    while True:
        await asyncio.sleep(_COUNT_SOON)
        began = loop.time()
        if began < (earliest if backlog.is_stretched else latest):
            continue
        took = 0.0
        try:
            if not backlog.is_empty:
                await count_backlog(runtime.database, backlog)
                took = loop.time() - began
        except SparkError as error:
            log.warning("backlog_not_counted", code=error.code)
        except Exception:
            log.exception("backlog_not_counted")
        earliest = loop.time() + min(_COUNT_SHARE * took, _COUNT_SELDOM)
        latest = max(earliest, began + _COUNT_EVERY)


async def _bound_patience(port: int) -> None:
    try:
        await bound_patience(port)
    except Exception:
        log.exception("connections_unbounded")


async def _warm(runtime: Runtime) -> None:
    """Start the parsing children before the first job needs them."""
    with suppress(SparkError):
        await runtime.inspector.start()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _drain_on_termination(site: Site, work: tuple[Worker, asyncio.Task[None]] | None) -> None:
    """On SIGTERM, drain first and go on answering meanwhile, above all polls; only then let granian stop listening.

    granian ends on SIGTERM and on SIGINT alike: the first is taken from it, the second then sent to this very process.
    """
    loop = asyncio.get_running_loop()
    draining: set[asyncio.Task[None]] = set()

    async def drain() -> None:
        site.draining.set()
        try:
            if work is not None:
                await work[0].drain()
            with suppress(SparkError):
                await site.authenticator.record_use()
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    loop.add_signal_handler(signal.SIGTERM, lambda: draining.add(loop.create_task(drain())))


def _end_with_supervisor() -> None:
    """End at once when the process that started this one is killed, or it would serve on and hold the lock of the home.

    At once, since a restart is already under way; nothing that was acknowledged depends on an orderly end.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        asyncio.get_running_loop().add_reader(supervisor.sentinel, os.kill, os.getpid(), signal.SIGKILL)


def _announce(settings: Settings) -> None:
    """Say it in one piece: the other processes of this server say the same at the same time."""
    sys.stderr.write(f"console  {settings.base_url}/console\nready    {settings.base_url} (process {os.getpid()})\n")
    sys.stderr.flush()
