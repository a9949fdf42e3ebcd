"""A request as the first step of a trace, or as the next one of what a trusted proxy tells."""

from typing import Final

from spark_assets.ports.traces import SpanKind
from spark_assets.web.error_responses import Handler, answer
from spark_assets.web.exchange import Exchange

_NOT_TOLD: Final = frozenset({"health", "metrics"})
"""Surfaces that are asked every few seconds and lead nowhere."""
_LONGEST: Final = 128
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "_OTHER"
"""How OpenTelemetry calls every method that is on no list: a client may write anything there."""


async def answer_told(exchange: Exchange, handler: Handler, route: str) -> None:
    """Answer, and tell it: under the route, for the path may hold what only its holder should know."""
    traces = exchange.site.runtime.traces
    if exchange.surface in _NOT_TOLD:
        await answer(exchange, handler)
        return
    method = exchange.method if exchange.method in _METHODS else _OTHER
    said = {
        "http.request.method": method,
        "http.route": route,
        "spark_assets.surface": exchange.surface,
        "spark_assets.request_id": exchange.request_id,
    }
    given = _given(exchange)
    parent, beside = (given, None) if _is_vouched_for(exchange) else (None, given)
    with traces.span(f"{method} {route}", parent=parent, beside=beside, kind=SpanKind.SERVES, said=said) as span:
        try:
            await answer(exchange, handler)
        finally:
            span.say("http.response.status_code", exchange.status)
            if exchange.status >= 500:
                span.fail(str(exchange.status))


def _is_vouched_for(exchange: Exchange) -> bool:
    """Whether a trusted proxy is at the other end: anybody else could have their requests sampled, and join them to anybody's trace."""
    client = exchange.scope.get("client")
    return exchange.site.addresses.trusts(str(client[0]) if client else None)


def _given(exchange: Exchange) -> str | None:
    """The step of somebody else that this request says it follows from; what is too long is none."""
    value = exchange.header(b"traceparent")
    return None if value is None or len(value) > _LONGEST else value.decode("latin-1")
