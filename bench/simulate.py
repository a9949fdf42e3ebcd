"""How long ingests take under load, simulated from measured needs, beside the measured system: `python -m bench.simulate`.

1. An idle server ingests files one at a time: the distribution of what each of its processes needs. Then as many as go at
   once: the mean of what they need under load, where commits and wake-ups are shared. The distribution is scaled to it.
2. For each load, arrivals at random: the time from a creation to the end of its task, of a real server and of the model, which is given
   what a file needed meanwhile: the fewer there are at once, the less of a commit or a wake-up each shares with others.
3. What cannot be measured here is simulated alone: more machines, and how many of them a rate needs.

Client and origin share the cores with the server, in the model too.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from bench.arrivals import submit_at_random
from bench.figures import percentile
from bench.ingest_small import AT_ONCE, SETTINGS
from bench.needs import Meter, Needs, mean, measure_needs, used
from bench.origin import serving_media
from bench.progress import tell
from bench.queueing import System, Work, simulate
from bench.server import Server, creation, serving
from bench.submission import submit_all

ALONE: Final = 200
"""Files that are ingested one at a time."""
AT_FULL_SPEED: Final = 900
"""Files that are ingested as fast as they go."""
LOADS: Final = (0.3, 0.5, 0.7, 0.85)
"""Shares of the full speed at which model and system are compared."""
SECONDS: Final = 20
"""For which a load lasts."""
MACHINES: Final = (1, 2, 4, 8)
_SIMULATED: Final = 20_000
_OTHERS: Final = 10_000_000
"""Numbers of files of the second round: the origin gives a file of its own for each number."""


class Measured(NamedTuple):
    """What the model is driven by."""

    needs: list[Needs]
    server_factor: float
    """What the server needs of a file under load, against alone."""
    parser_factor: float
    full_speed: float
    """Files a second."""

    def at(self, spent: Sequence[float], files: int) -> "Measured":
        """The same with the server's factor of a time in which it spent so many seconds on so many files."""
        alone = mean(self.needs)
        return self._replace(server_factor=spent[0] / files / (alone.accepting + alone.ingesting + alone.afterwards))

    def works(self, away: float = 0.0) -> list[Work]:
        """The needs under load."""
        return [one.work(self.server_factor, self.parser_factor, away) for one in self.needs]


def main() -> int:
    """Run all of it and print the tables."""
    cores = os.cpu_count() or 1
    console = Console(width=110)
    with ExitStack() as stack:
        origin = stack.enter_context(serving_media())
        server = stack.enter_context(serving(settings=SETTINGS))
        client = _Client(server, origin, server.group_id())
        meter = Meter(server, _process_of(origin))
        measured = client.measure(meter)
        console.print(_needs_table(measured))
        system = System(places=AT_ONCE, cores=cores, stations={"loop": 1, "parser": cores, "outside": 2})
        console.print(_comparison(client, meter, measured, system))
    console.print(_fleet_table(measured, system))
    return 0


class _Client:
    def __init__(self, server: Server, origin: str, group_id: str) -> None:
        self._server, self._origin, self._group_id = server, origin, group_id
        self._next = 0

    def measure(self, meter: Meter) -> Measured:
        """Files alone, then at full speed."""
        needs = measure_needs(self._server, meter, self._group_id, self._urls(ALONE))
        tell("simulate", f"{ALONE} files alone: {_milliseconds(mean(needs))}")
        self._server.wait_until_idle()
        creations = self._creations(AT_FULL_SPEED)
        with used(meter) as spent:
            lasted = submit_all(self._server.port, creations, self._poll())
            self._server.wait_until_idle()
        parsing = spent[1] / AT_FULL_SPEED / mean(needs).parsing
        measured = Measured(needs, 1.0, parsing, AT_FULL_SPEED / lasted).at(spent, AT_FULL_SPEED)
        factors = f"{measured.server_factor:.2f}, {measured.parser_factor:.2f}"
        tell("simulate", f"{measured.full_speed:.0f} files/s at full speed; needs there against alone: {factors}")
        return measured

    def under(self, rate: float, meter: Meter, measured: Measured) -> tuple[list[float], Measured]:
        """Seconds from each creation to its end, at that many a second; and what a file needed meanwhile."""
        creations = self._creations(int(rate * SECONDS))
        with used(meter) as spent:
            lasted = submit_at_random(self._server.port, rate, creations, self._poll(), seed=1)
            self._server.wait_until_idle()
        return lasted, measured.at(spent, len(creations))

    def _urls(self, count: int) -> list[str]:
        first, self._next = self._next, self._next + count
        return [f"{self._origin}/jpeg/{_OTHERS + number}" for number in range(first, first + count)]

    def _creations(self, count: int) -> list[bytes]:
        bodies = [msgspec.json.encode(creation(url, self._group_id, "Image")) for url in self._urls(count)]
        return [self._server.request("POST", "/model/v1/generation", body) for body in bodies]

    def _poll(self) -> bytes:
        return self._server.request("GET", "/model/v1/generation/task/TASK")


