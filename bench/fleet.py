"""PostgreSQL, an S3 server and workers of their own for a measured server, as durable as in production."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

import psutil

from bench.child_process import running
from bench.server import COMMAND, START_TIMEOUT, ServerFailed, wait_until_idle
from tests.factories.servers import PostgresServer, S3Server

_SECRET: Final = "1:0123456789abcdef0123"


@contextmanager
def postgres_database() -> Iterator[dict[str, str]]:
    """The settings of a server on an empty database of its own PostgreSQL (fsync and synchronous commits on)."""
    with PostgresServer() as postgres:
        yield {"DATABASE_URL": postgres.create_database(), "SIGNING_KEYS": _SECRET, "ENCRYPTION_KEYS": _SECRET}


@contextmanager
def engines() -> Iterator[dict[str, str]]:
    """The settings of a server on an empty database and an empty bucket of their own."""
    with postgres_database() as database, S3Server() as store:
        credentials = {f"AWS_{name.upper()}": value for name, value in store.credentials.items()}
        with patch.dict(os.environ, credentials):
            yield {**database, "STORAGE_URL": f"s3://{store.create_bucket()}", "S3_ENDPOINT": store.endpoint}


@contextmanager
def working(folder: Path, count: int, settings: Mapping[str, str]) -> Iterator[None]:
    """So many worker processes with these settings (without their prefix), ready and idle. Raises ServerFailed."""
    with ExitStack() as stack:
        workers = []
        logs = [folder / f"worker-{number}.log" for number in range(count)]
        for log in logs:
            variables = {**settings, "HOME": str(log.with_suffix("")), "SOURCE_ALLOW": "127.0.0.0/8"}
            environment = {f"SPARK_ASSETS_{name}": value for name, value in variables.items()}
            stderr = stack.enter_context(log.open("wb"))
            process = stack.enter_context(running([COMMAND, "worker"], environment=environment, stderr=stderr))
            stack.callback(log.unlink)
            _wait_until_ready(process, log)
            workers.append(psutil.Process(process.pid))
        for worker in workers:
            wait_until_idle(worker)
        yield


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not any(line.startswith("ready ") for line in log.read_text(errors="replace").splitlines()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerFailed(log.read_text(errors="replace")[-2000:])
        time.sleep(0.05)
