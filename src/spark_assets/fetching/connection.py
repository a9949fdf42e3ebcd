"""Connections that only go where the guard permits, and answers that cannot flood the reader.

The resolver judges every address of a name, and the socket factory judges the one address that a socket is about to
be connected to: there is no look-up between that judgement and the connection.
"""

import asyncio
import functools
import re
import select
import socket
import ssl
from typing import Any, Final, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, HttpVersion10, HttpVersion11, RawResponseMessage
from aiohttp.streams import StreamReader
from aiohttp.tracing import Trace

from spark_assets.fetching.address_guard import AddressGuard
from spark_assets.fetching.name_lookup import Resolver
from spark_assets.fetching.time_limits import limit_time

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of all the header sections of one answer, 1xx ones included; the largest known from real origins are 20 KiB."""
LONGEST_HEADER: Final = 8 * 1024
"""Bytes of one header or status line."""
MOST_INTERIM_ANSWERS: Final = 16
"""1xx answers before the final one; real origins send at most two (100, 103)."""
MOST_ADDRESSES: Final = 64
"""Addresses of one name, far more than services give out. Each is judged, and tried until one answers: thousands would be a scan."""
KEEP_ALIVE: Final = 3.0
"""Seconds an idle connection is kept: less than the 5 s after which common servers close theirs."""

LARGEST_FRAMING: Final = 512 * 1024
"""Bytes of chunk sizes, extensions and trailers around one body, beside a quarter of what they frame: a chunk of 24 bytes has 6."""

_SECTION_END: Final = re.compile(rb"\n\r?\n")
_SEAM: Final = 2
"""Bytes of a section's end that an earlier read may have brought."""

AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class ExcessBytes(aiohttp.ClientPayloadError):
    """More bytes followed the body than its headers declared."""


class BrokenFraming(aiohttp.ClientError):
    """The body is not chunked as its headers promise, or is little else than framing."""


class StaleConnection(aiohttp.ServerDisconnectedError):
    """A kept connection was closed by the other side before it saw the request; aiohttp repeats it once on another."""


class GuardedResolver(AbstractResolver):
    """Refuses a name whole if any of its addresses is refused."""

    def __init__(self, resolver: Resolver, guard: AddressGuard) -> None:
        self._resolver = resolver
        self._guard = guard

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The addresses of the name. Raises OSError for an unknown name, AddressRefused for a forbidden one."""
        addresses = await self._resolver.resolve(host, port)
        if not addresses:
            raise OSError("the name has no address")
        if len(addresses) > MOST_ADDRESSES:
            raise OSError("the name has too many addresses")
        for address in addresses:
            self._guard.require(address, port)
        return [_describe(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing is held."""


