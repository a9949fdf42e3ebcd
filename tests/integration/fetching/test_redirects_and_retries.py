"""Where downloads are led, and how often they are tried."""

import asyncio
import ssl
from pathlib import Path

import pytest

from spark_assets.domain.errors import IngestFailure
from spark_assets.fetching.download import FetchTimes
from tests.factories.origin import Behaviour, answer, head, in_turn, raw, redirect, run_origin
from tests.integration.fetching.conftest import MakeSource, Pauses, content, ignore

LARGEST = 1024 * 1024


async def fail(make_source: MakeSource, url: str, spool: Path, **options: object) -> IngestFailure:
    """The failure of a download, after which no file is left."""
    with pytest.raises(IngestFailure) as failure:
        await asyncio.wait_for(make_source(**options).fetch(url, spool, largest=LARGEST, progress=ignore), 5)
    assert content(spool) is None
    return failure.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(make_source: MakeSource, spool: Path, status: int) -> None:
    async with run_origin({"/from": redirect("/to?x=ä", status=status), "/to": answer(b"found")}) as origin:
        await make_source().fetch(origin.url("/from"), spool, largest=LARGEST, progress=ignore)
    assert content(spool) == b"found"
    assert origin.visits[-1].path == "/to?x=%C3%A4"
    assert "referer" not in origin.visits[-1].headers


@pytest.mark.parametrize(("hops", "followed"), [(5, True), (6, False)])
async def test_five_redirects_are_followed_and_no_more(make_source: MakeSource, spool: Path, hops: int, followed: bool) -> None:
    behaviours = {f"/{hop}": redirect(f"/{hop - 1}") for hop in range(1, hops + 1)} | {"/0": answer(b"end")}
    async with run_origin(behaviours) as origin:
        if followed:
            await make_source().fetch(origin.url(f"/{hops}"), spool, largest=LARGEST, progress=ignore)
        else:
            assert (await fail(make_source, origin.url(f"/{hops}"), spool)).reason == "too_many_redirects"
    assert origin.count("/0") == int(followed)


async def test_a_loop_of_redirects_ends(make_source: MakeSource, spool: Path) -> None:
    async with run_origin({"/file": redirect("/file")}) as origin:
        assert (await fail(make_source, origin.url("/file"), spool)).reason == "too_many_redirects"
    assert len(origin.visits) == 6


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://user:hunter2@127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "\\\\127.0.0.1\\x",
        "/with space",
        "http:///",
    ],
)
async def test_a_location_that_could_not_be_a_source_is_a_bad_redirect(make_source: MakeSource, spool: Path, location: str | None) -> None:
    async with run_origin({"/file": redirect(location)}) as origin:
        failure = await fail(make_source, origin.url("/file"), spool)
    assert failure.reason == "bad_redirect"
    assert "hunter2" not in failure.message


