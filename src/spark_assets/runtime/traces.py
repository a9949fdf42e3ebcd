"""Whether traces are told, and to whom."""

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from spark_assets import __version__
from spark_assets.ports.traces import UNTOLD, Traces
from spark_assets.settings import BadSettings, Settings

log = structlog.get_logger()

_OFF: Final = "off"
_USUAL_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Those of OpenTelemetry itself."""
_LIBRARY: Final = "opentelemetry"
_WANTED: Final = "install the extra: pip install 'spark-assets[traces]'"


def check_traces(settings: Settings) -> None:
    """Raises BadSettings where traces are to be sent by what is not installed."""
    if settings.traces not in {"", _OFF} and not _is_installed():
        raise BadSettings(f"SPARK_ASSETS_TRACES cannot be used: OpenTelemetry is not installed; {_WANTED}")


@asynccontextmanager
async def open_traces(settings: Settings) -> AsyncIterator[Traces]:
    """Traces for as long as this lasts; silent ones unless TRACES, or a variable of OpenTelemetry's own, names a collector."""
    if not _are_wanted(settings):
        yield UNTOLD
        return
    from spark_assets.traces.telemetry import TelemetryTraces  # noqa: PLC0415  # an extra, and slow to load

    traces = TelemetryTraces(version=__version__, endpoint=settings.traces or None)
    try:
        yield traces
    finally:
        await asyncio.to_thread(traces.close)


def _are_wanted(settings: Settings) -> bool:
    if settings.traces:
        return settings.traces != _OFF
    named = [name for name in _USUAL_VARIABLES if os.environ.get(name)]
    if named and not _is_installed():  # it may be meant for other programs of the same machine
        log.warning("traces_not_sent", reason=f"{named[0]} is set, and OpenTelemetry is not installed; {_WANTED}")
    return bool(named) and _is_installed()


def _is_installed() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in (_LIBRARY, f"{_LIBRARY}.exporter", f"{_LIBRARY}.sdk"))
