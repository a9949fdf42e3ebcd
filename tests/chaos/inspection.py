"""What is there once a service has settled, seen from outside, against what its client was told: the seven invariants."""

import hashlib
import os
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg

from tests.chaos.load import asset_of
from tests.chaos.promises import Promises
from tests.factories.ledger import Ledger
from tests.factories.receivers import Got
from tests.factories.spark_processes import Service

MOST_CLAIMS: Final = 12
"""A task that was claimed more often than this may have failed as poison."""
_TWO_HOURS: Final = 7200
_AGE_MARKS: Final = "UPDATE blobs SET changed_at = changed_at - 7200000000 WHERE state <> 'stored'"
_REFERENCES: Final = "SELECT DISTINCT blob_sha256 FROM assets WHERE blob_sha256 IS NOT NULL"
_RENDITIONS: Final = "SELECT DISTINCT renditions.name FROM renditions JOIN assets ON assets.blob_sha256 = renditions.blob_sha256"
_USAGE: Final = (
    "SELECT usage.task_id, count(*) FROM usage JOIN tasks ON tasks.id = usage.task_id AND tasks.model = 'spark_asset_create' GROUP BY 1"
)
_WAITING: Final = "SELECT count(*) FROM deliveries WHERE status = 'waiting'"
_FAILED: Final = "SELECT id, error_code, attempts FROM tasks WHERE model = 'spark_asset_create' AND status = 'failed'"


