"""A request as the first step of a trace, or as the next one of its client's."""

from typing import Final

from spark_assets.ports.traces import SpanKind
from spark_assets.web.error_responses import Handler, answer
from spark_assets.web.exchange import Exchange

_NOT_TOLD: Final = frozenset({"health", "metrics"})
"""Surfaces that are asked every few seconds and lead nowhere."""
_LONGEST: Final = 128


async def answer_told(exchange: Exchange, handler: Handler, route: str) -> None:
    """Answer, and tell it: under the route, for the path may hold what only its holder should know."""
    traces = exchange.site.runtime.traces
    if exchange.surface in _NOT_TOLD:
        await answer(exchange, handler)
        return
    said = {
        "http.request.method": exchange.method,
        "http.route": route,
        "spark_assets.surface": exchange.surface,
        "spark_assets.request_id": exchange.request_id,
    }
    with traces.span(f"{exchange.method} {route}", parent=_parent(exchange), kind=SpanKind.SERVES, said=said) as span:
        try:
            await answer(exchange, handler)
        finally:
            span.say("http.response.status_code", exchange.status)
            if exchange.status >= 500:
                span.fail(str(exchange.status))


def _parent(exchange: Exchange) -> str | None:
    """The step of the client that this request is; what is none is taken for none."""
    value = exchange.header(b"traceparent")
    return None if value is None or len(value) > _LONGEST else value.decode("latin-1")
