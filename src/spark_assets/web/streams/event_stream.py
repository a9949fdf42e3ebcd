"""An answer of server-sent events (the HTML standard, section 9.2), as long as both sides want it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from spark_assets.domain.errors import SparkError
from spark_assets.web.exchange import Exchange

MEDIA_TYPE: Final = "text/event-stream"
_HEADERS: Final = (
    (b"content-type", MEDIA_TYPE.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
"""The last one keeps nginx from holding events back."""

log = structlog.get_logger()


def told(name: str, data: bytes, event_id: str | None = None) -> bytes:
    """One event; `data` is JSON on one line."""
    head = b"" if event_id is None else b"id: %s\n" % event_id.encode()
    return b"%sevent: %s\ndata: %s\n\n" % (head, name.encode(), data)


class EventStream:
    """What a handler tells its client, one batch of events after the other."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def send(self, events: bytes) -> None:
        """Tell them. Raises ReaderTooSlow if the client takes nothing."""
        await self._exchange.part(events, more=True)

    async def keep_alive(self) -> None:
        """A comment, so that nobody between takes the connection for dead. Raises ReaderTooSlow."""
        await self._exchange.part(b": keep-alive\n\n", more=True)


@asynccontextmanager
async def event_stream(exchange: Exchange) -> AsyncIterator[EventStream]:
    """Begin the answer, and end it in good order.

    An error ends it too, for its status has been sent: the client comes back, goes on where it was, and is told then.
    """
    await exchange.begin(200, _HEADERS)
    try:
        yield EventStream(exchange)
    except SparkError as error:
        log.info("stream_ended", request_id=exchange.request_id, code=error.code)
    await exchange.part(b"", more=False)
