"""Every answer of the catalogue of hostile ones ends in its reason, in its time, and leaves nothing behind."""

import asyncio
import ssl
import threading
from pathlib import Path

import pytest

from spark_assets.domain.errors import IngestFailure
from spark_assets.fetching.download import FetchTimes, HttpSource
from spark_assets.fetching.transfer import Rate
from spark_assets.ports.source import TooManyBytes
from tests.factories.hostile_answers import AT_ONCE, DOORSTEPS, HOSTILE, INTERRUPTED, SLOW, TOO_LARGE, Hostile
from tests.factories.origin import Behaviour, Visit, answer, chunked, drip, head, in_turn, raw, run_origin
from tests.integration.fetching.conftest import MakeSource, Pauses, content, ignore

LARGEST = 3_000_000
PATIENCE = 10.0
DEADLINE = 0.4


async def outcome(source: HttpSource, url: str, spool: Path) -> str:
    """The reason that a download fails with; no file may be left."""
    try:
        await asyncio.wait_for(source.fetch(url, spool, largest=LARGEST, progress=ignore), PATIENCE)
    except TooManyBytes:
        reason = TOO_LARGE
    except IngestFailure as failure:
        reason = str(failure.reason)
    else:
        return "none"
    assert content(spool) is None
    return reason


@pytest.mark.parametrize("name", [*AT_ONCE, *INTERRUPTED])
async def test_a_hostile_answer_has_its_reason(make_source: MakeSource, spool: Path, name: str) -> None:
    hostile = HOSTILE[name]
    async with run_origin({"/file": hostile.behaviour}) as origin:
        assert await outcome(make_source(), origin.url("/file"), spool) == hostile.reason
    assert len(origin.visits) <= 6


async def test_nothing_that_stalls_or_drips_lasts_longer_than_the_deadline(make_source: MakeSource, tmp_path: Path) -> None:
    source = make_source(times=FetchTimes(deadline=DEADLINE), host_concurrency=len(SLOW))
    async with run_origin({f"/{number}": slow.behaviour for number, slow in enumerate(SLOW.values())}) as origin:
        began = asyncio.get_running_loop().time()
        reasons = await asyncio.gather(*(outcome(source, origin.url(f"/{number}"), tmp_path / str(number)) for number in range(len(SLOW))))
        lasted = asyncio.get_running_loop().time() - began
    assert dict(zip(SLOW, reasons, strict=True)) == dict.fromkeys(SLOW, "timeout")
    assert lasted < 5 * DEADLINE


@pytest.mark.parametrize("hostile", DOORSTEPS.values(), ids=list(DOORSTEPS))
async def test_a_connection_that_ends_before_the_request_is_read_has_its_reason(
    make_source: MakeSource, spool: Path, hostile: Hostile
) -> None:
    async with run_origin({}, doorstep=hostile.behaviour) as origin:
        assert await outcome(make_source(), origin.url("/file"), spool) == hostile.reason
    assert 1 <= origin.connections <= 5


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\n\r\n"])
@pytest.mark.parametrize("seam", range(5))
async def test_a_large_body_behind_headers_that_end_in_two_reads_is_taken_whole(
    make_source: MakeSource, spool: Path, end: bytes, seam: int
) -> None:
    body = b"\r\n\r\n".join([bytes(100_000)] * 4)
    section = b"HTTP/1.1 200 OK\nContent-Length: %d" % len(body) + end
    cut = len(section) - min(seam, len(end))

    async def in_two_reads(visit: Visit) -> None:
        await visit.send(head(103) + section[:cut])
        for _ in range(5):  # the client has the same event loop, and reads in each round of it
            await asyncio.sleep(0)
        await visit.send(section[cut:] + body)

    async with run_origin({"/file": in_two_reads}) as origin:
        assert await outcome(make_source(), origin.url("/file"), spool) == "none"
    assert content(spool) == body


