"""A campaign of kills against one service: start, load, kill, again and again; now and then let it settle and look at all of it."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from spark_assets.failpoints import SIGN, VARIABLE, Failpoint
from tests.chaos.inspection import Inspection, age_files, age_marks, files_in, waiting_deliveries
from tests.chaos.load import OTHER_PROJECT, Load
from tests.end_to_end.shelf import Shelf
from tests.factories.http import SparkClient
from tests.factories.ledger import Ledger
from tests.factories.loopback_server import ServerDidNotStart
from tests.factories.receivers import Got, Receiver
from tests.factories.servers import PostgresServer, S3Server
from tests.factories.spark_processes import SparkProcess, embedded, fleet

PATIENCE: Final = 150.0
"""Seconds for a service to settle: longer than a fleet takes to notice a dead worker, and a webhook to be tried again."""
_TIME_TO_DIE: Final = 8.0
"""Seconds after the load within which a failpoint should have been reached; the process is killed anyhow."""
_TRIES: Final = 4
"""Further lives for a failpoint that was not reached: what a load removes is drawn by lot."""
_LONGEST_RANDOM: Final = 1.2
"""Seconds after the start of the load within which a kill without a failpoint strikes."""
_ADMIN: Final = ("--scope", "project:admin", "--scope", "assets:read", "--scope", "assets:write")
_IN_BLOB_FOLDER: Final = frozenset(point for point in Failpoint if point.value.startswith("blob-")) - {Failpoint.BLOB_REMOVED}
_IN_OBJECT_STORE: Final = frozenset({Failpoint.OBJECT_OFFERED, Failpoint.OBJECT_PUT})
_IN_COMMANDS: Final = frozenset({Failpoint.ROWS_TAKEN, Failpoint.ROWS_COMMITTED})
"""What only an import passes: `tests/end_to_end/test_killed_moves.py`."""
IN_SERVER: Final = frozenset(
    {
        Failpoint.ANSWER_WRITTEN, Failpoint.ANSWER_COMMITTED, Failpoint.UPLOAD_HELD, Failpoint.PART_SPOOLED, Failpoint.PART_KEPT,
        Failpoint.PARTS_WRITTEN, Failpoint.PARTS_COMMITTED, Failpoint.TRASH_WRITTEN, Failpoint.ERASURE_WRITTEN,
        Failpoint.ERASURE_COMMITTED, Failpoint.ERASURE_RECORDED, Failpoint.SWEEP_MARKED, Failpoint.RENDITIONS_REMOVED,
        Failpoint.BLOB_REMOVED, Failpoint.SWEEP_ENDED,
    }
)  # fmt: skip
"""What a server passes in a fleet; the worker passes everything else."""


_SELDOM: Final = frozenset(
    {
        Failpoint.JOB_GIVEN_BACK, Failpoint.BLOB_RENEWED, Failpoint.TRASH_WRITTEN, Failpoint.TRASH_EMPTIED, Failpoint.ERASURE_WRITTEN,
        Failpoint.ERASURE_COMMITTED, Failpoint.ERASURE_RECORDED, Failpoint.SWEEP_MARKED, Failpoint.RENDITIONS_REMOVED,
        Failpoint.BLOB_REMOVED, Failpoint.SWEEP_ENDED, Failpoint.FAILURE_WRITTEN, Failpoint.FAILURE_COMMITTED,
    }
)  # fmt: skip
"""What one life passes once, if at all."""


class Kill(NamedTuple):
    """One kill that is planned: at which passing of which failpoint, or at a random moment."""

    point: Failpoint | None
    passing: int = 1

    def __str__(self) -> str:
        return "at random" if self.point is None else f"{self.point.value}={self.passing}"


def points(*, is_fleet: bool) -> list[Failpoint]:
    """The failpoints that a service of this size can come to."""
    elsewhere = _IN_COMMANDS | (_IN_BLOB_FOLDER if is_fleet else _IN_OBJECT_STORE)
    return [point for point in Failpoint if point not in elsewhere]


def plan(chance: random.Random, count: int, *, is_fleet: bool) -> list[Kill]:
    """Every failpoint at its first passing, then later passings and random moments, shuffled."""
    known = points(is_fleet=is_fleet)
    kills = [Kill(point) for point in chance.sample(known, min(count, len(known)))]
    while len(kills) < count:
        point = None if chance.random() < 0.2 else chance.choice(known)
        kills.append(Kill(point, 1 if point is None or point in _SELDOM else chance.randint(1, 6)))
    chance.shuffle(kills)
    return kills


class MoodyReceiver(Receiver):
    """Answers 500 to every seventh message that is new to it, and takes it when it comes again."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: Final[list[Got]] = []
        """What it has said yes to."""

    def take(self, got: Got) -> tuple[int, dict[str, str]]:
        """Keep a message; how it is to be answered."""
        is_new = all(got.id != known.id for known in list(self.got))
        status, headers = super().take(got)
        if is_new and len(self.got) % 7 == 0:
            return 500, headers
        self.taken.append(got)
        return status, headers


