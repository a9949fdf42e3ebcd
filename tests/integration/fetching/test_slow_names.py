"""Name servers that hang, and the downloads of everybody else."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from spark_assets.domain.errors import IngestFailure, TransientFailure
from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.download import FetchTimes, HttpSource
from spark_assets.fetching.name_lookup import SystemResolver
from tests.factories.origin import Origin, answer, run_origin
from tests.integration.fetching.conftest import content, ignore
from tests.integration.fetching.test_refusals import closed_port
from tests.unit.fetching.hanging_names import HangingNames

Run = Callable[[Coroutine[Any, Any, None]], None]
NAMES = "http://{}.example:{}/file"


@pytest.fixture
def names() -> Iterator[HangingNames]:
    """Names, those that hang until the test is over among them."""
    names = HangingNames()
    yield names
    names.release()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine, on an event loop of either kind."""
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run


@asynccontextmanager
async def open_source(resolver: SystemResolver, times: FetchTimes | None = None) -> AsyncIterator[tuple[HttpSource, Origin]]:
    """A source that looks names up with the resolver, and an origin at 127.0.0.1 that it may fetch from."""
    guard = AddressGuard(parse_allow_list("127.0.0.1"), frozenset())
    source = HttpSource(guard, user_agent="tests", times=times or FetchTimes(), resolver=resolver)
    try:
        async with run_origin({"/file": answer(b"x")}) as origin:
            yield source, origin
    finally:
        await source.close()


async def fetch(source: HttpSource, url: str, spool: Path) -> None:
    await source.fetch(url, spool, largest=9, progress=ignore)


async def fail(source: HttpSource, url: str, spool: Path) -> IngestFailure:
    """The failure of a download, after which no file is left."""
    with pytest.raises(IngestFailure) as failure:
        await fetch(source, url, spool)
    assert content(spool) is None
    return failure.value


def hang(source: HttpSource, folder: Path, number: int) -> list[asyncio.Task[IngestFailure]]:
    """Downloads from names of one zone whose look-ups hang."""
    hosts = (f"http://hangs-{each}.tarpit.example/" for each in range(number))
    return [asyncio.create_task(fail(source, url, folder / f"hangs-{each}")) for each, url in enumerate(hosts)]


def test_names_that_hang_hold_up_neither_other_names_nor_addresses(run: Run, names: HangingNames, tmp_path: Path) -> None:
    async def check() -> None:
        async with open_source(SystemResolver(names.look_up, patience=0.2), FetchTimes(connect=0.5)) as (source, origin):
            hanging = hang(source, tmp_path, 50)
            await names.wait_for(4)
            await fetch(source, NAMES.format("quick", origin.port), tmp_path / "name")
            await fetch(source, origin.url("/file"), tmp_path / "address")
            failures = await asyncio.gather(*hanging)
            # They hang still, though nobody waits for them any more.
            await fetch(source, NAMES.format("other", origin.port), tmp_path / "other")
        assert [failure.reason for failure in failures].count("connect_failed") == 4
        assert len(names.asked) == 6

    run(check())


def test_time_in_line_for_a_thread_is_not_charged_to_the_source(run: Run, names: HangingNames, tmp_path: Path) -> None:
    async def check() -> None:
        async with open_source(SystemResolver(names.look_up, most=1), FetchTimes(connect=0.2, deadline=0.3)) as (source, origin):
            (hanging,) = hang(source, tmp_path, 1)
            await names.wait_for(1)
            quick = asyncio.create_task(fetch(source, NAMES.format("quick", origin.port), tmp_path / "quick"))
            assert (await hanging).reason == "connect_failed"
            await asyncio.sleep(0.4)
            assert not quick.done()
            names.release()
            await quick
        assert content(tmp_path / "quick") == b"x"

    run(check())


def test_a_line_that_is_too_long_fails_the_attempt_and_not_the_task(run: Run, names: HangingNames, tmp_path: Path) -> None:
    async def check() -> None:
        async with open_source(SystemResolver(names.look_up, most=1, patience=0.2)) as (source, origin):
            (hanging,) = hang(source, tmp_path, 1)
            await names.wait_for(1)
            failure = await fail(source, NAMES.format("quick", origin.port) + "?token=hunter2", tmp_path / "quick")
            assert not hanging.done()
            names.release()
            await hanging
            await fetch(source, NAMES.format("quick", origin.port), tmp_path / "quick")
        assert isinstance(failure, TransientFailure)
        assert (failure.code, failure.reason) == ("DownloadFailed", "dns_failed")
        assert "hunter2" not in str(failure)

    run(check())


def test_a_name_that_hangs_is_its_own_failure_and_final(run: Run, names: HangingNames, tmp_path: Path) -> None:
    async def check() -> None:
        async with open_source(SystemResolver(names.look_up), FetchTimes(connect=0.1)) as (source, _):
            (hanging,) = hang(source, tmp_path, 1)
            failure = await hanging
        assert failure.reason == "connect_failed"
        assert not isinstance(failure, TransientFailure)

    run(check())


def test_closing_does_not_wait_for_look_ups_that_hang(run: Run, names: HangingNames, tmp_path: Path) -> None:
    async def check() -> None:
        async with open_source(SystemResolver(names.look_up), FetchTimes(connect=0.1)) as (source, _):
            await asyncio.gather(*hang(source, tmp_path, 4))
            began = time.monotonic()
            await source.close()
        assert time.monotonic() - began < 1

    run(check())


def test_blocked_refused_and_open_names_take_the_same_time(run: Run, tmp_path: Path) -> None:
    def look_up(host: str) -> list[str]:
        return ["127.0.1.1" if host.startswith("blocked") else "127.0.0.1"]

    async def check() -> None:
        async with open_source(SystemResolver(look_up)) as (source, origin):
            ports = {"blocked": origin.port, "refused": closed_port(), "open": origin.port}
            reasons = {"blocked": "blocked_address", "refused": "connect_failed", "open": "http_status"}
            medians = {}
            for kind, port in ports.items():
                times = []
                for number in range(40):
                    began = time.perf_counter()
                    failure = await fail(source, f"http://{kind}-{number}.example:{port}/missing", tmp_path / "spool")
                    times.append(time.perf_counter() - began)
                    assert failure.reason == reasons[kind]
                medians[kind] = statistics.median(times)
        assert max(medians.values()) - min(medians.values()) < 0.05

    run(check())
