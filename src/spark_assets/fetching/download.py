"""The source over HTTP: one guarded GET, its redirects and its retries."""

import asyncio
import random
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import structlog

from spark_assets.domain.errors import IngestFailure, InvalidParameter
from spark_assets.fetching.address_guard import AddressGuard, AddressRefused
from spark_assets.fetching.connection import LONGEST_HEADER, GuardedConnector, StaleConnection
from spark_assets.fetching.host_slots import HostSlots
from spark_assets.fetching.name_lookup import LookupsBusy, Resolver, SystemResolver
from spark_assets.fetching.refusals import Interrupted, refuse, refuse_slowness, refuse_status, translate
from spark_assets.fetching.retry import MOST_RETRIES, Allowance, Chance, Clock, Sleep, choose_pause, parse_retry_after
from spark_assets.fetching.source_url import SourceUrl, parse_source_url
from spark_assets.fetching.transfer import Order, Rate, receive
from spark_assets.ports.source import Download, Progress

MOST_REDIRECTS: Final = 5
"""Redirects that one attempt follows."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_WRITER_THREADS: Final = 4

_log: Final = structlog.get_logger()


class FetchTimes(msgspec.Struct, frozen=True):
    """How long things may take."""

    deadline: float = 60.0
    """Seconds for one attempt as a whole: every redirect and the body; all attempts together get three times that."""
    connect: float = 5.0
    """Seconds for one connection: name, TCP and TLS; waiting for a thread to look the name up in is not counted."""
    rate: Rate = Rate()
    """The least speed of a body."""


_USUAL_TIMES: Final = FetchTimes()


class HttpSource:
    """Implements the port `Source` over HTTP/1.1 and TLS.

    `guard` judges every address that a socket is connected to. `user_agent` should let an origin's operator reach ours.
    `host_concurrency`: downloads at once from one host; more wait, outside their deadline.
    `tls`, `resolver`, `sleep`, `clock`, `chance`: seams; each defaults to the real thing.

    Only attempts whose connection broke, or that were answered with 429 or 5xx, are retried. A connection that could not
    be made is final, as a refused address is: their times would tell them apart otherwise.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        user_agent: str,
        times: FetchTimes = _USUAL_TIMES,
        host_concurrency: int = 6,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
        chance: Chance = random.random,
    ) -> None:
        if not (user_agent.isascii() and user_agent.isprintable() and user_agent.strip()):
            raise ValueError("the user agent must be a line of printable ASCII characters")
        self._guard = guard
        self._user_agent = user_agent
        self._times = times
        self._slots = HostSlots(host_concurrency)
        self._tls = tls
        self._resolver = resolver or SystemResolver()
        self._sleep = sleep
        self._clock = clock
        self._chance = chance
        self._writers = ThreadPoolExecutor(_WRITER_THREADS, thread_name_prefix="spool")
        self._session: aiohttp.ClientSession | None = None

    def check(self, url: str) -> str:
        """The host of an address that could be fetched; no network is used. Raises InvalidParameter `URL`."""
        return parse_source_url(url).host

    async def fetch(self, url: str, spool: Path, *, largest: int, progress: Progress) -> Download:
        """Stream the bytes into the file `spool` (mode 0600), hashing on the way; no file is left where this fails.

        Raises TooManyBytes past `largest` bytes, IngestFailure `DownloadFailed` with a reason, and TransientFailure with
        `storage_unavailable` when the spool cannot be written, or with `dns_failed` when too many names are being looked up.
        """
        try:
            source = parse_source_url(url)
        except InvalidParameter as error:
            raise refuse("blocked_address") from error
        try:
            return await self._persist(source, Order(spool, largest, progress))
        except BaseException:
            _remove(spool)
            raise

    async def close(self) -> None:
        """End the idle connections and the threads that write; look-ups that hang are not waited for."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        self._writers.shutdown(wait=False)

    async def _persist(self, source: SourceUrl, order: Order) -> Download:
        """Attempt the download until it succeeds, fails for good, or has used up its retries or its time."""
        allowance = Allowance(self._times.deadline, self._clock)
        retries = 0
        while True:
            allowance.begin_attempt()
            try:
                return await self._attempt(source, order, allowance)
            except Interrupted as interruption:
                pause = choose_pause(retries, interruption.retry_after, self._chance)
                if retries == MOST_RETRIES or not allowance.take_pause(pause):
                    raise interruption.failure from None
                retries += 1
                _log.info(
                    "download interrupted", host=source.host, reason=interruption.failure.reason, retry=retries, pause=round(pause, 2)
                )
                await self._sleep(pause)

    async def _attempt(self, source: SourceUrl, order: Order, allowance: Allowance) -> Download:
        """Follow the redirects to the file; each host's place is given back before the next one's is waited for."""
        here = source
        for _ in range(MOST_REDIRECTS + 1):
            async with self._slots.hold(here.host):
                try:
                    async with allowance.spend():
                        outcome = await self._visit(here, order)
                except TimeoutError:
                    raise refuse_slowness(self._times.deadline) from None
            if isinstance(outcome, Download):
                return outcome
            here = outcome
        raise refuse("too_many_redirects")

    async def _visit(self, here: SourceUrl, order: Order) -> Download | SourceUrl:
        """One GET: the file, or where it is to be found instead."""
        while True:
            try:
                async with self._open_session().get(here.request_url, allow_redirects=False) as response:
                    if response.status in _REDIRECTS:
                        return _follow(here, response)
                    _check_status(response)
                    return await receive(response, order, self._times.rate, self._writers)
            except StaleConnection:
                continue  # nobody saw the request; what is kept comes to an end, and then the connection is a new one
            except (AddressRefused, LookupsBusy, aiohttp.ClientError) as error:
                raise translate(error) from None

    def _open_session(self) -> aiohttp.ClientSession:
        """The session, made at first use: it belongs to the event loop that is running then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=GuardedConnector(self._guard, self._resolver, self._tls, self._times.connect),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._user_agent, "Accept": "*/*", "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None),  # ours are the connector's and the allowance's
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
                middlewares=(_forbid_silent_retry,),
            )
        return self._session


async def _forbid_silent_retry(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Hide broken connections from aiohttp, which would repeat the request once more than we count.

    A kept connection that had gone stale is shown: the origin never saw that request.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, StaleConnection):
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise aiohttp.ClientPayloadError("the connection broke before an answer") from error


def _remove(path: Path) -> None:
    """Remove a partial file; where even that fails, the sweeper of old spool files comes later."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        _log.exception("a partial file could not be removed", file=path.name)


def _follow(here: SourceUrl, response: aiohttp.ClientResponse) -> SourceUrl:
    locations = response.headers.getall("Location", [])
    if len(set(locations)) != 1 or not locations[0]:
        raise refuse("bad_redirect", "the source redirects without saying where to")
    try:
        there = here.join(locations[0])
    except InvalidParameter as error:
        raise refuse("bad_redirect", f"the source redirects to an address that cannot be fetched: {error.message}") from None
    if here.scheme == "https" and there.scheme != "https":
        raise refuse("bad_redirect", "the source redirects from https to http")
    return there


def _check_status(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status == HTTPStatus.OK:
        return
    failure: IngestFailure = refuse_status(status)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status // 100 == 5:
        raise Interrupted(failure, parse_retry_after(response.headers.get("Retry-After")))
    raise failure