class Campaign:
    """A service under load whose processes are killed; open as a context manager."""

    def __init__(self, folder: Path, seed: int, servers: tuple[PostgresServer, S3Server] | None = None) -> None:
        """`servers`: for a fleet. The S3 server is restarted on the way."""
        self.chance: Final = random.Random(seed)
        self.kills: Final[Counter[str]] = Counter()
        """By failpoint, those that struck there; and those at a random moment."""
        self.missed: Final[Counter[str]] = Counter()
        """Failpoints that were not reached in time, so that the process was killed by hand."""
        self._s3 = None if servers is None else servers[1]
        settings = {
            "source_allow": "127.0.0.0/8", "webhook_allow": "127.0.0.0/8", "webhook_timeout": 1, "host_concurrency": 16,
            "trash_retention_days": 0, "drain_timeout": 5,
        }  # fmt: skip
        self.service: Final = embedded(**settings) if servers is None else fleet(*servers, **settings)
        self._stack: Final = ExitStack()
        self._shelf: Final = self._stack.enter_context(Shelf())
        self.receiver: Final = self._stack.enter_context(MoodyReceiver())
        self.load: Final = Load(self._shelf, folder, self.chance, self.receiver.url)
        self._client: SparkClient | None = None

    def __enter__(self) -> Self:
        try:
            self._stack.enter_context(self.service)
            self.service.quick_command("projects", "create", OTHER_PROJECT)
            self.load.prepare(self.client)
            answer = self.client.call("POST", "/v1/webhooks", {"url": self.receiver.url})
            assert answer.status == 201, answer.body
            self.load.send(self.client)
            self.settle()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    @property
    def client(self) -> SparkClient:
        """Someone who may do all that the load does."""
        if self._client is None:
            self._client = self.service.client(*_ADMIN)
        return self._client

    @property
    def store(self) -> Path:
        """The folder where the blobs lie."""
        if self._s3 is None:
            return self.service.home / "blobs"
        return self._s3.buckets / self.service.variables["SPARK_ASSETS_STORAGE_URL"].removeprefix("s3://")

    def live(self, kill: Kill) -> None:
        """One life: the process that is to die is started anew, loaded, and killed."""
        victim = self._victim(kill)
        victim.kill()
        before = victim.log.count(SIGN)
        if kill.point is not None:
            victim.variables[VARIABLE] = f"{kill.point.value}={kill.passing}"
        try:
            self._start_all()
            self._strike(victim, kill)
        except ServerDidNotStart:
            pass  # it was killed while it started
        finally:
            victim.variables.pop(VARIABLE, None)
        victim.kill()
        was_struck = victim.log.count(SIGN) > before
        (self.kills if was_struck or kill.point is None else self.missed)["at random" if kill.point is None else kill.point.value] += 1

    def settle(self) -> None:
        """Start whatever is dead, and wait until all that was asked for is answered and over."""
        self._start_all()
        deadline = time.monotonic() + PATIENCE
        while not (self.load.settle(self.client) and self._nothing_waits()):
            assert time.monotonic() < deadline, f"the service did not settle: {self._what_waits()}"
            time.sleep(0.1)

    def inspect(self) -> list[str]:
        """What is wrong with a settled service, once all graces are over: restarted by SIGTERM, seen from outside and by itself."""
        broken = []
        for process in reversed(self.service.processes):
            process.stop()
            if process.exit_code != 0:
                broken.append(f"a process that was told to stop ended with {process.exit_code}")
        self._age()
        self._start_all()
        self._wait_for_sweep()
        self.service.wait_for_empty_spool()
        broken += Inspection(self.service, self.store, self.load.promises, self.receiver.taken).judge()
        code, report = self.service.doctor("--verify")
        if code != 0:
            broken.append(f"doctor: {[finding for finding in report['findings'] if finding['state'] != 'ok']}")
        return broken + self._crashes()

    def _victim(self, kill: Kill) -> SparkProcess:
        service = self.service
        if service.worker is None:
            return service.server
        if kill.point is None:
            return self.chance.choice(service.processes)
        return service.server if kill.point in IN_SERVER else service.worker

    def _start_all(self) -> None:
        for process in self.service.processes:
            if not process.is_alive:
                process.kill()
                process.start()

    def _strike(self, victim: SparkProcess, kill: Kill) -> None:
        sending = threading.Thread(target=self.load.send, args=(self.client,))
        sending.start()
        if kill.point is None:
            time.sleep(self.chance.uniform(0.0, _LONGEST_RANDOM))  # the very moment is what is drawn
            victim.kill()
        sending.join()
        deadline = time.monotonic() + _TIME_TO_DIE
        while victim.is_alive and time.monotonic() < deadline:
            self.load.look_at_ended(self.client)
            time.sleep(0.05)

    def _age(self) -> None:
        spools = [process.home / "spool" for process in self.service.processes]
        if self._s3 is not None:
            self._s3.stop()  # it remembers what it has listed
        age_files(self.store, *spools)
        asyncio.run(age_marks(self.service))
        if self._s3 is not None:
            self._s3.start()

    def _wait_for_sweep(self) -> None:
        """Housekeeping begins with the start; what it does not take away is judged afterwards."""
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline:
            inspection = Inspection(self.service, self.store, self.load.promises, [])
            if not [sentence for sentence in inspection.look_at_bytes() if sentence[:2] in {"4:", "5:"}]:
                return
            time.sleep(0.2)

    def _nothing_waits(self) -> bool:
        return not waiting_deliveries(self.service) and not Ledger(self.service).pending_renditions()

    def _what_waits(self) -> str:
        promises = self.load.promises
        running = sorted(promises.acknowledged().keys() - promises.ended.keys())
        return (
            f"{len(promises.unanswered())} unanswered, running {running}, {len(promises.deleting)} to remove, "
            f"{waiting_deliveries(self.service)} deliveries, {Ledger(self.service).pending_renditions()} renditions"
        )

    def _crashes(self) -> list[str]:
        """Errors that nobody expected, in the logs."""
        lines = [line for process in self.service.processes for line in process.log.splitlines()]
        return [f"log: {line[:1500]}" for line in lines if '_crashed"' in line or "Traceback" in line or "jobs_lost" in line]


