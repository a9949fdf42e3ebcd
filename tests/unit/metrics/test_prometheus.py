"""What is counted for Prometheus: within bounds whatever is said, and right over several processes."""

import asyncio
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spark_assets.domain.error_codes import REFUSALS
from spark_assets.ingest.pipeline import STATIONS
from spark_assets.metrics.definitions import COUNTS, LEVELS, MEASURES, OTHER, PREFIX, STAGES, Definition
from spark_assets.metrics.prometheus import FOLDER_VARIABLE, PrometheusMetrics, _is_alive
from spark_assets.ports.metrics import Count, Level, Load, Measure

DEFINITIONS: Final[dict[str, Definition]] = {**COUNTS, **MEASURES, **LEVELS}
UNBOUNDED: Final = {"project", "key", "url", "host", "path", "task", "asset", "webhook", "address", "id", "user", "name", "request"}
MOST_SERIES: Final = 2500
"""Of one process in which everything has happened that can, but for requests and failures, of which most combinations never do."""
LOAD: Final = Load(in_line=3, called=2, oldest_task=41.5, jobs=4, due=1, oldest_due=7.0)
SPAWN: Final = multiprocessing.get_context("spawn")


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def shown(metrics: PrometheusMetrics, load: Load | None = None) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What a scrape shows."""
    metrics.gather()
    return samples(metrics.render(load))


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> PrometheusMetrics:
    """Counts in the memory of this process."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    return PrometheusMetrics(version="1.2.3", database="sqlite")


def test_everything_that_can_be_counted_is_defined() -> None:
    assert (set(COUNTS), set(MEASURES), set(LEVELS)) == (set(Count), set(Measure), set(Level))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_no_label_has_values_without_a_bound(name: str) -> None:
    for label in DEFINITIONS[name].labels:
        assert label.name not in UNBOUNDED
        assert 1 < len(set(label.values)) <= 40
        assert OTHER not in label.values


def test_the_stages_are_the_stations_after_the_wait() -> None:
    assert ("queued", *(station.__name__ for station in STATIONS)) == STAGES


def test_ten_thousand_words_of_clients_make_one_series(metrics: PrometheusMetrics) -> None:
    before = len(shown(metrics))
    for number in range(10_000):
        metrics.count(Count.REFUSALS, f"Made.Up.{number}")
        metrics.count(Count.REFUSALS, f"InvalidParameter.{number}")
        metrics.count(Count.INGEST_FAILURES, f"Code{number}", f"reason-{number}")
        metrics.observe(Measure.REQUESTS, 0.01, f"surface-{number}", f"METHOD{number}", "9xx")
        metrics.observe(Measure.STAGES, 0.01, f"stage-{number}")
    found = shown(metrics)
    assert found[f"{PREFIX}refusals_total", (("code", OTHER),)] == 10_000
    assert found[f"{PREFIX}refusals_total", (("code", "InvalidParameter"),)] == 10_000
    assert found[f"{PREFIX}ingest_failures_total", (("code", OTHER), ("reason", OTHER))] == 10_000
    assert found[f"{PREFIX}request_seconds_count", (("method", OTHER), ("status", OTHER), ("surface", OTHER))] == 10_000
    assert len(found) - before < 50
    assert len(metrics._counting) + len(metrics._measuring) < 100


def test_every_code_of_a_refusal_is_counted_under_its_own_name_or_its_family(metrics: PrometheusMetrics) -> None:
    for entry in REFUSALS:
        metrics.count(Count.REFUSALS, entry.shown)
    found = shown(metrics)
    assert (f"{PREFIX}refusals_total", (("code", OTHER),)) not in found
    counted = sum(value for (name, _), value in found.items() if name == f"{PREFIX}refusals_total")
    assert counted == len(REFUSALS)


def test_what_is_measured_ends_in_the_bucket_of_its_size_and_is_shown_once(metrics: PrometheusMetrics) -> None:
    for value in (0.001, 0.0011, 0.0025, 3.0, 99.0):
        metrics.observe(Measure.COMMITS, value)
    for _ in range(2):
        found = shown(metrics)
        buckets = {dict(labels)["le"]: value for (name, labels), value in found.items() if name == f"{PREFIX}commit_seconds_bucket"}
        assert [buckets[size] for size in ("0.001", "0.0025", "0.005", "2.5", "5.0", "10.0", "+Inf")] == [1, 3, 3, 3, 4, 4, 5]
        assert found[f"{PREFIX}commit_seconds_sum", ()] == pytest.approx(102.0046)


def test_the_number_of_series_has_a_bound(metrics: PrometheusMetrics) -> None:
    for count, said in COUNTS.items():
        if said.begins is None:
            for value in (*said.labels[0].values, "what nobody knows"):
                metrics.count(count, value)
    for measure, said in MEASURES.items():
        if said.begins is None and said.labels:
            for value in (*said.labels[0].values, "what nobody knows"):
                metrics.observe(measure, 1.0, value)
    for surface in MEASURES[Measure.REQUESTS].labels[0].values:
        for method, status in (("GET", "2xx"), ("GET", "4xx"), ("POST", "2xx"), ("POST", "4xx"), ("POST", "5xx")):
            metrics.observe(Measure.REQUESTS, 0.01, surface, method, status)
    assert len(shown(metrics, LOAD)) < MOST_SERIES


