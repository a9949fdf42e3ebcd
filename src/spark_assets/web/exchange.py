"""One HTTP exchange at the level of ASGI: the hot paths pay for nothing that they do not use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from spark_assets.domain.api_key import Caller
from spark_assets.domain.errors import AuthenticationError, ErrorKind, RequestRefused, SparkError, Unavailable
from spark_assets.domain.ids import new_request_id
from spark_assets.operations.call import Call
from spark_assets.web.counted import count_answer
from spark_assets.web.site import Site

JSON: Final = (b"content-type", b"application/json")
BODY_LIMIT: Final = 2**20
"""Bytes of a request body."""
LARGE_BODY_LIMIT: Final = 48 * 2**20
"""Bytes of a body that may hold a file as a `data:` URI."""
BODY_DEADLINE: Final = 30.0
_LARGE_BODY_DEADLINE: Final = 120.0
"""Seconds within which a whole body must arrive, and a large one once it has a place."""
_PLACE_PATIENCE: Final = 10.0
"""Seconds that a large body waits for one of the places in memory."""
_SLOWEST: Final = 1024
_SLOWEST_GRACE: Final = 15.0
_LONGEST_STREAM: Final = 6 * 3600.0
"""Bytes per second, on average and after so many seconds, below which a streamed body is given up; and its longest time in seconds."""
_DISCARDED: Final = 16 * 2**20
_DISCARD_DEADLINE: Final = 5.0
"""Bytes and seconds of a refused body that are still read: a client that is cut off while it sends never sees the answer."""

_READER_TURN: Final = 3.0
_READER_TURNS: Final = 10
"""Turns, of so many seconds each, that a client has to take one part of a body; one turn while the server drains."""

encode: Final = msgspec.json.Encoder().encode

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]


class Exchange:
    """A request with the means to answer it. Every answer carries `X-Request-Id`."""

    __slots__ = (
        "_has_place", "_receive", "_send", "_unread", "headers", "now", "rate_headers", "request_id", "scope", "site", "started",
        "status", "surface",
    )  # fmt: skip

    def __init__(self, site: Site, scope: Message, receive: Receive, send: Send, surface: str = "none") -> None:
        self.site = site
        self.scope = scope
        self._receive = receive
        self._send = send
        self._unread = True
        self.now = site.runtime.clock.now()
        self.request_id = new_request_id(self.now)
        self.started = False
        self.status = 0
        """That of the answer, once it has begun."""
        self.rate_headers: Headers = ()
        self.headers: Headers = ()
        """Sent with every answer, also with an error's."""
        self._has_place = False
        self.surface = surface
        """Under which the request is counted."""

    @property
    def method(self) -> str:
        """The request's method."""
        return str(self.scope["method"])

    @property
    def path_parameters(self) -> dict[str, Any]:
        """What the route's placeholders matched."""
        found: dict[str, Any] = self.scope["path_params"]
        return found

    @property
    def remaining_path(self) -> str:
        """What follows the path of a mount, without slashes at its ends."""
        return str(self.scope["path"]).strip("/")

    def header(self, name: bytes) -> bytes | None:
        """The first header of that lower-case name."""
        headers: list[tuple[bytes, bytes]] = self.scope["headers"]
        for key, value in headers:
            if key == name:
                return value
        return None

    @property
    def authorization(self) -> bytes | None:
        """The header of that name. Raises AuthenticationError if there are two: whoever reads another one would let in another caller."""
        found = [value for name, value in self.scope["headers"] if name == b"authorization"]
        if len(found) > 1:
            raise AuthenticationError.invalid()
        return found[0] if found else None

    async def caller(self) -> Caller:
        """Whose API key came with the request. Raises AuthenticationError, Unavailable."""
        return await self.site.authenticator.caller(self.authorization, self.address)

    @property
    def address(self) -> str | None:
        """The client's network address, as far as it can be trusted."""
        client = self.scope.get("client")
        return self.site.addresses.of(str(client[0]) if client else None, self.scope["headers"])

    @property
    def project(self) -> str | None:
        """The project that the header `X-Project` names."""
        value = self.header(b"x-project")
        return None if value is None else value.decode("utf-8", "replace").strip()

    def call(self, caller: Caller) -> Call:
        """The call of an operation that this request is."""
        return Call(
            caller=caller,
            request_id=self.request_id,
            now=self.now,
            terms=self.site.runtime.terms,
            project=self.project,
            address=self.address,
        )

    def allow(self, *methods: str) -> None:
        """Raises RequestRefused `MethodNotAllowed` unless the method is one of these."""
        if self.scope["method"] not in methods:
            raise MethodNotAllowed(methods)

    async def body(self, limit: int = BODY_LIMIT) -> bytes:
        """The whole body. One above BODY_LIMIT waits for a place in memory, and keeps it until `close`.

        Raises RequestRefused `RequestTooLarge` or `RequestTimeout`, Unavailable.
        """
        declared = self.declared_length
        if declared is not None and declared > limit:
            raise _too_large(limit)
        if declared is not None and declared > BODY_LIMIT:
            await self._take_place()
        deadline = self._deadline()
        first, more = await self._next_part(deadline)
        if not more or len(first) == declared:
            self._unread = False
            return _within(first, limit)
        body = bytearray(first)
        while more and len(body) != declared:
            part, more = await self._next_part(deadline)
            body += part
            if len(body) > limit:
                raise _too_large(limit)
            if len(body) > BODY_LIMIT and not self._has_place:
                await self._take_place()
                deadline = self._deadline()
        self._unread = False
        return bytes(body)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, however long: whoever takes it bounds it. It must keep a least average speed.

        Raises RequestRefused `RequestTimeout`, Unavailable if the client goes away or the server begins to drain.
        """
        began, received, more = asyncio.get_running_loop().time(), 0, True
        draining = asyncio.ensure_future(self.site.draining.wait())
        try:
            while more:
                patience = min(max(_SLOWEST_GRACE, received / _SLOWEST), _LONGEST_STREAM)
                piece, more = await self._part_unless(draining, began + patience)
                received += len(piece)
                yield piece
                if more and draining.done():
                    raise _about_to_stop()
        finally:
            draining.cancel()

    async def _part_unless(self, draining: "asyncio.Future[Any]", deadline: float) -> tuple[bytes, bool]:
        """The next part, for which a server that drains does not wait: what has arrived must be written down in time."""
        part = asyncio.ensure_future(self._next_part(deadline, f"the body came at less than {_SLOWEST} bytes per second"))
        try:
            await asyncio.wait((part, draining), return_when=asyncio.FIRST_COMPLETED)
            if part.done():
                return part.result()
            raise _about_to_stop()
        finally:
            if not part.done():
                part.cancel()
                await asyncio.wait((part,))

    @property
    def declared_length(self) -> int | None:
        """What the header `Content-Length` says."""
        length = self.header(b"content-length")
        return int(length) if length is not None and length.isdigit() else None

    def close(self) -> None:
        """Give back the place in memory."""
        if self._has_place:
            self._has_place = False
            self.site.large_bodies.release()

    async def discard_body(self) -> None:
        """Read what is left of the body, within reason; before an answer that refuses it."""
        length = self.header(b"content-length")
        if length in {None, b"0"} and self.header(b"transfer-encoding") is None:
            return
        deadline = asyncio.get_running_loop().time() + _DISCARD_DEADLINE
        left = _DISCARDED if length is None or not length.isdigit() else min(int(length), _DISCARDED)
        with suppress(SparkError):
            while self._unread and left > 0:
                part, _ = await self._next_part(deadline)
                left -= len(part)

    async def respond(self, status: int, body: bytes, headers: Headers = (JSON,)) -> None:
        """Answer with a whole body."""
        length = (b"content-length", str(len(body)).encode())
        await self.begin(status, (*headers, length))
        await self._send({"type": "http.response.body", "body": body if self.scope["method"] != "HEAD" else b"", "more_body": False})

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the status and the headers; parts follow with `part`."""
        self.started = True
        self.status = status
        count_answer(self.site.runtime.metrics, self.scope, self.surface, status)
        head = [*headers, *self.headers, *self.rate_headers, (b"x-request-id", self.request_id.encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": head})

    async def part(self, body: bytes, *, more: bool) -> None:
        """Send a part of the body. Raises ReaderTooSlow if the client does not take it, sooner while the server drains."""
        sending = asyncio.ensure_future(self._send({"type": "http.response.body", "body": body, "more_body": more}))
        for _ in range(_READER_TURNS):
            done, _pending = await asyncio.wait([sending], timeout=_READER_TURN)
            if done:
                return sending.result()
            if self.site.draining.is_set():
                break
        sending.cancel()
        raise ReaderTooSlow

    async def until_gone(self) -> None:
        """Return when the client has gone away; what it may still send is thrown away."""
        while (await self._receive())["type"] != "http.disconnect":
            continue

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + (_LARGE_BODY_DEADLINE if self._has_place else BODY_DEADLINE)

    async def _take_place(self) -> None:
        try:
            async with asyncio.timeout(_PLACE_PATIENCE):
                await self.site.large_bodies.acquire()
        except TimeoutError:
            raise Unavailable("other large bodies are being read; try again shortly, or send the file to /v1/uploads") from None
        self._has_place = True

    async def _next_part(self, deadline: float, late: str = "the body did not arrive in time") -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout_at(deadline):
                message = await self._receive()
        except TimeoutError:
            raise RequestRefused(ErrorKind.TIMEOUT, "RequestTimeout", late) from None
        if message["type"] == "http.disconnect":
            raise Unavailable("the client went away before its request was complete")
        self._unread = message.get("more_body", False)
        return message.get("body", b""), self._unread


class ReaderTooSlow(Exception):
    """The client does not take what it asked for; its connection is given up."""


class MethodNotAllowed(RequestRefused):
    """The path exists, but not for this method."""

    def __init__(self, methods: tuple[str, ...]) -> None:
        allowed = ", ".join(methods)
        super().__init__(ErrorKind.METHOD_NOT_ALLOWED, "MethodNotAllowed", f"this address takes {allowed}")
        self.allowed = allowed


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _about_to_stop() -> Unavailable:
    return Unavailable("the server is about to stop; go on in a moment")


def _too_large(limit: int) -> RequestRefused:
    way_out = "; send larger files to /v1/uploads" if limit > BODY_LIMIT else ""
    return RequestRefused(ErrorKind.TOO_LARGE, "RequestTooLarge", f"a request body has at most {limit // 2**20} MiB{way_out}")