class Inspection:
    """One look at a settled service. `store` is the folder where its blobs lie, whoever serves them."""

    def __init__(self, service: Service, store: Path, promises: Promises, got: Iterable[Got]) -> None:
        self._ledger = Ledger(service)
        self._store = store
        self._promises = promises
        self._got = list(got)
        self.broken: list[str] = list(promises.broken)

    def judge(self) -> list[str]:
        """A sentence for each invariant that is broken."""
        self._every_promise_is_kept_once()
        self._each_task_is_charged_once()
        self._assets_are_what_was_sent()
        self._failures_are_explained()
        self._bytes_are_those_referred_to()
        self._events_are_told()
        return self.broken

    def look_at_bytes(self) -> list[str]:
        """The same for the bytes alone."""
        self._bytes_are_those_referred_to()
        return self.broken

    def _expect(self, holds: bool, sentence: str) -> None:
        if not holds:
            self.broken.append(sentence)

    def _every_promise_is_kept_once(self) -> None:
        """1, 2: the tasks that exist are exactly those that were acknowledged, one for each request, and all have ended."""
        known, told = {row[0]: row[2] for row in self._ledger.created()}, self._promises.acknowledged()
        self._expect(len(told) == len(self._promises.asked), f"1: {len(self._promises.asked) - len(told)} requests were never answered")
        self._expect(not told.keys() - known.keys(), f"1: acknowledged tasks do not exist: {sorted(told.keys() - known.keys())}")
        self._expect(not known.keys() - told.keys(), f"2: tasks that nobody was told of: {sorted(known.keys() - told.keys())}")
        unended = [task_id for task_id, status in known.items() if status == "in_progress"]
        self._expect(not unended, f"1: tasks that never ended: {unended}")
        for task_id, task in self._promises.ended.items():
            self._expect(known.get(task_id) == task["status"], f"2: {task_id} was told as {task['status']} and is {known.get(task_id)}")

    def _each_task_is_charged_once(self) -> None:
        """3."""
        status = {row[0]: row[2] for row in self._ledger.created()}
        lines = dict(self._ledger.rows(_USAGE))
        for task_id, found in status.items():
            expected = 1 if found == "completed" else 0
            self._expect(lines.get(task_id, 0) == expected, f"3: {task_id} is {found} and has {lines.get(task_id, 0)} lines")

    def _assets_are_what_was_sent(self) -> None:
        """2, 4: a completed creation has one active asset of the bytes that were sent, unless it was removed."""
        assets = {row[0]: (row[1], row[2]) for row in self._ledger.assets()}
        created = {row[0]: (row[1], row[2], row[3]) for row in self._ledger.created()}
        for task_id, creation in self._promises.acknowledged().items():
            asset_id, status, attempts = created.get(task_id, ("", "", 0))
            expected = "failed" if creation.sha256 is None else "completed"
            is_poison = status == "failed" and attempts > MOST_CLAIMS
            self._expect(status == expected or is_poison, f"2: {task_id} should be {expected} and is {status} after {attempts} attempts")
            if status == "completed" and asset_id not in self._promises.removed:
                self._expect(assets.get(asset_id) == ("Active", creation.sha256), f"4: {asset_id} is {assets.get(asset_id)}")

    def _failures_are_explained(self) -> None:
        """6."""
        for task_id, code, attempts in self._ledger.rows(_FAILED):
            self._expect(bool(code) and attempts >= 1, f"6: {task_id} failed with code {code} after {attempts} attempts")

    def _bytes_are_those_referred_to(self) -> None:
        """4, 5: originals and renditions on disk are those on record, each with its hash, and nothing that was uploaded is left."""
        originals = {path.name: path for path in files_in(self._store / "originals")}
        referred = {row[0] for row in self._ledger.rows(_REFERENCES)}
        self._expect(not referred - originals.keys(), f"4: bytes on record that are not there: {sorted(referred - originals.keys())}")
        self._expect(not originals.keys() - referred, f"4: bytes that nothing refers to: {sorted(originals.keys() - referred)}")
        for name, path in originals.items():
            self._expect(_hash_of(path) in {name, None}, f"4: bytes with another hash than their name: {name}")
        renditions = {f"renditions/{path.name[:2]}/{path.name}" for path in files_in(self._store / "renditions")}
        recorded = {row[0] for row in self._ledger.rows(_RENDITIONS)}
        self._expect(renditions == recorded, f"4: renditions that are stored or recorded, but not both: {sorted(renditions ^ recorded)}")
        left = [path.name for path in files_in(self._store / "incoming")]
        self._expect(not left, f"5: uploaded bytes that were taken or given up: {left}")

    def _events_are_told(self) -> None:
        """7: of every task that ended its end was told, each thing under one ID and in the same words, and nothing that is not so."""
        status = {row[0]: row[2] for row in self._ledger.created()}
        bodies: dict[str, set[bytes]] = defaultdict(set)
        ids: dict[tuple[str, str], set[str]] = defaultdict(set)
        for got in self._got:
            told = got.told
            bodies[got.id].add(got.body)
            task_id = told["data"].get("task_id")
            if task_id is not None:
                ids[told["type"], task_id].add(got.id)
                if told["type"].startswith("task."):
                    self._expect(told["type"] == f"task.{status.get(task_id)}", f"7: {told['type']} was told of {task_id}")
        for message_id, found in bodies.items():
            self._expect(len(found) == 1, f"7: the message {message_id} was told in {len(found)} versions")
        for about, found_ids in ids.items():
            self._expect(len(found_ids) == 1, f"7: {about} was told under {len(found_ids)} IDs")
        self._ends_were_told({about for about in ids if about[0].startswith("task.")})

    def _ends_were_told(self, told: set[tuple[str, str]]) -> None:
        """An erased asset's messages go with it, so what was removed may never have been told."""
        for task_id, task in self._promises.ended.items():
            if asset_of(task) not in self._promises.removed and self._promises.acknowledged()[task_id].project == "default":
                self._expect((f"task.{task['status']}", task_id) in told, f"7: the end of {task_id} was never told")


def waiting_deliveries(service: Service) -> int:
    """Deliveries that have not ended."""
    return int(Ledger(service).rows(_WAITING)[0][0])


def attempts_counted(service: Service) -> Counter[int]:
    """How many tasks took how many attempts."""
    return Counter(row[3] for row in Ledger(service).created())


def files_in(folder: Path) -> list[Path]:
    """Every file below the folder; what vanishes meanwhile is not one."""
    found = [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]
    return [path for path in found if path.is_file()]


def _hash_of(path: Path) -> str | None:
    """None for a file that has vanished since it was listed."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def age_files(*folders: Path) -> None:
    """Make every file two hours older, so that the sweepers' grace is over."""
    then = time.time() - _TWO_HOURS
    for folder in folders:
        for path in files_in(folder):
            os.utime(path, (then, then))


async def age_marks(service: Service) -> None:
    """Make the marks of broken-off sweeps two hours older, as if the service had stood still for so long."""
    if service.is_fleet:
        connection: Any = await asyncpg.connect(service.variables["SPARK_ASSETS_DATABASE_URL"])
        try:
            await connection.execute(_AGE_MARKS)
        finally:
            await connection.close()
        return
    with closing(sqlite3.connect(service.home / "library.db", timeout=5)) as database, database:
        database.execute(_AGE_MARKS)