@pytest.mark.parametrize("size", [1, 7, 24])
async def test_a_file_in_small_chunks_is_taken_whole(make_source: MakeSource, spool: Path, size: int) -> None:
    body = bytes(range(256)) * 390
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    async with run_origin({"/file": raw(head(headers={"Transfer-Encoding": "chunked"}), chunked(*chunks))}) as origin:
        assert await outcome(make_source(), origin.url("/file"), spool) == "none"
    assert content(spool) == body


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 429])
async def test_a_status_that_may_pass_is_asked_for_five_times(make_source: MakeSource, spool: Path, status: int) -> None:
    async with run_origin({"/file": answer(b"", status=status)}) as origin:
        assert await outcome(make_source(), origin.url("/file"), spool) == "http_status"
    assert origin.count("/file") == 5


@pytest.mark.parametrize("status", [204, 206, 304, 400, 404, 408, 410, 425, 451, 600, 999])
async def test_every_other_status_is_final(make_source: MakeSource, spool: Path, status: int) -> None:
    async with run_origin({"/file": answer(b"", status=status)}) as origin:
        assert await outcome(make_source(), origin.url("/file"), spool) == "http_status"
    assert origin.count("/file") == 1


async def test_kept_connections_that_have_all_been_closed_meanwhile_cost_no_retry(
    make_source: MakeSource, tmp_path: Path, pauses: Pauses
) -> None:
    everyone, kept = asyncio.Barrier(4), set[int]()

    async def keep(visit: Visit) -> None:
        kept.add(visit.connection)
        await everyone.wait()
        await answer(b"x", keep_alive=True)(visit)

    async def close_if_kept(visit: Visit) -> None:
        await (raw() if visit.connection in kept else answer(b"whole"))(visit)

    async with run_origin({"/keep": keep, "/file": close_if_kept}) as origin:
        source = make_source(sleep=pauses.take)
        await asyncio.gather(*(outcome(source, origin.url("/keep"), tmp_path / str(number)) for number in range(4)))
        assert await outcome(source, origin.url("/file"), tmp_path / "file") == "none"
    assert origin.connections == 5
    assert pauses.taken == []


@pytest.mark.parametrize("name", INTERRUPTED)
async def test_a_file_that_changes_between_attempts_is_that_of_the_last_one_alone(make_source: MakeSource, spool: Path, name: str) -> None:
    later = in_turn(INTERRUPTED[name].behaviour, raw(head(headers={"Content-Length": "9"}), b"other", reset=True), answer(b"last"))
    async with run_origin({"/file": later}) as origin:
        assert await outcome(make_source(), origin.url("/file"), spool) == "none"
    assert content(spool) == b"last"


async def test_a_large_file_that_shrinks_between_attempts_leaves_nothing_of_the_first(make_source: MakeSource, spool: Path) -> None:
    large = raw(head(headers={"Content-Length": "2500000"}), b"x" * 2_400_000, reset=True)
    async with run_origin({"/file": in_turn(large, answer(b"small"))}) as origin:
        assert await outcome(make_source(), origin.url("/file"), spool) == "none"
    assert content(spool) == b"small"


FORGED = head(headers={"Content-Length": "6"}) + b"forged"
POISONS: dict[str, tuple[Behaviour, str]] = {
    "a file": (answer(b"first!", keep_alive=True), "none"),
    "chunks": (raw(head(headers={"Transfer-Encoding": "chunked"}), chunked(b"first!")), "none"),
    "a refusal": (answer(b"", status=404, keep_alive=True), "http_status"),
    "no content": (raw(head(204)), "http_status"),
    "not modified": (raw(head(304, {"Content-Length": "6"})), "http_status"),
}


