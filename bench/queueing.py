"""A model of ingesting as a network of queues, run event by event.

A file passes through *steps*. A step of a *station* needs processor time: a station works on as many steps at once as it has
places, in the order in which they came, and all stations of one machine share its cores evenly. A wait needs no processor.
Between being accepted and being worked on, a file waits for one of the *ingest places* of a machine; of those that have one
free, the machine that holds the fewest files takes it.
"""

import heapq
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

WAIT: Final = "wait"
"""The name of a step that needs no processor."""
_SETTLED: Final = 1e-12
"""Seconds of work that are none: what rounding leaves of a step."""


class Step(NamedTuple):
    """A piece of a file's way."""

    station: str
    seconds: float


class Work(NamedTuple):
    """What one file needs: before it holds an ingest place, while it does, and when it has ended."""

    accepting: tuple[Step, ...]
    ingesting: tuple[Step, ...]
    afterwards: tuple[Step, ...] = ()


class System(NamedTuple):
    """What does the work."""

    places: int
    """Ingests at once on one machine."""
    cores: int
    """Of one machine."""
    stations: Mapping[str, int]
    """Steps at once at each station of one machine."""
    machines: int = 1


class Passage(NamedTuple):
    """One file's way, in seconds since the beginning."""

    arrived: float
    accepted: float
    began: float
    ended: float

    @property
    def queued(self) -> float:
        """How long it waited for an ingest place."""
        return self.began - self.accepted

    @property
    def lasted(self) -> float:
        """From its arrival to its end."""
        return self.ended - self.arrived


def simulate(system: System, works: Sequence[Work], rate: float, count: int, seed: int) -> list[Passage]:
    """Passages of `count` files that arrive at random, `rate` of them a second on average, each with the needs of one of `works`.

    Arrivals are a Poisson process. The same seed gives the same passages; they are sorted by their end.
    """
    return _Run(system, works, rate, count, random.Random(seed)).passages()


@dataclass(eq=False)
class _File:
    arrived: float
    accepting: deque[Step]
    ingesting: deque[Step]
    afterwards: deque[Step]
    machine: "_Machine"
    accepted: float | None = None
    began: float = 0.0
    has_ended: bool = False


@dataclass(eq=False)
class _Machine:
    """The stations of one machine: what they work on, by what is left of it, and who waits for each."""

    cores: int
    stations: Mapping[str, int]
    held: int = 0
    busy: dict[_File, tuple[str, float]] = field(default_factory=dict)
    waiting: dict[str, deque[tuple[_File, float]]] = field(default_factory=dict)

    @property
    def speed(self) -> float:
        """Seconds of work that a busy step gets done in a second."""
        return min(1.0, self.cores / len(self.busy)) if self.busy else 1.0

    def add(self, file: _File, step: Step) -> None:
        """Work on a step, or have it wait for its station."""
        if sum(station == step.station for station, _ in self.busy.values()) < self.stations[step.station]:
            self.busy[file] = (step.station, step.seconds)
        else:
            self.waiting.setdefault(step.station, deque()).append((file, step.seconds))

    def next_end(self) -> float:
        """Seconds until a step ends, if nothing else happens."""
        return min((left for _, left in self.busy.values()), default=float("inf")) / self.speed

    def work(self, seconds: float) -> list[_File]:
        """Let time pass; the files whose step has ended."""
        done = seconds * self.speed
        self.busy = {file: (station, left - done) for file, (station, left) in self.busy.items()}
        ended = [(file, station) for file, (station, left) in self.busy.items() if left <= _SETTLED]
        for file, station in ended:
            del self.busy[file]
            if queue := self.waiting.get(station):
                follower, needed = queue.popleft()
                self.busy[follower] = (station, needed)
        return [file for file, _ in ended]


class _Run:
    def __init__(self, system: System, works: Sequence[Work], rate: float, count: int, chance: random.Random) -> None:
        self._system = system
        self._works = works
        self._rate = rate
        self._chance = chance
        self._machines = [_Machine(system.cores, system.stations) for _ in range(system.machines)]
        self._arrivals = iter(self._draw_arrivals(count))
        self._timers: list[tuple[float, int, _File]] = []
        self._serial = 0
        self._queue: deque[_File] = deque()
        self._passages: list[Passage] = []
        self._now = 0.0

    def passages(self) -> list[Passage]:
        arrival = next(self._arrivals, None)
        while arrival is not None or self._timers or any(machine.busy for machine in self._machines):
            ends = [self._now + machine.next_end() for machine in self._machines]
            timer = self._timers[0][0] if self._timers else float("inf")
            moment = min(*ends, timer, float("inf") if arrival is None else arrival)
            moved = [file for machine in self._machines for file in machine.work(moment - self._now)]
            self._now = moment
            while self._timers and self._timers[0][0] <= moment:
                moved.append(heapq.heappop(self._timers)[2])
            if arrival is not None and arrival <= moment:
                moved.append(self._draw_file(arrival))
                arrival = next(self._arrivals, None)
            for file in moved:
                self._advance(file)
        return self._passages

    def _draw_arrivals(self, count: int) -> list[float]:
        moments, now = [], 0.0
        for _ in range(count):
            now += self._chance.expovariate(self._rate)
            moments.append(now)
        return moments

    def _draw_file(self, arrived: float) -> _File:
        work = self._chance.choice(self._works)
        steps = (deque(work.accepting), deque(work.ingesting), deque(work.afterwards))
        return _File(arrived, *steps, self._chance.choice(self._machines))

    def _advance(self, file: _File) -> None:
        """Begin the next step of a file that has ended its last one."""
        if file.accepting:
            self._begin(file, file.accepting.popleft())
        elif file.accepted is None:
            file.accepted = self._now
            self._queue.append(file)
            self._fill_places()
        elif file.ingesting:
            self._begin(file, file.ingesting.popleft())
        else:
            if file.afterwards:
                self._begin(file, file.afterwards.popleft())
            if not file.has_ended:
                file.has_ended = True
                file.machine.held -= 1
                self._passages.append(Passage(file.arrived, file.accepted, file.began, self._now))
                self._fill_places()

    def _begin(self, file: _File, step: Step) -> None:
        if step.station == WAIT:
            self._serial += 1
            heapq.heappush(self._timers, (self._now + step.seconds, self._serial, file))
        else:
            file.machine.add(file, step)

    def _fill_places(self) -> None:
        while self._queue:
            machine = min(self._machines, key=lambda one: one.held)
            if machine.held >= self._system.places:
                return
            file = self._queue.popleft()
            file.machine, file.began = machine, self._now
            machine.held += 1
            self._advance(file)
