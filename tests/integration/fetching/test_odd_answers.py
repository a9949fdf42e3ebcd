"""Answers that nobody would write by accident: each ends in a file or in a failure with a reason, and never otherwise."""

import asyncio
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from spark_assets.domain.errors import IngestFailure
from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.download import FetchTimes, HttpSource
from spark_assets.ports.source import TooManyBytes
from tests.factories.origin import Visit, run_origin
from tests.integration.fetching.conftest import content, ignore

DATE = b"Mon, 01 Jan %s 00:00:00 GMT"
NUMBERS = st.sampled_from([b"0", b"1", b"-1", b"+1", b"0x1", b"1_0", b"1e3", b"\xd9\xa3", b"\xb2", b"1,1", b"9" * 20, b"9" * 5000])
VALUES = st.one_of(
    NUMBERS,
    NUMBERS.map(DATE.__mod__),
    st.text(max_size=20).map(str.encode),
    st.binary(max_size=20),
    st.binary(max_size=20).map(b"//".__add__),
    st.sampled_from([b"chunked", b"identity", b"gzip", b"close", b"upgrade"]),
)
NAMES = st.sampled_from(
    [b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Location", b"Retry-After", b"Set-Cookie", b"Connection", b"Link"]
)
STATUSES = st.one_of(st.sampled_from([b"200", b"302", b"429", b"503", b"101", b"204", b"304", b"600", b"000", b"-20"]), NUMBERS)
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b"HTTP/0.9", b"HTTP/99999999999999999999.1"])
CHUNKS = st.sampled_from([b"1\r\nx\r\n0\r\n\r\n", b"f" * 40 + b"\r\nx", b"-1\r\nx", b"1;\xff\r\nx\r\n0\r\n\xff: \xff\r\n\r\n"])
BODIES = st.one_of(st.binary(max_size=20), CHUNKS)


def compose(version: bytes, status: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """A whole answer, as it is written."""
    return b"\r\n".join([version + b" " + status + b" Whatever", *(name + b": " + value for name, value in headers), b"", body])


ANSWERS = st.builds(compose, VERSIONS, STATUSES, st.lists(st.tuples(NAMES, VALUES), max_size=4), BODIES)


def test_whatever_an_origin_answers_is_a_file_or_a_failure_with_a_reason(tmp_path: Path) -> None:
    current = b""
    spool = tmp_path / "spool"

    async def behave(visit: Visit) -> None:
        await visit.send(current)

    async def no_pause(_: float) -> None:
        return

    async def fetch(reply: bytes) -> None:
        nonlocal current
        current = reply
        spool.unlink(missing_ok=True)
        failure: Exception | None = None
        try:
            await source.fetch(origin.url("/file"), spool, largest=9, progress=ignore)
        except (IngestFailure, TooManyBytes) as error:
            failure = error
        assert bool(content(spool)) is (failure is None)
        assert not isinstance(failure, IngestFailure) or (failure.code == "DownloadFailed" and failure.reason)

    guard = AddressGuard(parse_allow_list("127.0.0.1"), frozenset())
    source = HttpSource(guard, user_agent="tests", times=FetchTimes(deadline=2), sleep=no_pause, chance=lambda: 0.0)
    serving = run_origin({"/file": behave})
    with asyncio.Runner() as runner:
        origin = runner.run(serving.__aenter__())

        @settings(max_examples=150, deadline=None)
        @given(ANSWERS)
        @example(compose(b"HTTP/1.1", b"503", [(b"Retry-After", DATE % (b"9" * 20))], b""))
        @example(compose(b"HTTP/1.1", b"200", [(b"Content-Length", b"9" * 5000)], b"x"))
        @example(compose(b"HTTP/1.1", b"9" * 20, [], b"x"))
        @example(compose(b"HTTP/1.1", b"302", [(b"Location", b"//[\xff")], b""))
        def check(reply: bytes) -> None:
            runner.run(fetch(reply))

        try:
            check()
        finally:
            runner.run(source.close())
            runner.run(serving.__aexit__(None, None, None))
