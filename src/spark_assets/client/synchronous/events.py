"""What happens in a project, as it happens."""

from collections.abc import Generator
from typing import Final

import httpx2

from spark_assets.client.errors import ApiError, ConnectionFailed
from spark_assets.client.retrying import draw_pause
from spark_assets.client.synchronous.means import sleep
from spark_assets.client.synchronous.transport import Transport
from spark_assets.wire.events import EventBody

BEGINNING: Final = "0-0"
"""Before the oldest event on record."""
RESET: Final = "reset"
_SILENCE: Final = 45.0
"""Seconds after which a stream that says nothing is dead; the server speaks every 15."""


class Events:
    """`client.events`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def listen(self, *, project: str | None = None, after: str | None = None) -> Generator[EventBody, None]:
        """What happens from now on, or what came after the event with this ID (`0-0`: all on record), without an end.

        A broken connection goes on behind the last event, nothing left out and nothing twice. An event of the type `reset` says
        that what was seen last is not on record any more: list the assets anew. Raises ConnectionFailed, ApiError.
        """
        persistence, position = self._transport.persistence(), after
        while True:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": position} if position else {})
            try:
                with self._transport.stream(
                    "GET", "/v1/events", query={"project": project}, headers=headers, read_timeout=_SILENCE
                ) as answer:
                    for event in httpx2.EventSource(answer):
                        persistence.step_forward()
                        position = event.id or position
                        if event.event == RESET:
                            yield EventBody(event.id or "", RESET, "", {})
                        elif event.event != "ready":
                            yield self._transport.read(event.data, EventBody)
            except (ConnectionFailed, ApiError) as error:
                pause = self._transport.pause_after(error, persistence)
                if pause is None:
                    raise
            else:
                pause = draw_pause()  # the server ended the stream in good order: it stops, or the key was revoked
            sleep(pause)
