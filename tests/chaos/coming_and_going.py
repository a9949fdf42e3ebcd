"""A fleet of two servers and two workers under programs that use the SDK, while everything in it goes away in turn and comes back."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, Self

from spark_assets.client import Client
from tests.chaos.inspection import files_in
from tests.end_to_end.shelf import Shelf
from tests.factories.ledger import Ledger
from tests.factories.sdk_load import SdkLoad
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import ServeProcess, Service, SparkProcess, WorkerProcess, fleet

PATIENCE: Final = 120.0
"""Seconds for a fleet to settle: longer than it takes to notice a dead worker."""


class Fleet:
    """PostgreSQL, S3, two servers, two workers; open as a context manager."""

    def __init__(self, picture: bytes, *, programs: int = 4, pause: float = 0.05) -> None:
        """`programs`, `pause`: those of the load."""
        self._stack: Final = ExitStack()
        self._picture = picture
        self._options = {"programs": programs, "pause": pause}
        self.happened: Final[Counter[str]] = Counter()
        """What was done to the fleet, and how often."""

    def __enter__(self) -> Self:
        try:
            self.postgres: Final = self._stack.enter_context(PostgresServer())
            self.s3: Final = self._stack.enter_context(S3Server())
            self.shelf: Final = self._stack.enter_context(Shelf())
            settings = {"source_allow": "127.0.0.0/8", "host_concurrency": 16, "drain_timeout": 10, "ingest_concurrency": 4}
            self.service: Final[Service] = self._stack.enter_context(fleet(self.postgres, self.s3, **settings))
            self.servers: Final = [self.service.server, self._another(ServeProcess, "--no-ingest")]
            assert self.service.worker is not None
            self.workers: Final = [self.service.worker, self._another(WorkerProcess)]
            key = self.service.make_key()["key"]
            self.load: Final = SdkLoad([server.base_url for server in self.servers], key, self.shelf, self._picture, **self._options)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @property
    def processes(self) -> list[SparkProcess]:
        """Servers and workers."""
        return [*self.servers, *self.workers]

    def kill(self, process: SparkProcess) -> None:
        """SIGKILL in the middle of whatever it does, and a new start."""
        process.kill()
        process.start()
        self.happened[f"{type(process).__name__} killed"] += 1

    def restart(self, process: SparkProcess) -> None:
        """SIGTERM, as at an upgrade, and a new start."""
        process.stop()
        assert process.exit_code == 0, process.log[-2000:]
        process.start()
        self.happened[f"{type(process).__name__} restarted"] += 1

    def restart_postgres(self) -> None:
        """PostgreSQL is told to stop at once, and started again."""
        self.postgres.stop()
        self.postgres.start()
        self.happened["PostgreSQL restarted"] += 1

    def crash_postgres(self) -> None:
        """PostgreSQL is killed, and recovers."""
        self.postgres.kill()
        self.postgres.start()
        self.happened["PostgreSQL crashed"] += 1

    @contextmanager
    def without_s3(self, seconds: float) -> Iterator[None]:
        """S3 is away for so long, at least."""
        back_at = time.monotonic() + seconds
        self.s3.stop()
        try:
            yield
            time.sleep(max(0.0, back_at - time.monotonic()))  # being away for so long is what is tried
        finally:
            self.s3.start()
        self.happened[f"S3 away for {seconds:g} s"] += 1

    def judge(self) -> list[str]:
        """What is broken, once all that was begun is over: what programs were shown, and what the fleet says of itself."""
        self._settle()
        broken = [*self.load.failures, *self.load.broken_promises()]
        ledger = Ledger(self.service)
        status = Counter(row[2] for row in ledger.created())
        if status.keys() - {"completed"}:
            broken.append(f"creations ended otherwise than completed: {status}")
        lines, tasks = ledger.lines(), {row[0] for row in ledger.created()}
        broken += [f"{task} has {lines.get(task, 0)} lines in the ledger" for task in tasks if lines.get(task) != 1]
        if len(tasks) != len(self.load.asked):
            broken.append(f"{len(self.load.asked)} assets were asked for, and {len(tasks)} made")
        code, report = self.service.doctor("--verify")
        if code != 0:
            broken.append(f"doctor: {[finding for finding in report['findings'] if finding['state'] != 'ok']}")
        return broken + self._crashes()

    @property
    def figures(self) -> str:
        """All of it in a few lines."""
        done = ", ".join(f"{count} x {what}" for what, count in self.happened.items())
        attempts = Counter(row[3] for row in Ledger(self.service).created())
        stored = len(files_in(self.s3.buckets))
        return f"{done}; {self.load.figures}; attempts of tasks: {dict(sorted(attempts.items()))}; {stored} objects in the store"

    def _another(self, kind: type[SparkProcess], *arguments: str) -> SparkProcess:
        """A further process on the same database and store, with a home of its own."""
        process = kind(self.service.variables, *arguments)
        process.variables["SPARK_ASSETS_HOME"] = str(process.home)
        return self._stack.enter_context(process)

    def _settle(self) -> None:
        deadline = time.monotonic() + PATIENCE
        waiting = "SELECT count(*) FROM tasks WHERE status = 'in_progress'"
        while Ledger(self.service).rows(waiting) != [(0,)]:
            assert time.monotonic() < deadline, "there are tasks that do not end"
            time.sleep(0.1)

    def _crashes(self) -> list[str]:
        """Errors that nobody expected, in our own lines of the logs; the queue's engine tells at length that its database is away."""
        lines = [line for process in self.processes for line in process.log.splitlines() if line.startswith("{")]
        return [f"log: {line[-1500:]}" for line in lines if '_crashed"' in line or "Traceback" in line or "jobs_lost" in line]


def is_unharmed(base_url: str, key: str) -> bool:
    """Whether a program that comes anew is served at once."""
    with Client(base_url, key, attempts=1) as client:
        return bool(client.groups.create("after it").id)
