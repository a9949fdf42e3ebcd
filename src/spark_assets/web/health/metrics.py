"""What is counted, for Prometheus."""

from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import AccessDenied, NotFound
from spark_assets.web.exchange import Exchange


async def get_metrics(exchange: Exchange) -> None:
    """`GET /metrics`: for a key with the scope metrics (or admin) and no list of projects, since it is about all of them.

    Whoever was let in shortly before is while the database is away: that it is shall be seen.
    """
    exchange.allow("GET", "HEAD")
    caller = await exchange.site.authenticator.watcher(exchange.authorization, exchange.address)
    caller.require(Scope.METRICS)
    if caller.project_ids is not None:
        raise AccessDenied(f"{Scope.METRICS.value} (for all projects)")
    scrape = exchange.site.runtime.scrape
    if scrape is None:
        raise NotFound("path", "nothing is counted here")
    await exchange.respond(200, await scrape.render(), ((b"content-type", scrape.media_type.encode()), (b"cache-control", b"no-store")))
