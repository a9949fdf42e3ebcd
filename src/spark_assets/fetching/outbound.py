"""Messages posted through the address guard."""

import io
import math
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp

from spark_assets.domain.errors import IngestFailure, InvalidParameter
from spark_assets.fetching.address_guard import AddressGuard, AddressRefused
from spark_assets.fetching.connection import LONGEST_HEADER, GuardedConnector
from spark_assets.fetching.name_lookup import LookupsBusy, Resolver, SystemResolver
from spark_assets.fetching.refusals import Interrupted, translate
from spark_assets.fetching.retry import parse_retry_after
from spark_assets.fetching.source_url import SourceUrl, parse_source_url
from spark_assets.fetching.time_limits import limit_time
from spark_assets.ports.outbound import OutboundFailure, Reply

_MESSAGES: Final = {
    "blocked_address": "its address or port is not one that this server may post to",
    "dns_failed": "the name of its host could not be resolved",
    "connect_failed": "no connection to it could be made",
    "tls_error": "it did not prove its identity: its TLS certificate or handshake is not valid",
    "incomplete": "the connection broke before the whole answer had arrived",
    "bad_response": "its answer is not valid HTTP or its headers are too large",
}


class HttpOutbound:
    """Implements the port `Outbound` over HTTP/1.1 and TLS.

    `guard` judges every address that a socket is connected to; `connect`: seconds for name, TCP and TLS together.
    `tls`, `resolver`: seams; each defaults to the real thing.

    Each message has a connection of its own: a kept one may be closed by the other side at any moment, and a message, other than
    a download, must not be repeated without its sender knowing.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        user_agent: str,
        connect: float = 5.0,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._connect = connect
        self._tls = tls
        self._resolver = resolver or SystemResolver()
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, largest: int) -> Reply:
        """Send the body once and read at most `largest` bytes of the answer: see `ports.outbound.Outbound.post`."""
        try:
            target = parse_source_url(url)
        except InvalidParameter as error:
            raise OutboundFailure("blocked_address", error.message) from None
        try:
            async with limit_time(timeout):
                return await self._exchange(target, body, headers, largest)
        except TimeoutError:
            raise OutboundFailure("timeout", f"it did not answer within {timeout:g} s") from None

    async def close(self) -> None:
        """End the connections; look-ups that hang are not waited for."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, target: SourceUrl, body: bytes, headers: Mapping[str, str], largest: int) -> Reply:
        try:
            # A stream, since aiohttp takes large bytes for a mistake.
            request = self._open_session().post(target.request_url, data=io.BytesIO(body), headers=headers, allow_redirects=False)
            async with request as response:
                received = await _read(response.content, largest + 1)
                asked = parse_retry_after(response.headers.get("Retry-After"), longest=math.inf)
                return Reply(response.status, received[:largest], len(received) <= largest, asked)
        except (AddressRefused, LookupsBusy, aiohttp.ClientError) as error:
            raise _failure(error) from None

    def _open_session(self) -> aiohttp.ClientSession:
        """The session, made at first use: it belongs to the event loop that is running then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=GuardedConnector(self._guard, self._resolver, self._tls, self._connect, keep=False),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None),  # ours are the connector's and the caller's
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
            )
        return self._session


async def _read(body: aiohttp.StreamReader, most: int) -> bytes:
    """The body, or as much of it as is asked for; the rest is left unread."""
    received = bytearray()
    while len(received) < most and (piece := await body.readany()):
        received += piece
    return bytes(received[:most])


def _failure(error: AddressRefused | LookupsBusy | aiohttp.ClientError) -> OutboundFailure:
    """What an error means, in the words of a download; here nothing is tried again."""
    meant = translate(error)
    failure = meant.failure if isinstance(meant, Interrupted) else meant
    assert isinstance(failure, IngestFailure)
    assert failure.reason is not None
    return OutboundFailure(failure.reason, _MESSAGES[failure.reason])
