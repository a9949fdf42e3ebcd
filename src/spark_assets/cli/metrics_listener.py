"""The listener of METRICS_LISTEN: metrics for whoever can reach it, without a key, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spark_assets.runtime.assembly import Runtime
from spark_assets.settings import Settings


@asynccontextmanager
async def showing_metrics(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Answer `GET /metrics` at METRICS_LISTEN for as long as this lasts, if it is set. Raises OSError if it cannot be listened on.

    Several processes of one server share the address; each knows what all of them have counted.
    """
    scrape = runtime.scrape
    if settings.metrics_address is None or scrape is None:
        yield
        return
    from aiohttp import web

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=await scrape.render(), headers={"Content-Type": scrape.media_type, "Cache-Control": "no-store"})

    application = web.Application()
    application.router.add_get("/metrics", show)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    try:
        host, port = settings.metrics_address
        await web.TCPSite(runner, host, port, reuse_port=settings.workers > 1).start()
        yield
    finally:
        await runner.cleanup()
