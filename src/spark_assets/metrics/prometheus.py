"""Counting with prometheus_client: in memory, or, where a server has several processes, in files that they all map.

The library decides by PROMETHEUS_MULTIPROC_DIR when it is first imported, so `serve` sets it before it starts the processes.
"""

import asyncio
import os
import platform
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from spark_assets.metrics.definitions import COUNTS, LEVELS, MEASURES, PREFIX, Definition
from spark_assets.metrics.memory import resident_bytes
from spark_assets.metrics.tallies import Tally
from spark_assets.ports.metrics import Count, Level, Load, Measure

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_HAND_OVER: Final = 0.5
"""Seconds after which other processes see what was measured."""
_LIVE: Final = re.compile(r"gauge_live\w*_(\d+)\.db")


class PrometheusMetrics:
    """Implements the ports `Metrics` and `Exposition`. There is one in a process."""

    media_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, *, version: str, database: str) -> None:
        """`version` of the service and kind of its `database`, to be shown."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library tells no types here
        folder = os.environ.get(FOLDER_VARIABLE)
        self._folder = None if folder is None else Path(folder)
        if self._folder is not None:
            self._begin_anew(self._folder)
        self._registry = CollectorRegistry()
        self._counters = {what: Counter(PREFIX + what, said.help, _names(said), registry=self._registry) for what, said in COUNTS.items()}
        self._histograms = {
            what: Histogram(PREFIX + what, said.help, _names(said), buckets=said.buckets, registry=self._registry)
            for what, said in MEASURES.items()
        }
        self._gauges = {
            what: Gauge(PREFIX + what, said.help, multiprocess_mode="livesum", registry=self._registry) for what, said in LEVELS.items()
        }
        self._counting: dict[tuple[str, tuple[str, ...]], Counter] = {}
        self._measuring: dict[tuple[str, tuple[str, ...]], Tally] = {}
        self._tallies: dict[tuple[str, tuple[str, ...]], Tally] = {}
        """The same, without the labels that are on no list."""
        self._timer: asyncio.TimerHandle | None = None
        self._build = {"version": version, "python": platform.python_version(), "database": database}
        self._begin()

    def count(self, what: Count, *labels: str, by: float = 1) -> None:
        """It happened, or so much of it."""
        counter = self._counting.get((what, labels))
        (counter or self._counter(what, labels)).inc(by)

    def observe(self, what: Measure, value: float, *labels: str) -> None:
        """It happened and took so many seconds, or was so large."""
        (self._measuring.get((what, labels)) or self._tally(what, labels)).add(value)
        if self._folder is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_HAND_OVER, self.gather)

    def shift(self, what: Level, by: float) -> None:
        """It rose by so much, or fell."""
        self._gauges[what].inc(by)

    def gather(self) -> None:
        """Have ready what was measured. In the thread that measures; where other processes are to see it, it is done in time."""
        self._timer = None
        for tally in self._tallies.values():
            tally.hand_over()

    def render(self, load: Load | None) -> bytes:
        """All of it as text, of every process of this server."""
        shown = CollectorRegistry()
        if self._folder is None:
            shown.register(_Existing(self._registry))
        else:
            self._bury(self._folder)
            MultiProcessCollector(shown, str(self._folder))  # type: ignore[no-untyped-call]  # the library tells no types here
        shown.register(_Present(load, self._build))
        return generate_latest(shown)

    def _begin(self) -> None:
        for count, said in COUNTS.items():
            for labels in _combinations(said):
                self._counter(count, labels)
        for measure, said in MEASURES.items():
            for labels in _combinations(said):
                self._tally(measure, labels)

    def _counter(self, what: Count, labels: tuple[str, ...]) -> Counter:
        bound = _bound(COUNTS[what], labels)
        child = self._counters[what].labels(*bound) if bound else self._counters[what]
        if bound == labels:  # a value that is on no list is not remembered, or the memory would have no bound
            self._counting[what, labels] = child
        return child

    def _tally(self, what: Measure, labels: tuple[str, ...]) -> Tally:
        said = MEASURES[what]
        bound = _bound(said, labels)
        tally = self._tallies.get((what, bound))
        if tally is None:
            histogram = self._histograms[what].labels(*bound) if bound else self._histograms[what]
            tally = self._tallies[what, bound] = Tally(histogram, said.buckets)
        if bound == labels:
            self._measuring[what, labels] = tally
        return tally

    @staticmethod
    def _begin_anew(folder: Path) -> None:
        """What rose in an earlier process that had this one's number is not this one's; before anything is counted."""
        for file in folder.glob(f"gauge_live*_{os.getpid()}.db"):
            file.unlink(missing_ok=True)

    @staticmethod
    def _bury(folder: Path) -> None:
        """What rose in a process that is gone has fallen; what it counted stays."""
        for file in folder.glob("gauge_live*.db"):
            found = _LIVE.fullmatch(file.name)
            if found is not None and not _is_alive(int(found[1])):
                with suppress(FileNotFoundError):
                    mark_process_dead(int(found[1]), str(folder))  # type: ignore[no-untyped-call]  # the library tells no types here


class _Existing(Collector):
    """What a registry has, inside another one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        """All of it."""
        return self._registry.collect()


class _Present(Collector):
    """What is true at the moment, whichever process is asked."""

    def __init__(self, load: Load | None, build: dict[str, str]) -> None:
        self._load = load
        self._build = build

    def collect(self) -> Iterator[Metric]:
        """The build, the memory, and the load where it is known."""
        yield _gauge("build_info", "What runs: always 1", [(self._build, 1)])
        memory = [({"processes": part}, size) for part, size in resident_bytes().items()]
        yield _gauge("resident_memory_bytes", "Memory of this server's or worker's own processes, and of those that they started", memory)
        yield _gauge("database_up", "Whether the database and the queue told what there is to do", [({}, int(self._load is not None))])
        if self._load is not None:
            yield from _load(self._load)


def _is_alive(process: int) -> bool:
    """Whether there is a process with that number, ours or not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _load(load: Load) -> Iterator[Metric]:
    tasks = [({"state": "in_line"}, load.in_line), ({"state": "called"}, load.called)]
    yield _gauge("tasks_unfinished", "Ingests of the whole service that are not over: in line for their turn, or called since", tasks)
    yield _gauge("task_oldest_seconds", "Age of the oldest ingest of the whole service that is not over", [({}, load.oldest_task)])
    yield _gauge("queue_jobs", "Jobs of the whole service that nobody works on", [({}, load.jobs)])
    yield _gauge("deliveries_due", "Deliveries to webhooks of the whole service that are due", [({}, load.due)])
    yield _gauge("delivery_oldest_due_seconds", "How long the first of them has been due", [({}, load.oldest_due)])


def _gauge(name: str, text: str, samples: Iterable[tuple[dict[str, str], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, text)
    for labels, value in samples:
        family.add_sample(PREFIX + name, labels, value)
    return family


def _names(said: Definition) -> tuple[str, ...]:
    return tuple(label.name for label in said.labels)


def _bound(said: Definition, labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(label.bound(value) for label, value in zip(said.labels, labels, strict=True))


def _combinations(said: Definition) -> list[tuple[str, ...]]:
    """What is shown from the start."""
    if said.begins is not None:
        return list(said.begins)
    if not said.labels:
        return [()]
    (label,) = said.labels
    return [(value,) for value in label.values]
