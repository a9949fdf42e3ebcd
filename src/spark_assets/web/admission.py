"""Letting a request in, or not: every surface asks here, once it knows who calls and what for."""

from spark_assets.domain.api_key import Caller
from spark_assets.domain.errors import FlowLimited
from spark_assets.domain.parameters import Operation
from spark_assets.web.exchange import Exchange
from spark_assets.web.rate_headers import rate_headers


async def admit(exchange: Exchange, caller: Caller, operation: Operation) -> None:
    """Count a request before anything is done for it; its answer will tell what is left.

    Raises FlowLimited if the key has used up this second's requests for the operation, Unavailable.
    """
    runtime = exchange.site.runtime
    if runtime.rates is None:
        return
    limit = runtime.limits.requests_per_second.get(operation.model)
    if limit is None:
        return
    verdict = await runtime.rates.take(caller.key_id, operation.model, limit)
    if not verdict.allowed:
        message = f"this key may send {limit} requests of {operation.model} per second; wait for {verdict.reset} s, as Retry-After says"
        raise FlowLimited(message, limit, verdict.reset)
    exchange.rate_headers = rate_headers(limit, verdict.remaining, verdict.reset)
