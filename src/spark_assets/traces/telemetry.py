"""Traces by OpenTelemetry, sent as OTLP over HTTP; of use only where the extra `traces` is installed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from spark_assets.ports.traces import Span, SpanKind

_NAME: Final = "spark-assets"
_TRACEPARENT: Final = "traceparent"
_LAST_WORDS: Final = 2.0
"""Seconds that a collector has at the end to take what it was not told yet."""
_KINDS: Final = {
    SpanKind.INSIDE: trace.SpanKind.INTERNAL,
    SpanKind.SERVES: trace.SpanKind.SERVER,
    SpanKind.TAKES: trace.SpanKind.CONSUMER,
    SpanKind.CALLS: trace.SpanKind.CLIENT,
}


class TelemetryTraces:
    """Implements the port `Traces`. A thread sends spans in batches; a collector that is away costs spans alone."""

    are_told = True

    def __init__(self, *, version: str, endpoint: str | None) -> None:
        """`endpoint`: where OTLP/HTTP is listened for, such as http://127.0.0.1:4318; None: where the library's own variables say."""
        resource = Resource.create({SERVICE_VERSION: version})
        if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: _NAME}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=None if endpoint is None else f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(_NAME, version)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self,
        name: str,
        *,
        parent: str | None = None,
        beside: str | None = None,
        kind: SpanKind = SpanKind.INSIDE,
        said: Mapping[str, str | int] | None = None,
    ) -> Iterator[Span]:
        """A step for as long as this lasts: see `ports.traces.Traces.span`."""
        context = None if parent is None else self._propagator.extract({_TRACEPARENT: parent})
        links: list[trace.Link] = []
        if beside is not None:
            context, links = Context(), self._links(beside)
        with self._tracer.start_as_current_span(
            name, context, _KINDS[kind], said, links, record_exception=False, set_status_on_exception=False
        ) as begun:
            step = _Step(begun)
            try:
                yield step
            except BaseException as error:
                step.fail(str(getattr(error, "code", type(error).__name__)))
                raise

    def current(self) -> str | None:
        """The present step as `traceparent`; None outside of any."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get(_TRACEPARENT)

    def _links(self, beside: str) -> list[trace.Link]:
        """To the step, if it is one."""
        found = trace.get_current_span(self._propagator.extract({_TRACEPARENT: beside}, Context())).get_span_context()
        return [trace.Link(found)] if found.is_valid else []

    def close(self) -> None:
        """Send what is left, as far as the collector takes it in time. Waits for that long at most."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_LAST_WORDS)


class _Step:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def say(self, name: str, value: str | int) -> None:
        """Say something of it."""
        self._span.set_attribute(name, value)

    def fail(self, code: str) -> None:
        """It has gone wrong."""
        self._span.set_status(trace.StatusCode.ERROR)
        self._span.set_attribute("error.type", code)
