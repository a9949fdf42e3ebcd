"""Downloads that succeed, and those whose origin breaks the rules of HTTP."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from spark_assets.domain.errors import IngestFailure, InvalidParameter, TransientFailure
from spark_assets.fetching.connection import LARGEST_HEAD
from spark_assets.fetching.download import FetchTimes
from spark_assets.fetching.transfer import Rate
from spark_assets.ports.source import HEAD_LENGTH, Download, TooManyBytes
from tests.factories.origin import Behaviour, Visit, answer, chunked, drip, flood, head, raw, run_origin, wait_for
from tests.integration.fetching.conftest import MakeSource, content, ignore, mode, write_publicly

LARGEST = 64 * 1024 * 1024
SMALL = os.urandom(170_000)
BIG = os.urandom(5 * 1024 * 1024 + 17)
TRICKLE = FetchTimes(deadline=0.3)


async def fetch(make_source: MakeSource, behaviour: Behaviour, spool: Path, *, largest: int = LARGEST, **options: Any) -> Download:
    async with run_origin({"/file": behaviour}) as origin:
        return await make_source(**options).fetch(origin.url("/file"), spool, largest=largest, progress=ignore)


async def fail(make_source: MakeSource, behaviour: Behaviour, spool: Path, **options: Any) -> IngestFailure:
    """The failure of a download, after which no file is left."""
    with pytest.raises(IngestFailure) as failure:
        await asyncio.wait_for(fetch(make_source, behaviour, spool, **options), 5)
    assert failure.value.code == "DownloadFailed"
    assert content(spool) is None
    return failure.value


@pytest.mark.parametrize("body", [b"x", SMALL, BIG], ids=["one byte", "small", "big"])
async def test_a_file_arrives_whole_with_its_length_and_hash(make_source: MakeSource, spool: Path, body: bytes) -> None:
    download = await fetch(make_source, answer(body), spool)
    assert download == Download(spool, len(body), hashlib.sha256(body).hexdigest(), body[:HEAD_LENGTH])
    assert content(spool) == body
    assert mode(spool) == 0o600


@pytest.mark.parametrize(
    "behaviour",
    [
        raw(head(headers={"Transfer-Encoding": "chunked"}), chunked(SMALL[:1], SMALL[1:])),
        raw(head(headers={"Connection": "close"}), SMALL),
        raw(b"HTTP/1.0 200 OK\r\n\r\n", SMALL),
        raw(head(100), head(103, {"Link": "</a>"}), head(headers={"Content-Length": str(len(SMALL))}), SMALL),
        raw(head(100) + head(102) + head(headers={"Content-Length": str(len(SMALL))}) + SMALL),
        answer(SMALL, headers={"Content-Encoding": "identity", "Content-Type": "text/html; charset=utf-7"}),
    ],
    ids=["chunked", "until the end", "HTTP/1.0", "after 1xx", "after 1xx in one write", "identity"],
)
async def test_every_honest_framing_is_understood(make_source: MakeSource, spool: Path, behaviour: Behaviour) -> None:
    assert (await fetch(make_source, behaviour, spool)).sha256 == hashlib.sha256(SMALL).hexdigest()


async def test_an_old_file_at_the_place_is_replaced_and_made_private(make_source: MakeSource, spool: Path) -> None:
    write_publicly(spool, SMALL)
    await fetch(make_source, answer(b"new"), spool)
    assert content(spool) == b"new"
    assert mode(spool) == 0o600


async def test_the_request_says_who_asks_and_nothing_more(make_source: MakeSource, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with run_origin({"/file": answer(b"x", headers={"Set-Cookie": "a=b"}, keep_alive=True)}) as origin:
        source = make_source()
        for _ in range(2):
            await source.fetch(origin.url("/file?sig=%2B"), spool, largest=1, progress=ignore)
    for visit in origin.visits:
        assert visit.path == "/file?sig=%2B"
        assert visit.headers == {
            "host": f"127.0.0.1:{origin.port}",
            "user-agent": "tests (mailto:someone@example.com)",
            "accept": "*/*",
            "accept-encoding": "identity",
        }
    assert origin.connections == 1


async def test_progress_is_told_with_the_declared_total(make_source: MakeSource, spool: Path) -> None:
    told: list[tuple[int, int | None]] = []
    async with run_origin({"/file": answer(BIG)}) as origin:
        await make_source().fetch(origin.url("/file"), spool, largest=LARGEST, progress=lambda *step: told.append(step))
    assert told[-1] == (len(BIG), len(BIG))
    assert told == sorted(told)


async def test_a_declared_length_above_the_limit_is_refused_before_the_body(make_source: MakeSource, spool: Path) -> None:
    with pytest.raises(TooManyBytes) as refusal:
        await fetch(make_source, raw(head(headers={"Content-Length": "101"})), spool, largest=100)
    assert refusal.value.declared == 101
    assert content(spool) is None


@pytest.mark.parametrize("headers", [{"Connection": "close"}, {"Transfer-Encoding": "chunked"}], ids=["until the end", "chunked"])
async def test_an_endless_body_is_cut_at_the_limit(make_source: MakeSource, spool: Path, headers: dict[str, str]) -> None:
    wave = b"10000\r\n" + bytes(65536) + b"\r\n"
    with pytest.raises(TooManyBytes) as refusal:
        await fetch(make_source, flood(head(headers=headers), wave), spool, largest=3_000_000)
    assert refusal.value.declared is None
    assert content(spool) is None


async def test_a_body_of_exactly_the_limit_is_taken(make_source: MakeSource, spool: Path) -> None:
    assert (await fetch(make_source, answer(SMALL), spool, largest=len(SMALL))).size == len(SMALL)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (raw(head(headers={"Content-Length": "10"}), b"short"), "incomplete"),
        (raw(head(headers={"Content-Length": "10"}), b"short", reset=True), "incomplete"),
        (raw(head(headers={"Connection": "close"}), b"short", reset=True), "incomplete"),
        (raw(head(headers={"Content-Length": "5"}), b"longer than that"), "incomplete"),
        (raw(head(headers={"Content-Length": "5"}) + b"longer than that"), "incomplete"),
        (raw(head(headers={"Transfer-Encoding": "chunked"}), b"5\r\nshort\r\n"), "incomplete"),
        (raw(head(headers={"Transfer-Encoding": "chunked"}), b"ff\r\nshort"), "incomplete"),
        (raw(head(headers={"Transfer-Encoding": "chunked"}), b"zz\r\nwhat\r\n0\r\n\r\n"), "bad_response"),
        (raw(head(headers={"Transfer-Encoding": "chunked"}) + b"zz\r\nwhat\r\n0\r\n\r\n"), "bad_response"),
        (raw(head(headers={"Transfer-Encoding": "chunked"}), b"5\r\nshort\r\n", b"5\r\nlonger than that\r\n"), "bad_response"),
        (raw(head(headers={"Transfer-Encoding": "chunked", "Content-Length": "5"}), b"short"), "bad_response"),
        (raw(), "incomplete"),
        (raw(reset=True), "incomplete"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "incomplete"),
        (raw(b"220 mail.example.com ESMTP\r\n\r\n"), "bad_response"),
        (raw(b"\x00\x01\x02\x03\r\n\r\n"), "bad_response"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "bad_response"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"), "bad_response"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort"), "bad_response"),
        (raw(head(headers={"X": "y" * 9000, "Content-Length": "1"}), b"x"), "bad_response"),
        (raw(head(headers={f"X-{n}": "y" for n in range(200)} | {"Content-Length": "1"}), b"x"), "bad_response"),
        (raw(head(headers={f"X-{n}": "y" * 8000 for n in range(10)} | {"Content-Length": "1"}), b"x"), "bad_response"),
        (flood(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000), "bad_response"),
        (flood(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000), "bad_response"),
        (flood(b"", head(100)), "bad_response"),
        (flood(b"", head(103, {"Link": "<a>" * 500})), "bad_response"),
        (raw(head(100) * 17 + head(headers={"Content-Length": "1"}) + b"x"), "bad_response"),
        (answer(b""), "empty_body"),
        (raw(head(headers={"Connection": "close"})), "empty_body"),
        (raw(head(headers={"Transfer-Encoding": "chunked"}), b"0\r\n\r\n"), "empty_body"),
        (answer(b"x", headers={"Content-Encoding": "gzip"}), "bad_encoding"),
        (answer(b"x", headers={"Content-Encoding": "identity, br"}), "bad_encoding"),
        (answer(b"x", headers={"Content-Encoding": "unknown"}), "bad_encoding"),
        (raw(head(headers={"Transfer-Encoding": "gzip, chunked"}), chunked(b"x")), "bad_encoding"),
        (answer(b"x", status=204), "http_status"),
        (answer(b"x", status=206, headers={"Content-Range": "bytes 0-0/1"}), "http_status"),
        (answer(b"x", status=304), "http_status"),
        (raw(head(101, {"Upgrade": "websocket", "Connection": "upgrade"})), "http_status"),
    ],
)
async def test_a_broken_answer_has_its_reason(make_source: MakeSource, spool: Path, behaviour: Behaviour, reason: str) -> None:
    assert (await fail(make_source, behaviour, spool)).reason == reason


async def test_headers_just_within_the_cap_are_taken(make_source: MakeSource, spool: Path) -> None:
    many = {f"X-{n}": "y" * 8000 for n in range(LARGEST_HEAD // 8100)}
    assert (await fetch(make_source, answer(SMALL, headers=many), spool)).size == len(SMALL)


@pytest.mark.parametrize(
    "behaviour",
    [
        drip(head(headers={"Content-Length": "1000"}), b"x", 0.02),
        drip(head(headers={"Transfer-Encoding": "chunked"}), b"1\r\nx\r\n", 0.02),
        drip(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.02),
        drip(b"", head(102), 0.05),
        wait_for(asyncio.Event(), raw()),
    ],
    ids=["body", "chunks", "headers", "1xx", "silence"],
)
async def test_a_drip_does_not_extend_the_deadline(make_source: MakeSource, spool: Path, behaviour: Behaviour) -> None:
    failure = await fail(make_source, behaviour, spool, times=TRICKLE)
    assert failure.reason == "timeout"
    assert "0.3 s" in failure.message


@pytest.mark.parametrize("drop", [b"x", b""], ids=["slow", "stalled"])
async def test_a_body_below_the_least_rate_is_given_up_before_the_deadline(make_source: MakeSource, spool: Path, drop: bytes) -> None:
    times = FetchTimes(rate=Rate(minimum=1000, grace=0.2))
    failure = await fail(make_source, drip(head(headers={"Content-Length": "9999"}) + bytes(50), drop, 0.02), spool, times=times)
    assert failure.reason == "timeout"
    assert "1000 bytes a second" in failure.message


@pytest.mark.parametrize(("status", "hint"), [(403, True), (404, True), (410, True), (400, False), (401, False), (416, False)])
async def test_another_status_is_named_and_final(make_source: MakeSource, spool: Path, status: int, hint: bool) -> None:
    async with run_origin({"/file": answer(b"secret page", status=status)}) as origin:
        with pytest.raises(IngestFailure) as failure:
            await make_source().fetch(origin.url("/file?token=hunter2"), spool, largest=LARGEST, progress=ignore)
    assert failure.value.reason == "http_status"
    assert str(status) in failure.value.message
    assert ("expired" in failure.value.message) is hint
    assert "hunter2" not in str(failure.value)
    assert origin.count("/file") == 1


async def test_bytes_after_an_answer_are_never_taken_for_the_next_one(make_source: MakeSource, spool: Path) -> None:
    forged = head(headers={"Content-Length": "6"}) + b"forged"
    late = asyncio.Event()

    async def poison(visit: Visit) -> None:
        await answer(b"first!", keep_alive=True)(visit)
        await late.wait()
        await visit.send(forged)

    async with run_origin({"/one": poison, "/two": answer(b"second")}) as origin:
        source = make_source()
        await source.fetch(origin.url("/one"), spool, largest=LARGEST, progress=ignore)
        late.set()
        await asyncio.sleep(0.05)
        await source.fetch(origin.url("/two"), spool, largest=LARGEST, progress=ignore)
    assert content(spool) == b"second"


@pytest.mark.parametrize("after", [100, 3_000_000], ids=["early", "while a thread writes"])
async def test_cancelling_removes_the_file(make_source: MakeSource, spool: Path, after: int) -> None:
    arrived = asyncio.Event()

    def watch(received: int, total: int | None) -> None:
        if received >= after:
            arrived.set()

    behaviour = drip(head(headers={"Content-Length": str(LARGEST)}) + bytes(after), bytes(100_000), 0.001)
    async with run_origin({"/file": behaviour}) as origin:
        task = asyncio.create_task(make_source().fetch(origin.url("/file"), spool, largest=LARGEST, progress=watch))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert content(spool) is None


async def test_a_spool_that_cannot_be_written_is_our_fault_and_passes(make_source: MakeSource, tmp_path: Path) -> None:
    with pytest.raises(TransientFailure) as failure:
        await fetch(make_source, answer(b"x"), tmp_path / "missing" / "spool")
    assert (failure.value.code, failure.value.reason) == ("InternalError", "storage_unavailable")
    assert str(tmp_path) not in str(failure.value)


async def test_a_full_disk_is_told_from_the_writing_thread(make_source: MakeSource, spool: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of file size are a Unix matter")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 1024 * 1024, before[1]))
    try:
        with pytest.raises(TransientFailure):
            await fetch(make_source, answer(BIG), spool)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert content(spool) is None


async def test_a_slow_host_holds_only_its_share(make_source: MakeSource, tmp_path: Path) -> None:
    release = asyncio.Event()
    async with (
        run_origin({"/file": wait_for(release, answer(b"slow"))}) as slow,
        run_origin({"/file": answer(b"quick")}, host="127.0.0.2") as quick,
    ):
        source = make_source(allow="127.0.0.0/8", host_concurrency=2, times=FetchTimes(deadline=5))
        waiting = [
            asyncio.create_task(source.fetch(slow.url("/file"), tmp_path / f"{number}", largest=LARGEST, progress=ignore))
            for number in range(5)
        ]
        await source.fetch(quick.url("/file"), tmp_path / "quick", largest=LARGEST, progress=ignore)
        assert len(slow.visits) <= 2
        release.set()
        await asyncio.gather(*waiting)
    assert len(slow.visits) == 5


async def test_waiting_in_line_does_not_use_up_the_deadline(make_source: MakeSource, tmp_path: Path) -> None:
    async def pause(visit: Visit) -> None:
        await asyncio.sleep(0.15)
        await answer(b"x")(visit)

    async with run_origin({"/file": pause}) as origin:
        source = make_source(host_concurrency=1, times=FetchTimes(deadline=0.4))
        await asyncio.gather(
            *(source.fetch(origin.url("/file"), tmp_path / f"{number}", largest=LARGEST, progress=ignore) for number in range(5))
        )


def test_check_needs_no_network_and_no_event_loop(make_source: MakeSource) -> None:
    source = make_source()
    source.check("https://example.invalid/x")
    with pytest.raises(InvalidParameter):
        source.check("file:///etc/passwd")


def test_a_user_agent_that_would_break_the_request_is_refused(make_source: MakeSource) -> None:
    with pytest.raises(ValueError, match="printable"):
        make_source(user_agent="a\r\nHost: b")