def run(campaign: Campaign, kills: Sequence[Kill], *, settle_every: int) -> list[str]:
    """All kills, with a rest after every so many; what is broken in the end."""
    for number, kill in enumerate(kills, 1):
        campaign.live(kill)
        if number % settle_every == 0:
            campaign.settle()
    for point in dict.fromkeys(kill.point for kill in kills if kill.point is not None):
        for _ in range(_TRIES):
            if not campaign.kills[point.value]:
                campaign.live(Kill(point))
    campaign.settle()
    return campaign.inspect()


def figures(campaign: Campaign, broken: Sequence[str], seconds: float) -> str:
    """The campaign in a few lines."""
    promises = campaign.load.promises
    status = Counter(task["status"] for task in promises.ended.values())
    return (
        f"{sum(campaign.kills.values()) + sum(campaign.missed.values())} kills in {seconds:.0f} s: "
        f"{sum(campaign.kills.values()) - campaign.kills['at random']} at {len(campaign.kills) - ('at random' in campaign.kills)} "
        f"failpoints, {campaign.kills['at random']} at random, {sum(campaign.missed.values())} where the failpoint was not reached; "
        f"{len(promises.asked)} creations, {status['completed']} completed, {status['failed']} failed, {len(promises.removed)} removed, "
        f"{len(campaign.receiver.got)} messages, {len(files_in(campaign.store))} blobs; invariants broken: {len(broken)}"
    )
