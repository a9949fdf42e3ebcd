"""Every spelling of an address that must not be reached, by a download and by a message; and what goes over the wire to one that may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from spark_assets.domain.errors import IngestFailure
from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.outbound import HttpOutbound
from spark_assets.ports.outbound import OutboundFailure
from tests.end_to_end.written_addresses import hidden, unreadable
from tests.factories.canaries import Canaries
from tests.integration.fetching.conftest import MakeSource, content, ignore

LARGEST = 1024
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nSet-Cookie: a=b\r\n\r\nx"


@asynccontextmanager
async def recorder(*answers: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that answers one request on each connection in turn, and the requests as they came, byte for byte."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answers[min(len(heard), len(answers)) - 1])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], heard


async def test_a_download_touches_no_canary_in_whatever_spelling(make_source: MakeSource, spool: Path) -> None:
    messages = set()
    with Canaries() as canaries:
        source = make_source(allow="127.0.0.1:9")
        for url in [*hidden(canaries.port), *unreadable(canaries.port, "127.0.0.1:9")]:
            with pytest.raises(IngestFailure) as failure:
                await source.fetch(url, spool, largest=LARGEST, progress=ignore)
            assert failure.value.reason == "blocked_address", url
            messages.add(failure.value.message)
        assert canaries.touched == []
    assert len(messages) == 1
    assert content(spool) is None


async def test_a_message_touches_no_canary_in_whatever_spelling() -> None:
    outbound = HttpOutbound(AddressGuard(parse_allow_list("127.0.0.1:9"), frozenset({80})), user_agent="tests")
    with Canaries() as canaries:
        for url in [*hidden(canaries.port), *unreadable(canaries.port, "127.0.0.1:9")]:
            with pytest.raises(OutboundFailure) as failure:
                await outbound.post(url, b"{}", {}, timeout=20, largest=LARGEST)
            assert failure.value.reason == "blocked_address", url
        assert canaries.touched == []
    await outbound.close()


async def test_a_download_is_one_get_with_five_lines_and_nothing_before_it(make_source: MakeSource, spool: Path) -> None:
    async with recorder(ANSWER) as (port, heard):
        await make_source().fetch(f"http://127.0.0.1:{port}/a?b=%00#c", spool, largest=LARGEST, progress=ignore)
    (request,) = heard
    first, *headers = request.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert first == "GET /a?b=%00 HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Accept: */*",
        f"Host: 127.0.0.1:{port}",
        "User-Agent: tests (mailto:someone@example.com)",
    ]


async def test_after_a_redirect_to_another_host_and_after_a_retry_the_request_is_as_bare_as_the_first(
    make_source: MakeSource, spool: Path
) -> None:
    busy = b"HTTP/1.1 503 Busy\r\nSet-Cookie: a=b\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with recorder(busy, ANSWER) as (port, heard):
        led = f"HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: http://127.0.0.1:{port}/there\r\nContent-Length: 0\r\n\r\n".encode()
        async with recorder(led) as (first_port, first_heard):
            await make_source().fetch(f"http://127.0.0.1:{first_port}/here?token=secret", spool, largest=LARGEST, progress=ignore)
    assert [request.split(b"\r\n")[0] for request in first_heard] == [b"GET /here?token=secret HTTP/1.1"] * 2
    assert [request.split(b"\r\n")[0] for request in heard] == [b"GET /there HTTP/1.1"] * 2
    for request in (*heard, *first_heard[1:]):
        names = {line.split(b":")[0].lower() for line in request.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]}
        assert names == {b"host", b"user-agent", b"accept", b"accept-encoding"}
    assert b"secret" not in b"".join(heard)
