"""A collector of OpenTelemetry traces on loopback: OTLP over HTTP, in a thread of its own."""

import gzip
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_PATIENCE: Final = 30.0


class Told(NamedTuple):
    """One span as it was told."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    failed: bool
    said: dict[str, Any]
    beside: tuple[str, ...]
    """Traces of others that it is linked to."""


class Collector:
    """Keeps what it is told; open as a context manager."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Its address, as a setting has it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[Told]:
        """All that it was told so far."""
        found = []
        for body in list(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                found += [_told(span) for scope in resource.scope_spans for span in scope.spans]
        return found

    @property
    def services(self) -> set[str]:
        """Who has told something."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in list(self.bodies)]
        return {_said(one.resource.attributes)["service.name"] for request in requests for one in request.resource_spans}

    def wait(self, is_there: Callable[[list[Told]], Any]) -> list[Told]:
        """All spans, once what is waited for is among them."""
        deadline = time.monotonic() + _PATIENCE
        while not is_there(spans := self.spans):
            assert time.monotonic() < deadline, spans
            time.sleep(0.05)
        return spans


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, collector: Collector) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.collector = collector


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_right = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
        if is_right:
            self.server.collector.bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200 if is_right else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: Any) -> None:
        """Nothing."""


def _told(span: Any) -> Told:
    return Told(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.kind,
        span.status.code == 2,
        _said(span.attributes),
        tuple(link.trace_id.hex() for link in span.links),
    )


def _said(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
