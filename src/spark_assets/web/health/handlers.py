"""Whether the server is alive, and whether it can serve."""

from typing import Final

from spark_assets.web.exchange import JSON, Exchange, encode

_RETRY_AFTER: Final = (b"retry-after", b"2")


async def alive(exchange: Exchange) -> None:
    """`GET /healthz`: 200 while the process answers at all."""
    exchange.allow("GET", "HEAD")
    await exchange.respond(200, b'{"status":"ok"}')


async def ready(exchange: Exchange) -> None:
    """`GET /readyz`: 200 when requests can be served; 503 while draining, or without database or storage."""
    exchange.allow("GET", "HEAD")
    site = exchange.site
    troubles = {"server": "draining"} if site.draining.is_set() else await site.troubles.find()
    body = {"status": "unavailable", "troubles": troubles} if troubles else {"status": "ready"}
    await exchange.respond(503 if troubles else 200, encode(body), (JSON, _RETRY_AFTER) if troubles else (JSON,))
