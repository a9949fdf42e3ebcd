"""When traces are told, and to whom."""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from spark_assets.ports.traces import UNTOLD
from spark_assets.runtime.traces import check_traces, open_traces
from spark_assets.settings import BadSettings, Settings, load_settings
from spark_assets.traces.telemetry import TelemetryTraces
from tests.factories.collectors import Collector
from tests.factories.loopback_server import free_port

LOADED: str = "import sys, spark_assets.cli.main, spark_assets.cli.application; print(*{name.partition('.')[0] for name in sys.modules})"


@pytest.fixture
def make_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Settings with this value of TRACES, in an environment without a word of OpenTelemetry's."""
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return lambda traces: Settings(home=tmp_path, traces=traces)


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name.startswith("opentelemetry") else find(name, *rest))


async def test_nothing_is_told_unless_a_collector_is_named(
    make_settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_traces(make_settings("")) as traces:
        assert traces is UNTOLD
        with traces.span("step", parent="00-x") as span:
            span.say("a", "b")
            assert traces.current() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    async with open_traces(make_settings("off")) as traces:
        assert not traces.are_told


@pytest.mark.parametrize("by_setting", [True, False])
async def test_a_collector_is_named_by_our_setting_or_by_the_usual_variable(
    make_settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch, by_setting: bool
) -> None:
    with Collector() as collector:
        settings = make_settings(collector.url if by_setting else "")
        if not by_setting:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        async with open_traces(settings) as traces:
            with traces.span("outer"):
                outer = traces.current()
                with traces.span("inner"):
                    pass
        assert outer is not None
        assert [(span.name, span.trace) for span in collector.spans] == [(name, outer.split("-")[1]) for name in ("inner", "outer")]


def test_traces_that_cannot_be_sent_for_want_of_the_library_stop_the_start(
    make_settings: Callable[[str], Settings], without_library: None
) -> None:
    with pytest.raises(BadSettings, match=r"SPARK_ASSETS_TRACES cannot be used: .*pip install 'spark-assets\[traces\]'"):
        check_traces(make_settings("http://127.0.0.1:4318"))
    check_traces(make_settings("off"))


async def test_a_variable_that_may_be_meant_for_others_stops_nothing(
    make_settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch, without_library: None
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    settings = make_settings("")
    check_traces(settings)
    with capture_logs() as logs:
        async with open_traces(settings) as traces:
            assert traces is UNTOLD
    assert [entry["event"] for entry in logs] == ["traces_not_sent"]


def test_a_step_that_follows_from_nothing_that_can_be_read_begins_a_trace_of_its_own() -> None:
    traces = TelemetryTraces(version="1", endpoint=f"http://127.0.0.1:{free_port()}")
    try:
        for parent in ("", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\x00" * 64):
            with traces.span("step", parent=parent):
                current = traces.current()
                assert current is not None
                assert len(current) == 55
            with traces.span("step", beside=parent):
                current = traces.current()
                assert current is not None
                assert len(current) == 55
    finally:
        traces.close()


def test_a_collector_that_is_away_holds_up_neither_a_step_nor_the_end() -> None:
    traces = TelemetryTraces(version="1", endpoint=f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    for _ in range(200):
        with traces.span("step"):
            pass
    assert time.monotonic() - began < 1
    traces.close()
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "value", ["127.0.0.1:4318", "http://user:secret@collector:4318", "grpc://collector", "on", "http://collector/?x=1"]
)
def test_an_address_that_is_none_of_a_collector_is_refused(value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPARK_ASSETS_TRACES", value)
    with pytest.raises(BadSettings, match=r"^SPARK_ASSETS_TRACES cannot be used"):
        load_settings(home=tmp_path)


def test_what_measures_and_traces_is_loaded_by_nobody_who_does_neither() -> None:
    finished = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True)
    assert {"opentelemetry", "prometheus_client", "requests"}.isdisjoint(finished.stdout.split())
