"""The body of an answer, on its way into the spool file."""

import asyncio
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from spark_assets.fetching.refusals import Interrupted, refuse, refuse_length, refuse_rate, report_spool_error
from spark_assets.fetching.spool import Spool
from spark_assets.ports.source import Download, Progress, TooManyBytes

_IDENTITY: Final = frozenset({"", "identity"})
_FRAMINGS: Final = frozenset({"", "identity", "chunked"})


class Rate(msgspec.Struct, frozen=True):
    """The least average speed of a body that is put up with."""

    minimum: int = 1024
    """Bytes a second: a 30 MB picture would take eight hours at that rate, so nothing useful is slower."""
    grace: float = 10.0
    """Seconds from the first byte's turn before the rate is looked at."""


class Order(msgspec.Struct, frozen=True):
    """What a caller asked for: the file to fill, the most bytes to put into it, and whom to tell."""

    spool: Path
    largest: int
    progress: Progress


async def receive(response: aiohttp.ClientResponse, order: Order, rate: Rate, executor: Executor) -> Download:
    """Stream the body of a 200 answer into the spool file.

    Raises TooManyBytes, IngestFailure, Interrupted, and aiohttp's errors when the connection breaks.
    """
    _check_encoding(response)
    declared = response.content_length
    if declared is not None and declared > order.largest:
        raise TooManyBytes(declared)
    try:
        with closing(Spool(order.spool, executor)) as spool:
            await _copy(response.content, spool, order, declared, rate)
            _check_length(spool.size, declared)
            sha256 = await spool.finish()
            return Download(order.spool, spool.size, sha256, spool.head)
    except OSError as error:
        if isinstance(error, aiohttp.ClientError | TimeoutError):
            raise
        raise report_spool_error() from error


async def _copy(body: aiohttp.StreamReader, spool: Spool, order: Order, declared: int | None, rate: Rate) -> None:
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(began + rate.grace) as patience:
            while piece := await body.readany():
                if spool.size + len(piece) > order.largest:
                    raise TooManyBytes(None)
                await spool.add(piece)
                # At this moment the bytes so far would fall below the least average.
                patience.reschedule(began + max(rate.grace, spool.size / rate.minimum))
                order.progress(spool.size, declared)
    except TimeoutError:
        if patience.expired():
            raise refuse_rate(rate.minimum) from None
        raise


def _check_encoding(response: aiohttp.ClientResponse) -> None:
    """Only plain bytes are taken: nothing is unpacked, so nothing can explode."""
    framings = _tokens(response, "Transfer-Encoding")
    if not (_IDENTITY.issuperset(_tokens(response, "Content-Encoding")) and _FRAMINGS.issuperset(framings)):
        raise refuse("bad_encoding")
    if len(framings) > 1:  # chunked twice, or not at last: two readers would find two different bodies
        raise refuse("bad_response")


def _tokens(response: aiohttp.ClientResponse, header: str) -> list[str]:
    return [token.strip().lower() for value in response.headers.getall(header, ()) for token in value.split(",")]


def _check_length(received: int, declared: int | None) -> None:
    if declared is not None and received != declared:
        raise Interrupted(refuse_length(declared, received))
    if received == 0:
        raise refuse("empty_body")
