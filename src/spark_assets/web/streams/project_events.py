"""What happens in a project, from now on or from where the client was; read from the table at the client's own pace."""

from typing import Final

from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import AccessDenied
from spark_assets.domain.event import BEGINNING, Event, Position, read_position
from spark_assets.operations import projects
from spark_assets.operations.call import Call
from spark_assets.ports.events import EventPart
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.streams.event_stream import EventStream, event_stream, told
from spark_assets.web.waiting import LOOK_AGAIN, Waiter, ask_again, waiting_client
from spark_assets.wire.events import EventBody
from spark_assets.wire.times import rfc3339

_PART: Final = 100
"""Events read at once: what a client that takes nothing has at most in memory."""
_HELD_BACK: Final = 0.1
"""Seconds after which to look again for events that wait for an earlier transaction."""


async def stream_project(exchange: Exchange, call: Call, name: str | None, after: str | None) -> None:
    """The events of the project of that name behind `Last-Event-ID`, or `after`; without either, those to come.

    The first one is `ready`, with the position at which the stream begins, or `reset` where what the client was told last is
    not on record any more, so that something in between may be missing. Raises AccessDenied, NotFound `ProjectName`,
    InvalidParameter `after`, FlowLimited, before anything is sent.
    """
    call.caller.require(Scope.ASSETS_READ)
    database = exchange.site.runtime.database
    async with database.read() as repositories:
        project = await projects.find(repositories, call, name)
    given = _given(exchange, after)
    async with waiting_client(exchange, call.caller, project.id) as waiter:
        waiter.begin()
        async with database.read() as repositories:
            newest = await repositories.events.newest(project.id)
            is_known = given in {None, BEGINNING} or await repositories.events.is_there(project.id, given)
        # A position ahead of all others is another library's, or that of one that was restored from a copy.
        position = newest if given is None or (given > newest and not is_known) else given
        async with event_stream(exchange) as stream:
            if exchange.method != "HEAD":
                await stream.send(told("ready" if is_known else "reset", b"{}", str(position)))
                await _follow(exchange, stream, waiter, project.id, position)


def _given(exchange: Exchange, after: str | None) -> Position | None:
    """Where the client was: the header, which a client sends by itself when it comes back, comes before the query."""
    header = exchange.header(b"last-event-id")
    text = after if header is None else header.decode("latin-1").strip()
    return read_position("after", text) if text else None


async def _follow(exchange: Exchange, stream: EventStream, waiter: Waiter, project_id: str, position: Position) -> None:
    while not waiter.is_over:
        waiter.begin()
        part = await _read(exchange, project_id, position)
        if part.events:
            await _check(exchange, project_id)
            await stream.send(b"".join(_event(event) for event in part.events))
            position = part.events[-1].position or position
        if len(part.events) == _PART:
            continue
        if not await waiter.pause(_HELD_BACK if part.is_held_back else LOOK_AGAIN) and not part.is_held_back:
            await _check(exchange, project_id)
            await stream.keep_alive()


async def _read(exchange: Exchange, project_id: str, position: Position) -> EventPart:
    """One read for all who have come as far."""

    async def load() -> EventPart:
        async with exchange.site.runtime.database.read() as repositories:
            return await repositories.events.after(project_id, position, _PART)

    return await exchange.site.reads.read(("events", project_id, position), load)


async def _check(exchange: Exchange, project_id: str) -> None:
    """Raises AuthenticationError or AccessDenied for a key that was revoked since."""
    caller = await ask_again(exchange)
    caller.require(Scope.ASSETS_READ)
    if not caller.may_use(project_id):
        raise AccessDenied(Scope.ASSETS_READ.value)


def _event(event: Event) -> bytes:
    body = EventBody(str(event.position), event.type.value, rfc3339(event.created_at), event.data)
    return told(event.type.value, encode(body), body.id)
