"""Messages through the address guard, to receivers that behave well, badly, slowly or not at all."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.outbound import HttpOutbound
from spark_assets.ports.outbound import OutboundFailure, Reply
from tests.factories.origin import answer, chunked, drip, flood, head, raw, redirect, run_origin, wait_for
from tests.integration.fetching.test_refusals import closed_port

MakeOutbound = Callable[..., HttpOutbound]
LARGEST = 1024
SOON = 0.4
"""Seconds; what is allowed in tests of what never ends."""
ENOUGH = 20.0


@pytest.fixture
async def make_outbound() -> AsyncIterator[MakeOutbound]:
    """Outbounds that may post to `allow` (127.0.0.1 unless told), closed at the end."""
    made: list[HttpOutbound] = []

    def make(*, allow: str = "127.0.0.1", own: tuple[tuple[str, int], ...] = (), **options: Any) -> HttpOutbound:
        guard = AddressGuard(parse_allow_list(allow), frozenset({80}), own)
        made.append(HttpOutbound(guard, **{"user_agent": "tests (mailto:someone@example.com)", **options}))
        return made[-1]

    yield make
    for outbound in made:
        await outbound.close()


async def _post(outbound: HttpOutbound, url: str, *, body: bytes = b"{}", timeout: float = ENOUGH, **headers: str) -> Reply:
    async with asyncio.timeout(ENOUGH):
        return await outbound.post(url, body, headers, timeout=timeout, largest=LARGEST)


async def _reason(outbound: HttpOutbound, url: str, timeout: float = ENOUGH) -> str:
    with pytest.raises(OutboundFailure) as failure:
        await _post(outbound, url, timeout=timeout)
    assert "127.0.0" not in failure.value.message
    return failure.value.reason


async def test_a_message_arrives_as_it_was_sent_and_the_answer_comes_back(make_outbound: MakeOutbound) -> None:
    body = bytes(range(256)) * 8192  # larger than aiohttp takes without complaint
    async with run_origin({"/in": answer(b"thanks", status=202)}) as origin:
        reply = await _post(make_outbound(), origin.url("/in?a=1"), body=body, Authorization="Bearer secret", Accept="text/plain")
    assert reply == Reply(202, b"thanks", True)
    (visit,) = origin.visits
    assert (visit.path, visit.body) == ("/in?a=1", body)
    assert visit.headers["authorization"] == "Bearer secret"
    assert visit.headers["accept"] == "text/plain"
    assert visit.headers["user-agent"] == "tests (mailto:someone@example.com)"
    assert visit.headers["accept-encoding"] == "identity"
    assert "transfer-encoding" not in visit.headers


async def test_each_message_has_a_connection_of_its_own_and_cookies_are_not_kept(make_outbound: MakeOutbound) -> None:
    outbound = make_outbound()
    async with run_origin({"/in": answer(b"", headers={"Set-Cookie": "a=b"}, keep_alive=True)}) as origin:
        for _ in range(3):
            assert (await _post(outbound, origin.url("/in"))).status == 200
    assert origin.connections == 3
    assert all("cookie" not in visit.headers for visit in origin.visits)


async def test_a_redirect_is_an_answer_and_is_not_followed(make_outbound: MakeOutbound) -> None:
    async with run_origin({"/there": answer(b"secret")}) as there, run_origin({"/in": redirect(there.url("/there"), status=307)}) as origin:
        assert (await _post(make_outbound(), origin.url("/in"))).status == 307
    assert there.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.2", "[::ffff:127.0.0.2]", "[::1]"])
async def test_a_refused_address_is_not_touched(make_outbound: MakeOutbound, host: str) -> None:
    async with run_origin({"/": answer(b"")}, host="127.0.0.2") as canary:
        assert await _reason(make_outbound(), f"http://{host}:{canary.port}/") == "blocked_address"
    assert canary.connections == 0


async def test_an_own_address_is_refused_unless_its_port_is_allowed(make_outbound: MakeOutbound) -> None:
    async with run_origin({"/": answer(b"")}) as origin:
        own = (("127.0.0.1", origin.port),)
        assert await _reason(make_outbound(own=own), origin.url("/")) == "blocked_address"
        assert (await _post(make_outbound(own=own, allow=f"127.0.0.1:{origin.port}"), origin.url("/"))).status == 200


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://user:word@127.0.0.1/", "http://127.1/", "nonsense", "http://127.0.0.1:0/"])
async def test_what_is_no_plain_http_address_is_refused(make_outbound: MakeOutbound, url: str) -> None:
    assert await _reason(make_outbound(), url) == "blocked_address"


class _Names:
    """A resolver that gives the same addresses for every name."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Those addresses."""
        return self.addresses