class BoundedAnswer(ResponseHandler):
    """Reads answers from one connection, and ends it when the other side floods.

    aiohttp bounds single headers and their number but neither their sum nor the number of 1xx answers, lets a body whose
    framing is broken wait for its end, and would take bytes after a body for the answer to the next request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._requests = 0
        self._head_size = 0
        self._head_end = b""
        self._body_size = 0
        self._interim_answers = 0
        self._body: StreamReader | None = None

    @property
    def has_spoken_out_of_turn(self) -> bool:
        """Whether bytes, or an end, came after the last answer and await being read: they would be taken for the next answer."""
        if not self._requests or self.transport is None:
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def set_response_params(self, **params: Any) -> None:
        """A request begins: counting starts anew."""
        self._requests += 1
        self._head_size = 0
        self._head_end = b""
        self._body_size = 0
        self._interim_answers = 0
        self._body = None
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Bytes arrived (or, when empty, reading goes on)."""
        if data and self._body is not None and self._body.is_eof():
            self._refuse_excess(self._body)
            return
        # One header section at a time: if what follows it is broken, the parser would forget the section as well.
        begin = 0
        while begin < len(data) and self._body is None and self.exception() is None:
            end = self._find_section_end(data, begin)
            self._parse(data[begin:end])
            begin = end
        if begin < len(data) or not data:
            self._parse(data[begin:])

    def _find_section_end(self, data: bytes, begin: int) -> int:
        """Where the header section that goes on at `begin` ends, or else the data; an end may have begun in an earlier read."""
        straddling = _SECTION_END.search(self._head_end + data[begin : begin + _SEAM])
        found = straddling or _SECTION_END.search(data, begin)
        end = len(data) if found is None else found.end() + (begin - len(self._head_end) if straddling else 0)
        self._head_end = (self._head_end + data[max(begin, end - _SEAM) : end])[-_SEAM:] if found is None else b""
        return end

    def _parse(self, data: bytes) -> None:
        if self._body is None:
            self._head_size += len(data)
            self._check_head()
        else:
            self._body_size += len(data)
        if self.exception() is not None:
            return
        super().data_received(data)
        if self._body is not None:
            self._check_body(self._body)

    def _check_body(self, body: StreamReader) -> None:
        if self.exception() is not None:
            self._refuse_rest(body)
        elif self._body_size - body.total_bytes > LARGEST_FRAMING + body.total_bytes // 4 and body.exception() is None:
            body.set_exception(BrokenFraming())
            self._abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection ended; a body that would end with it is whole only if it was closed, not broken."""
        if exc is not None and self._body is not None and not self._body.is_eof():
            self._body.set_exception(aiohttp.ClientPayloadError("the connection broke"))
        if self._requests > 1 and self._body is None and not self._head_size:
            self.set_exception(StaleConnection())
        super().connection_lost(exc)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """A header section was parsed."""
        message, body = data
        if self._body is not None:
            self._refuse_excess(self._body)
            return
        if 100 <= message.code < 200 and message.code != 101:
            self._interim_answers += 1
            self._check_head()
        elif message.version not in (HttpVersion10, HttpVersion11):
            self._refuse_head("the answer is of another version of HTTP")
        else:
            self._body = body
        if self.exception() is None:
            super().feed_data(data, size)

    def _check_head(self) -> None:
        if (self._head_size > LARGEST_HEAD or self._interim_answers > MOST_INTERIM_ANSWERS) and self.exception() is None:
            self._refuse_head("the header sections are too large")

    def _refuse_head(self, message: str) -> None:
        self.set_exception(HttpProcessingError(message=message))
        self._abort()

    def _refuse_rest(self, body: StreamReader) -> None:
        """The parser gave up: within the body its framing is broken, after it something else followed."""
        if body.is_eof():
            self._refuse_excess(body)
        elif body.exception() is None:
            body.set_exception(BrokenFraming())

    def _refuse_excess(self, body: StreamReader) -> None:
        body.set_exception(ExcessBytes())
        self.force_close()
        self._abort()

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class GuardedConnector(aiohttp.TCPConnector):
    """Makes and keeps connections; each was judged when its socket was made, none outlives its address being checked.

    `patience`: seconds for the name, TCP and TLS together. Without `keep`, each request has a connection of its own.
    """

    def __init__(self, guard: AddressGuard, resolver: Resolver, tls: ssl.SSLContext | None, patience: float, *, keep: bool = True) -> None:
        super().__init__(
            resolver=GuardedResolver(resolver, guard),
            # Names are asked for and judged at each connection: a remembered answer would skip the judgement.
            use_dns_cache=False,
            socket_factory=functools.partial(_open_socket, guard),
            ssl=tls or True,
            limit=0,  # the caller limits by host
            keepalive_timeout=KEEP_ALIVE if keep else None,
            force_close=not keep,
        )
        # The one place where aiohttp lets a connection's reader be chosen.
        self._factory = cast("functools.partial[ResponseHandler]", functools.partial(BoundedAnswer, loop=self._loop))
        self._patience = patience

    async def connect(self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        """A connection, kept or new. Raises TimeoutError as aiohttp's own limit would, which cannot stand still."""
        async with limit_time(self._patience):
            while True:
                connection = await super().connect(req, traces, timeout)
                if not cast("BoundedAnswer", connection.protocol).has_spoken_out_of_turn:
                    return connection
                connection.close()


def _open_socket(guard: AddressGuard, info: AddrInfo) -> socket.socket:
    """The socket for an address that was just judged. Raises AddressRefused."""
    family, kind, protocol, _, address = info
    guard.require(str(address[0]), int(address[1]))
    return socket.socket(family, kind, protocol)


def _describe(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