@pytest.mark.parametrize("name", POISONS)
@pytest.mark.parametrize("secret", [False, True], ids=["plain", "tls"])
async def test_an_answer_that_lies_in_wait_on_a_kept_connection_is_never_read(
    make_source: MakeSource, spool: Path, tls: tuple[ssl.SSLContext, ssl.SSLContext], name: str, secret: bool
) -> None:
    first, reason = POISONS[name]
    is_due, has_been_sent = threading.Event(), threading.Event()

    async def poison(visit: Visit) -> None:
        await first(visit)
        visit.keep_alive = True
        await asyncio.to_thread(is_due.wait, PATIENCE)
        await visit.send(FORGED)
        has_been_sent.set()

    async def serve_elsewhere() -> None:
        async with run_origin({"/one": poison, "/two": answer(b"second")}, tls=tls[0] if secret else None) as origin:
            urls.extend([origin.url("/one"), origin.url("/two")])
            ready.set()
            await asyncio.to_thread(stop.wait)

    urls: list[str] = []
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve_elsewhere()))
    thread.start()
    try:
        await asyncio.to_thread(ready.wait, PATIENCE)
        source = make_source(tls=tls[1])
        assert await outcome(source, urls[0], spool) == reason
        is_due.set()
        # This event loop stands still meanwhile, so that it cannot notice: the forged bytes are there when the next request begins.
        assert has_been_sent.wait(PATIENCE)
        assert await outcome(source, urls[1], spool) == "none"
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert content(spool) == b"second"


async def test_a_handshake_that_stands_still_ends_with_the_time_to_connect(make_source: MakeSource, spool: Path) -> None:
    async with run_origin({}, doorstep=SLOW["silence"].behaviour) as origin:
        url = origin.url("/file").replace("http:", "https:")
        assert await outcome(make_source(times=FetchTimes(connect=0.2)), url, spool) == "connect_failed"
    assert origin.connections == 1


async def test_a_handshake_that_drips_ends_with_the_time_to_connect(make_source: MakeSource, spool: Path) -> None:
    """The first bytes of a long record, and then one after the other."""
    async with run_origin({}, doorstep=drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\0", 0.01)) as origin:
        url = origin.url("/file").replace("http:", "https:")
        assert await outcome(make_source(times=FetchTimes(connect=0.2)), url, spool) in {"connect_failed", "tls_error"}
    assert origin.connections == 1


@pytest.mark.parametrize("doorstep", [raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), raw(b"\x15\x03\x01\x00\x02\x02\x28"), raw(bytes(100))])
async def test_whoever_does_not_speak_tls_is_a_tls_error(make_source: MakeSource, spool: Path, doorstep: Behaviour) -> None:
    async with run_origin({}, doorstep=doorstep) as origin:
        assert await outcome(make_source(), origin.url("/file").replace("http:", "https:"), spool) == "tls_error"
    assert origin.connections == 1


@pytest.mark.parametrize("doorstep", DOORSTEPS.values(), ids=list(DOORSTEPS))
async def test_a_handshake_that_is_broken_off_is_tried_again(make_source: MakeSource, spool: Path, doorstep: Hostile) -> None:
    async with run_origin({}, doorstep=doorstep.behaviour) as origin:
        assert await outcome(make_source(), origin.url("/file").replace("http:", "https:"), spool) == "incomplete"
    assert origin.connections == 5


async def test_a_certificate_of_another_name_is_a_tls_error(
    make_source: MakeSource, spool: Path, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async with run_origin({"/file": answer(b"x")}, tls=tls[0], host="127.0.0.2") as origin:
        source = make_source(allow="127.0.0.0/8", tls=tls[1])
        assert await outcome(source, origin.url("/file"), spool) == "tls_error"
    assert not origin.visits


@pytest.mark.parametrize("name", ["length too long", "endless extension", "stall in the body", "reset before the end of the body"])
async def test_tls_changes_nothing(make_source: MakeSource, spool: Path, tls: tuple[ssl.SSLContext, ssl.SSLContext], name: str) -> None:
    async with run_origin({"/file": HOSTILE[name].behaviour}, tls=tls[0]) as origin:
        source = make_source(tls=tls[1], times=FetchTimes(rate=Rate(grace=DEADLINE)))
        assert await outcome(source, origin.url("/file"), spool) == HOSTILE[name].reason
