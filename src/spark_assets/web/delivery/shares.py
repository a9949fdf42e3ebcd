"""The public door of shares: `GET` and `HEAD /s/{token}`."""

from typing import Final

from spark_assets.operations import shares
from spark_assets.web.error_responses import unknown_path
from spark_assets.web.exchange import Exchange

_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)


async def follow_share(exchange: Exchange) -> None:
    """Lead to a fresh signed link, without a key. Raises NotFound `path`, alike, for every share that leads nowhere."""
    exchange.allow("GET", "HEAD")
    runtime = exchange.site.runtime
    async with runtime.database.read() as repositories:
        link = await shares.follow(repositories, runtime.links, exchange.path_parameters["token"], exchange.now)
    if link is None:
        raise unknown_path()
    await exchange.respond(307, b"", ((b"location", link.encode()), *_HEADERS))
