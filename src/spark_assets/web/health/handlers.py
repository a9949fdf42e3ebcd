"""Whether the server is alive, and whether it can serve."""

from spark_assets.domain.errors import SparkError
from spark_assets.web.exchange import Exchange, encode


async def alive(exchange: Exchange) -> None:
    """`GET /healthz`: 200 while the process answers at all."""
    exchange.allow("GET", "HEAD")
    await exchange.respond(200, b'{"status":"ok"}')


async def ready(exchange: Exchange) -> None:
    """`GET /readyz`: 200 when requests can be served; 503 while draining, or without database or storage."""
    exchange.allow("GET", "HEAD")
    site = exchange.site
    troubles: dict[str, str] = {"server": "draining"} if site.draining.is_set() else {}
    for name, part in (("database", site.runtime.database), ("storage", site.runtime.blobs)):
        try:
            await part.check()
        except SparkError as error:
            troubles[name] = error.message
    body = {"status": "unavailable", "troubles": troubles} if troubles else {"status": "ready"}
    await exchange.respond(503 if troubles else 200, encode(body))