async def test_a_name_with_any_refused_address_is_refused_whole(make_outbound: MakeOutbound) -> None:
    async with run_origin({"/": answer(b"")}) as origin:
        url = f"http://name.example:{origin.port}/"
        assert (await _post(make_outbound(resolver=_Names("127.0.0.1")), url)).status == 200
        assert await _reason(make_outbound(resolver=_Names("127.0.0.1", "10.0.0.1")), url) == "blocked_address"
        assert await _reason(make_outbound(resolver=_Names()), url) == "dns_failed"
    assert origin.connections == 1


async def test_proxies_and_netrc_of_the_environment_play_no_part(
    make_outbound: MakeOutbound, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with run_origin({}) as proxy, run_origin({"/": answer(b"")}) as origin:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        assert (await _post(make_outbound(), origin.url("/"))).status == 200
    assert proxy.connections == 0
    assert "authorization" not in origin.visits[0].headers


@pytest.mark.parametrize(
    "behaviour",
    [answer(bytes(LARGEST + 1)), flood(head(headers={"Content-Length": str(10**12)}), bytes(65_536)), raw(head(), bytes(LARGEST + 1))],
    ids=["declared", "endless", "undeclared"],
)
async def test_of_a_huge_answer_only_the_beginning_is_read(make_outbound: MakeOutbound, behaviour: Any) -> None:
    async with run_origin({"/": behaviour}) as origin:
        assert await _post(make_outbound(), origin.url("/")) == Reply(200, bytes(LARGEST), False)


async def test_an_answer_at_the_limit_is_whole(make_outbound: MakeOutbound) -> None:
    async with run_origin({"/": raw(head(headers={"Transfer-Encoding": "chunked"}), chunked(bytes(1000), bytes(24)))}) as origin:
        assert await _post(make_outbound(), origin.url("/")) == Reply(200, bytes(LARGEST), True)


@pytest.mark.parametrize(
    "behaviour",
    [
        wait_for(asyncio.Event(), answer(b"")),
        drip(head(headers={"Content-Length": "1000"}), b".", 0.02),
        drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.05),
    ],
    ids=["silence", "drops", "hints"],
)
async def test_an_answer_that_takes_too_long_is_not_waited_for(make_outbound: MakeOutbound, behaviour: Any) -> None:
    began = asyncio.get_running_loop().time()
    async with run_origin({"/": behaviour}) as origin:
        assert await _reason(make_outbound(), origin.url("/"), timeout=SOON) == "timeout"
    assert asyncio.get_running_loop().time() - began < ENOUGH / 2


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (raw(b""), "incomplete"),
        (raw(b"", reset=True), "incomplete"),
        (raw(head(headers={"Content-Length": "100"}), b"half"), "incomplete"),
        (raw(b"SMTP ready\r\n\r\n"), "bad_response"),
        (raw(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 100_000 + b"\r\n\r\n"), "bad_response"),
        (flood(b"HTTP/1.1 200 OK\r\n", b"X-Header: value\r\n"), "bad_response"),
    ],
    ids=["closed", "reset", "half", "not HTTP", "long header", "many headers"],
)
async def test_a_broken_answer_is_a_failure(make_outbound: MakeOutbound, behaviour: Any, reason: str) -> None:
    async with run_origin({"/": behaviour}) as origin:
        assert await _reason(make_outbound(), origin.url("/")) == reason
        assert origin.count("/") == 1


async def test_a_port_that_nobody_listens_on_is_a_failure(make_outbound: MakeOutbound) -> None:
    assert await _reason(make_outbound(), f"http://127.0.0.1:{closed_port()}/") == "connect_failed"


async def test_the_receiver_must_prove_its_identity(make_outbound: MakeOutbound, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async with run_origin({"/": answer(b"hello")}, tls=tls[0]) as origin:
        assert (await _post(make_outbound(tls=tls[1]), origin.url("/"))).body == b"hello"
        assert await _reason(make_outbound(), origin.url("/")) == "tls_error"
