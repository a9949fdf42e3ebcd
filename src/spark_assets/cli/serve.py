"""`serve`, `worker` and `migrate`: the processes of a server."""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from spark_assets.cli.output import FAILURE, explained, fail
from spark_assets.cli.session import Home

if TYPE_CHECKING:
    from spark_assets.settings import Settings

HEADER_TIMEOUT: Final = 10_000
"""Milliseconds within which a request's headers must have arrived."""
HEADER_BYTES: Final = 64 * 1024
"""Bytes of a request's line and headers; more is answered 431."""
_MOST_CONNECTIONS: Final = 10_000
"""Connections that one process holds at once, as far as its limit of open files allows; further ones wait in the socket."""
_LAST_ANSWERS: Final = 5
"""Seconds after the drain for clients to take the answers under way; granian cannot give up one that takes nothing, and is then ended."""
_OTHER_FILES: Final = 512
"""Open files that are left for everything else."""
_COUNTING_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_TO_STDERR: Final = {"formatter": "generic", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
_SERVER_LOGS: Final = {"handlers": {"console": _TO_STDERR, "access": _TO_STDERR}}
"""granian logs to stdout, which belongs to payloads, unless it is told otherwise."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8080")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes; above 1 needs PostgreSQL.", show_default="1")] = None,
    home: Home = None,
    ingest: Annotated[bool | None, typer.Option(help="Ingest in this server too.", show_default="on")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM): serve HTTPS.", show_default="none")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).", show_default="none")] = None,
) -> None:
    """Run the server.

    Example: spark-assets serve --port 8080
    """
    from spark_assets.observability import configure_logging
    from spark_assets.runtime.certificate import check_certificate
    from spark_assets.runtime.databases import prepare_database, refuse_unfinished
    from spark_assets.runtime.home import lock_home, make_home
    from spark_assets.settings import arm_failpoint, load_settings

    with explained():
        settings = load_settings(home=home, host=host, port=port, workers=workers, ingest=ingest, tls_cert=tls_cert, tls_key=tls_key)
        arm_failpoint()
        check_certificate(settings)
        configure_logging(settings.log_level, settings.log_format)
        make_home(settings)
        with lock_home(settings) if settings.is_embedded else nullcontext():
            prepare_database(settings)
            refuse_unfinished(settings)
            _check_settings(settings)
            _check_addresses(settings)
            _pass_on(settings)
            with _counting_together(settings):
                _run_granian(settings)


def worker(home: Home = None) -> None:
    """Ingest only, for a fleet on PostgreSQL.

    Example: spark-assets worker
    """
    import uvloop

    from spark_assets.observability import configure_logging
    from spark_assets.runtime.databases import prepare_database, refuse_unfinished
    from spark_assets.runtime.home import make_home
    from spark_assets.settings import arm_failpoint, load_settings

    with explained():
        settings = load_settings(home=home)
        arm_failpoint()
        if settings.is_embedded:
            fail("a worker of its own needs PostgreSQL: set SPARK_ASSETS_DATABASE_URL; on SQLite, serve ingests by itself", FAILURE)
        configure_logging(settings.log_level, settings.log_format)
        make_home(settings)
        prepare_database(settings)
        refuse_unfinished(settings)
        _check_settings(settings)
        if settings.metrics_address is not None:
            _check_address(*settings.metrics_address)
        os.environ.pop(_COUNTING_FOLDER, None)
        uvloop.run(_work(settings))


def migrate(home: Home = None) -> None:
    """Bring the database schema up to date, and say which versions may run on it.

    Example: spark-assets migrate
    """
    from spark_assets.observability import configure_logging
    from spark_assets.runtime.databases import describe_schema, migrate_database, needs_migration
    from spark_assets.runtime.home import make_home
    from spark_assets.settings import load_settings

    with explained():
        settings = load_settings(home=home)
        configure_logging(settings.log_level, settings.log_format)
        make_home(settings)
        is_behind = needs_migration(settings) or not settings.is_embedded  # a fleet's queue has tables of its own
        done = "the schema is now up to date" if is_behind and migrate_database(settings) else "the schema needed no migration"
        print(f"{done}: {describe_schema(settings)}", file=sys.stderr)


def _check_settings(settings: "Settings") -> None:
    """Read what is only used later before any process starts, so that a bad setting stops the start; secrets are made on the way."""
    from spark_assets.runtime.addresses import allowed_sources, storage_location, trusted_proxies
    from spark_assets.runtime.limits import load_limits
    from spark_assets.runtime.moderation import describe_moderator
    from spark_assets.runtime.policies import load_policy
    from spark_assets.runtime.secrets import encryption_keys, signing_keys
    from spark_assets.runtime.traces import check_traces
    from spark_assets.runtime.webhooks import receiver_guard

    signing_keys(settings)
    encryption_keys(settings)
    storage_location(settings)
    allowed_sources(settings)
    trusted_proxies(settings)
    load_policy(settings.media_policy)
    describe_moderator(settings)
    receiver_guard(settings)
    check_traces(settings)
    load_limits(settings.limits)


def _check_addresses(settings: "Settings") -> None:
    """Refuse an address that cannot be listened on. granian shares its port with whoever shares it too, and would not notice."""
    from spark_assets.runtime.addresses import check_listeners

    check_listeners(settings)
    _check_address(settings.host, settings.port)
    if settings.metrics_address is not None:
        _check_address(*settings.metrics_address)


def _check_address(host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}", FAILURE)


@contextmanager
def _counting_together(settings: "Settings") -> Iterator[None]:
    """Several server processes count in one place, so that a scrape is right whichever of them it reaches.

    Whoever counts is told by the environment, before the first process is started: so the library wants it.
    """
    from spark_assets.runtime.home import counting_folder

    os.environ.pop(_COUNTING_FOLDER, None)
    if settings.workers == 1:
        yield
        return
    with counting_folder(settings) as folder:
        os.environ[_COUNTING_FOLDER] = str(folder)
        yield


def _pass_on(settings: "Settings") -> None:
    """Hand what the command line said to the server processes."""
    from spark_assets.settings import PREFIX

    for name in ("home", "host", "port", "workers", "ingest", "tls_cert", "tls_key"):
        value = getattr(settings, name)
        if value is not None:
            os.environ[f"{PREFIX}{name.upper()}"] = str(value)


def _run_granian(settings: "Settings") -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    server = Granian(
        "spark_assets.cli.application:create",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,  # with both, a client that sends nothing is waited for without end: only HTTP/1 has a deadline
        workers=settings.workers,
        factory=True,
        loop=Loops.uvloop,
        websockets=False,
        backlog=2048,
        backpressure=_connection_limit(),
        respawn_failed_workers=settings.workers > 1,  # one that is killed takes nothing but its own requests along
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT, max_buffer_size=HEADER_BYTES),
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.warning,
        log_dictconfig=_SERVER_LOGS,
        workers_kill_timeout=int(settings.drain_timeout) + _LAST_ANSWERS,
    )
    logging.getLogger("granian").setLevel(logging.WARNING)
    try:
        server.serve()
    except OSError as error:
        fail(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}", FAILURE)


def _connection_limit() -> int:
    """Raise the limit of open files as far as the system allows, and leave room beside the connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _OTHER_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files - _OTHER_FILES, files // 2)


async def _work(settings: "Settings") -> None:
    """Ingest until SIGTERM or SIGINT, then drain."""
    from spark_assets.cli.application import working
    from spark_assets.cli.metrics_listener import showing_metrics
    from spark_assets.runtime.assembly import open_runtime

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        open_runtime(settings, counted=True) as runtime,
        showing_metrics(runtime, settings),
        working(runtime, settings) as (_, running),
    ):
        print(f"ready    worker (process {os.getpid()})", file=sys.stderr, flush=True)
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait([ended, running], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
