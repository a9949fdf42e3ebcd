"""What one ingest needs of each process, read from the kernel while an idle server ingests one file after the other."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from bench.queueing import WAIT, Step, Work
from bench.server import Server

_REST: Final = 0.06
"""Seconds after which whatever follows the end of an ingest is done."""
_PARSER: Final = "spark_assets.media."
"""What stands in the command line of the processes that parse, and in that of no other of the server's."""


class Needs(NamedTuple):
    """Seconds of processor time of one file, and of nothing but waiting."""

    accepting: float
    """The server's, until the creation is answered."""
    ingesting: float
    """The server's, from then until the task has ended."""
    afterwards: float
    """The server's, after that."""
    parsing: float
    """The parsers'."""
    outside: float
    """The origin's and the client's."""
    waiting: float
    """What is left of the time from the creation to the end: disks, timers, one process waiting for another."""

    def work(self, server: float = 1.0, parser: float = 1.0, away: float = 0.0) -> Work:
        """The steps of the model, with needs scaled by these factors and an origin that takes `away` seconds to answer."""
        half = Step("loop", self.ingesting * server / 2)
        return Work(
            accepting=(Step("loop", self.accepting * server),),
            ingesting=(half, Step("outside", self.outside), Step(WAIT, self.waiting + away), Step("parser", self.parsing * parser), half),
            afterwards=(Step("loop", self.afterwards * server),),
        )


class Spent(NamedTuple):
    """Seconds of processor time that have been used so far."""

    server: float
    parsers: float
    outside: float


class Meter:
    """Reads what the processes of a server, its origin and this client have used."""

    def __init__(self, server: Server, origin: psutil.Process) -> None:
        everything = server.processes()
        self._parsers = [process.pid for process in everything if any(_PARSER in word for word in process.cmdline())]
        self._server = [process.pid for process in everything if process.pid not in self._parsers]
        self._origin = origin.pid

    def read(self) -> Spent:
        """What has been used so far, to the nanosecond."""
        client = time.process_time()
        return Spent(sum(map(_used, self._server)), sum(map(_used, self._parsers)), _used(self._origin) + client)


def measure_needs(server: Server, meter: Meter, group_id: str, urls: list[str]) -> list[Needs]:
    """The needs of each of these files, ingested one at a time."""
    return [_measure(server, meter, group_id, url) for url in urls]


def mean(needs: list[Needs]) -> Needs:
    """The mean of each."""
    return Needs(*(statistics.fmean(values) for values in zip(*needs, strict=True)))


@contextmanager
def used(meter: Meter) -> Iterator[list[float]]:
    """What the server and the parsers use while this lasts: a list that holds both afterwards."""
    before = meter.read()
    found: list[float] = []
    yield found
    after = meter.read()
    found += [after.server - before.server, after.parsers - before.parsers]


def _measure(server: Server, meter: Meter, group_id: str, url: str) -> Needs:
    before = meter.read()
    task_id = server.create_asset(url, group_id, "Image")
    answered = meter.read()
    metadata = server.wait_for(task_id)["metadata"]
    ended = meter.read()
    time.sleep(_REST)
    rested = meter.read()
    lasted = metadata["completed_at"] - metadata["in_queue_at"]
    server_used, outside = ended.server - before.server, ended.outside - before.outside
    parsed = rested.parsers - before.parsers
    return Needs(
        accepting=answered.server - before.server,
        ingesting=ended.server - answered.server,
        afterwards=rested.server - ended.server,
        parsing=parsed,
        outside=outside,
        waiting=max(lasted - server_used - parsed - outside, 0.0),
    )


def _used(pid: int) -> float:
    """Seconds of processor time of all threads of a process."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