def _comparison(client: _Client, meter: Meter, measured: Measured, system: System) -> Table:
    """Model and system at each load."""
    table = Table("load", "files/s", title="From creation to end, ms: model and system", box=None)
    for title in ("server's needs", "p50 model", "p50 system", "ratio", "p95 model", "p95 system", "ratio", "queued p95, model"):
        table.add_column(title, justify="right")
    for load in LOADS:
        rate = load * measured.full_speed
        real, there = client.under(rate, meter, measured)
        passages = simulate(system, there.works(), rate, _SIMULATED, seed=1)
        modelled = [passage.lasted for passage in passages]
        cells = []
        for share in (0.5, 0.95):
            ours, theirs = 1000 * percentile(modelled, share), 1000 * percentile(real, share)
            cells += [f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}"]
        queued = 1000 * percentile([passage.queued for passage in passages], 0.95)
        cells.insert(0, f"{there.server_factor:.2f}")
        table.add_row(f"{load:.0%}", f"{rate:.0f}", *cells, f"{queued:.1f}")
        tell("simulate", f"load {load:.0%} done")
    return table


def _needs_table(measured: Measured) -> Table:
    table = Table("", title="Needs of a file, ms", box=None)
    for name in Needs._fields:
        table.add_column(name, justify="right")
    for title, share in (("median", 0.5), ("p95", 0.95)):
        table.add_row(title, *(f"{1000 * percentile(values, share):.2f}" for values in zip(*measured.needs, strict=True)))
    table.add_row("mean", *(f"{1000 * value:.2f}" for value in mean(measured.needs)))
    return table


def _fleet_table(measured: Measured, system: System) -> Table:
    """More machines at the same load each, with origins that answer at once and ones that take 300 ms."""
    table = Table("machines", "load", title="More machines, model alone: waiting for an ingest place, ms", box=None)
    for title in ("p50", "p99", "p50, origin 300 ms away", "p99, origin 300 ms away"):
        table.add_column(title, justify="right")
    for machines in MACHINES:
        for load in (0.7, 0.9):
            cells = []
            for away in (0.0, 0.3):
                rate = min(load * measured.full_speed, load * AT_ONCE / max(away, 1e-9)) * machines
                passages = simulate(system._replace(machines=machines), measured.works(away), rate, _SIMULATED, seed=1)
                queued = [1000 * passage.queued for passage in passages]
                cells += [f"{percentile(queued, 0.5):.1f}", f"{percentile(queued, 0.99):.1f}"]
            table.add_row(str(machines), f"{load:.0%}", *cells)
    return table


def _process_of(origin: str) -> psutil.Process:
    """The child of ours that listens there."""
    port = int(origin.rpartition(":")[2])
    for child in psutil.Process().children():
        if port in {connection.laddr.port for connection in child.net_connections("tcp")}:
            return child
    raise RuntimeError(f"nobody listens at {origin}")


def _milliseconds(needs: Needs) -> str:
    return ", ".join(f"{name} {1000 * value:.2f}" for name, value in needs._asdict().items()) + " ms"


if __name__ == "__main__":
    sys.exit(main())