async def test_two_different_locations_are_a_bad_redirect(make_source: MakeSource, spool: Path) -> None:
    twice = raw(b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")
    async with run_origin({"/file": twice}) as origin:
        assert (await fail(make_source, origin.url("/file"), spool)).reason == "bad_redirect"


async def test_a_redirect_gives_the_first_hosts_place_back(make_source: MakeSource, tmp_path: Path) -> None:
    async with run_origin({"/a": answer(b"x")}, host="127.0.0.2") as second, run_origin({"/b": redirect(second.url("/a"))}) as first:
        source = make_source(allow="127.0.0.0/8", host_concurrency=1)
        fetches = (source.fetch(first.url("/b"), tmp_path / str(n), largest=LARGEST, progress=ignore) for n in range(4))
        await asyncio.wait_for(asyncio.gather(*fetches), 5)


async def test_a_redirect_from_https_to_http_is_refused(
    make_source: MakeSource, spool: Path, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server, client = tls
    async with run_origin({"/x": answer(b"x")}) as plain, run_origin({"/x": redirect(plain.url("/x"))}, tls=server) as secure:
        assert (await fail(make_source, secure.url("/x"), spool, tls=client)).reason == "bad_redirect"
    assert plain.connections == 0


async def test_a_redirect_from_http_to_https_is_followed(
    make_source: MakeSource, spool: Path, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server, client = tls
    async with run_origin({"/x": answer(b"safe")}, tls=server) as secure, run_origin({"/x": redirect(secure.url("/x"))}) as plain:
        await make_source(tls=client).fetch(plain.url("/x"), spool, largest=LARGEST, progress=ignore)
    assert content(spool) == b"safe"


async def test_an_unknown_certificate_is_a_tls_error(
    make_source: MakeSource, spool: Path, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async with run_origin({"/x": answer(b"x")}, tls=tls[0]) as origin:
        assert (await fail(make_source, origin.url("/x"), spool)).reason == "tls_error"
    assert not origin.visits


async def test_a_plain_server_spoken_to_in_tls_is_a_tls_error(make_source: MakeSource, spool: Path) -> None:
    ended = asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(head(400))
        writer.close()
        ended.set()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as plain:
        url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/"
        assert (await fail(make_source, url, spool)).reason == "tls_error"
        await ended.wait()


FAILING = [
    answer(b"", status=500),
    answer(b"", status=502),
    answer(b"", status=503),
    answer(b"", status=429),
    raw(),
    raw(reset=True),
    raw(head(headers={"Content-Length": "9"}), b"half"),
    raw(head(headers={"Content-Length": "9"}), b"half", reset=True),
]


@pytest.mark.parametrize("failing", FAILING)
async def test_a_passing_failure_is_retried_from_the_start(make_source: MakeSource, spool: Path, failing: Behaviour) -> None:
    async with run_origin({"/file": in_turn(failing, failing, failing, failing, answer(b"whole"))}) as origin:
        download = await make_source().fetch(origin.url("/file"), spool, largest=LARGEST, progress=ignore)
    assert content(spool) == b"whole"
    assert download.size == 5
    assert origin.count("/file") == 5


@pytest.mark.parametrize("failing", FAILING)
async def test_there_are_at_most_four_retries(make_source: MakeSource, spool: Path, failing: Behaviour) -> None:
    async with run_origin({"/file": failing}) as origin:
        failure = await fail(make_source, origin.url("/file"), spool)
    assert failure.reason in ("http_status", "incomplete")
    assert origin.count("/file") == 5


@pytest.mark.parametrize("reset", [False, True])
async def test_a_kept_connection_that_the_origin_closed_is_replaced_at_once(
    make_source: MakeSource, spool: Path, pauses: Pauses, reset: bool
) -> None:
    body = head(headers={"Content-Length": "1"}) + b"x"
    async with run_origin({"/file": raw(body, reset=reset)}) as origin:
        source = make_source(sleep=pauses.take)
        for _ in range(3):
            await source.fetch(origin.url("/file"), spool, largest=LARGEST, progress=ignore)
    assert origin.connections == 3
    assert pauses.taken == []


async def test_retries_wait_longer_each_time(make_source: MakeSource, spool: Path, pauses: Pauses) -> None:
    async with run_origin({"/file": answer(b"", status=503)}) as origin:
        await fail(make_source, origin.url("/file"), spool, sleep=pauses.take, chance=lambda: 1.0)
    assert pauses.taken == [0.25, 0.5, 1.0, 2.0]


async def test_a_sane_retry_after_is_honoured_and_another_is_not(make_source: MakeSource, spool: Path, pauses: Pauses) -> None:
    def asks(value: str) -> Behaviour:
        return answer(b"", status=503, headers={"Retry-After": value})

    beyond = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
    async with run_origin({"/file": in_turn(asks("7"), asks("86400"), asks(beyond), answer(b"x"))}) as origin:
        await make_source(sleep=pauses.take, chance=lambda: 1.0).fetch(origin.url("/file"), spool, largest=LARGEST, progress=ignore)
    assert pauses.taken == [7.0, 0.5, 1.0]


async def test_attempts_and_pauses_end_within_three_deadlines(make_source: MakeSource, spool: Path, pauses: Pauses) -> None:
    asks = answer(b"", status=503, headers={"Retry-After": "20"})
    async with run_origin({"/file": asks}) as origin:
        failure = await fail(make_source, origin.url("/file"), spool, sleep=pauses.take, times=FetchTimes(deadline=15))
    assert failure.reason == "http_status"
    assert pauses.taken == [20.0, 20.0]


async def test_a_redirected_download_is_retried_from_its_first_address(make_source: MakeSource, spool: Path) -> None:
    behaviours = {"/from": redirect("/to"), "/to": in_turn(answer(b"", status=503), answer(b"x"))}
    async with run_origin(behaviours) as origin:
        await make_source().fetch(origin.url("/from"), spool, largest=LARGEST, progress=ignore)
    assert origin.count("/from") == 2