def test_what_there_is_to_do_is_shown_and_left_out_where_it_is_not_known(metrics: PrometheusMetrics) -> None:
    found = shown(metrics, LOAD)
    assert found[f"{PREFIX}tasks_unfinished", (("state", "in_line"),)] == 3
    assert found[f"{PREFIX}task_oldest_seconds", ()] == 41.5
    assert found[f"{PREFIX}delivery_oldest_due_seconds", ()] == 7
    assert found[f"{PREFIX}database_up", ()] == 1
    build = (("database", "sqlite"), ("python", ".".join(map(str, sys.version_info[:3]))), ("version", "1.2.3"))
    assert found[f"{PREFIX}build_info", build] == 1
    assert found[f"{PREFIX}resident_memory_bytes", (("processes", "main"),)] > 10 * 2**20
    without = shown(metrics)
    assert without[f"{PREFIX}database_up", ()] == 0
    assert set(found) - set(without) == {key for key in found if key[0].startswith((f"{PREFIX}task", f"{PREFIX}queue", f"{PREFIX}deliver"))}


def _count(number: int, has_counted: "multiprocessing.synchronize.Event", may_end: "multiprocessing.synchronize.Event") -> None:
    async def count() -> None:
        metrics = PrometheusMetrics(version="1", database="postgresql")
        metrics.count(Count.FETCHED_BYTES, "url", by=number)
        metrics.observe(Measure.REQUESTS, 0.02, "task", "GET", "2xx")
        metrics.shift(Level.INGESTS_RUNNING, number)
        metrics.gather()
        has_counted.set()
        await asyncio.to_thread(may_end.wait, 60)

    asyncio.run(count())


def _show(answers: "multiprocessing.queues.Queue[bytes]") -> None:
    answers.put(PrometheusMetrics(version="1", database="postgresql").render(LOAD))


def _show_later(may_begin: "multiprocessing.synchronize.Event", answers: "multiprocessing.queues.Queue[bytes]") -> None:
    may_begin.wait(60)
    _show(answers)


def test_a_process_holds_nothing_of_an_earlier_one_that_had_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that is started again, where few numbers go round."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    has_counted, may_go_on = SPAWN.Event(), SPAWN.Event()
    answers = SPAWN.Queue()
    processes = [
        SPAWN.Process(target=_count, args=(10, has_counted, may_go_on)),
        SPAWN.Process(target=_show_later, args=(may_go_on, answers)),
    ]
    for process in processes:
        process.start()
    try:
        assert has_counted.wait(60)
        (left,) = tmp_path.glob("gauge_live*.db")
        left.rename(left.with_name(left.name.replace(str(processes[0].pid), str(processes[1].pid))))
        may_go_on.set()
        found = samples(answers.get(timeout=60))
    finally:
        may_go_on.set()
        for process in processes:
            process.join(30)
    assert found[f"{PREFIX}ingests_running", ()] == 0
    assert found[f"{PREFIX}fetched_bytes_total", (("source", "url"),)] == 10


def test_a_process_is_alive_until_it_has_ended_whoever_owns_it() -> None:
    process = SPAWN.Process(target=int)
    process.start()
    assert process.pid is not None
    assert _is_alive(process.pid)
    process.join(30)
    assert [_is_alive(number) for number in (process.pid, os.getpid(), 1)] == [False, True, True]


def test_several_processes_count_in_one_place_and_what_rose_in_one_that_is_gone_has_fallen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In fresh processes: the library decides when it is imported whether it counts in files."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    counted, may_end = [SPAWN.Event() for _ in range(2)], [SPAWN.Event() for _ in range(2)]
    processes = [SPAWN.Process(target=_count, args=(10 * (n + 1), counted[n], may_end[n])) for n in range(2)]
    found_each = []
    try:
        for process in processes:
            process.start()
        assert all(event.wait(60) for event in counted)
        for end in (None, 0):
            if end is not None:
                may_end[end].set()
                processes[end].join(30)
            answers = SPAWN.Queue()
            showing = SPAWN.Process(target=_show, args=(answers,))
            showing.start()
            found_each.append(samples(answers.get(timeout=60)))
            showing.join(30)
    finally:
        for event, process in zip(may_end, processes, strict=True):
            event.set()
            process.join(30)
    for found in found_each:
        assert found[f"{PREFIX}fetched_bytes_total", (("source", "url"),)] == 30
        assert found[f"{PREFIX}request_seconds_count", (("method", "GET"), ("status", "2xx"), ("surface", "task"))] == 2
        assert (
            found[
                f"{PREFIX}build_info", (("database", "postgresql"), ("python", ".".join(map(str, sys.version_info[:3]))), ("version", "1"))
            ]
            == 1
        )
    assert [found[f"{PREFIX}ingests_running", ()] for found in found_each] == [30, 20]
