"""An origin on loopback that behaves as it is told: well, badly, slowly or not at all."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

Behaviour = Callable[["Visit"], Awaitable[None]]
"""Answers one request by writing raw bytes; the connection is closed afterwards unless the visit says otherwise."""

_CRLF: Final = b"\r\n"


@dataclass
class Visit:
    """One request to the origin, and the connection it came by."""

    path: str
    """Path and query as they stood in the request line."""
    headers: dict[str, str]
    """Names in lower case."""
    number: int
    """Counts the requests to this path, from 1."""
    connection: int
    """Counts the connections to the origin, from 1."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes = b""
    keep_alive: bool = False

    async def send(self, *parts: bytes) -> None:
        """Write bytes and wait until they have left."""
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def reset(self) -> None:
        """Break the connection with a RST instead of closing it."""
        await self.writer.drain()
        endpoint = self.writer.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Origin:
    """A running origin: what it serves by path, and what it has seen."""

    host: str
    port: int
    scheme: str
    behaviours: dict[str, Behaviour]
    visits: list[Visit] = field(default_factory=list)
    connections: int = 0
    doorstep: Behaviour | None = None
    """What it does with a connection before it reads anything."""

    def url(self, path: str) -> str:
        """The address of a path on this origin."""
        return f"{self.scheme}://{self.host}:{self.port}{path}"

    def count(self, path: str) -> int:
        """How often the path was asked for."""
        return sum(visit.path.partition("?")[0] == path for visit in self.visits)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until it is done with."""
        self.connections += 1
        number = self.connections
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            if self.doorstep is not None:
                await self.doorstep(Visit("", {}, number, number, reader, writer))
            while not writer.transport.is_closing() and await self._answer(reader, writer, number):
                pass
            writer.close()
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        head = (await reader.readuntil(_CRLF * 2)).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        target = first.split(" ")[1]
        path = target.partition("?")[0]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        visit = Visit(target, headers, self.count(path) + 1, connection, reader, writer, body)
        self.visits.append(visit)
        await self.behaviours.get(path, answer(b"", status=404))(visit)
        return visit.keep_alive


@asynccontextmanager
async def run_origin(
    behaviours: Mapping[str, Behaviour],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    doorstep: Behaviour | None = None,
) -> AsyncIterator[Origin]:
    """Serve the behaviours on a port of loopback until the block ends; what still runs then is cancelled."""
    origin = Origin(host, port, "https" if tls else "http", dict(behaviours), doorstep=doorstep)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(origin.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # What was not taken when the task ends never will be: close without waiting for it.
        task.add_done_callback(lambda _: writer.transport.abort())

    server = await asyncio.start_server(accept, host, port, ssl=tls)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def head(status: int = 200, headers: Mapping[str, str] | None = None, reason: str = "Whatever") -> bytes:
    """A status line and a header section."""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "".join(f"{line}\r\n" for line in lines).encode() + _CRLF


def answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None, keep_alive: bool = False) -> Behaviour:
    """A well-formed answer with a true length."""

    async def behave(visit: Visit) -> None:
        visit.keep_alive = keep_alive
        await visit.send(head(status, {"Content-Length": str(len(body)), **(headers or {})}), body)

    return behave


def raw(*parts: bytes, reset: bool = False) -> Behaviour:
    """Exactly these bytes, each part in a write of its own, and then the end: closed, or reset."""

    async def behave(visit: Visit) -> None:
        for part in parts:
            await visit.send(part)
        if reset:
            await visit.reset()

    return behave


def half_closed(*parts: bytes) -> Behaviour:
    """Exactly these bytes, and then an end in this direction alone: the other one stays open until the client closes it."""

    async def behave(visit: Visit) -> None:
        await visit.send(*parts)
        visit.writer.write_eof()
        visit.keep_alive = True  # goes on reading, which ends when the client has had enough

    return behave


def redirect(location: str | None, *, status: int = 302) -> Behaviour:
    """A redirect, or one that does not say where to."""
    return answer(b"", status=status, headers={} if location is None else {"Location": location})


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first behaviour for the first request to the path, and so on; the last one stays."""

    async def behave(visit: Visit) -> None:
        await behaviours[min(visit.number, len(behaviours)) - 1](visit)

    return behave


def drip(first: bytes, drop: bytes, pause: float) -> Behaviour:
    """Send `first`, and then a drop every `pause` seconds for ever."""

    async def behave(visit: Visit) -> None:
        await visit.send(first)
        while True:
            await asyncio.sleep(pause)
            await visit.send(drop)

    return behave


def flood(first: bytes, wave: bytes) -> Behaviour:
    """Send `first`, and then the wave again and again as fast as it is taken."""

    async def behave(visit: Visit) -> None:
        await visit.send(first)
        while True:
            await visit.send(wave)
            await asyncio.sleep(0)  # over TLS, sending to one who has gone never waits, and nothing would be told of the end

    return behave


def wait_for(event: asyncio.Event, then: Behaviour) -> Behaviour:
    """Hold the request until the event, then behave."""

    async def behave(visit: Visit) -> None:
        await event.wait()
        await then(visit)

    return behave


def chunked(*chunks: bytes) -> bytes:
    """A body in chunks, whole."""
    return b"".join(f"{len(chunk):x}\r\n".encode() + chunk + _CRLF for chunk in chunks) + b"0\r\n\r\n"
