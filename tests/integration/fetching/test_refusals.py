"""Addresses that must not be touched, and what a stranger learns from the refusal."""

import asyncio
import socket
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from spark_assets.domain.errors import IngestFailure
from spark_assets.fetching.connection import MOST_ADDRESSES
from spark_assets.fetching.download import FetchTimes, HttpSource
from tests.factories.origin import answer, in_turn, raw, redirect, run_origin
from tests.integration.fetching.conftest import MakeSource, Pauses, content, ignore

LARGEST = 1024


class Names:
    """A resolver that answers what it is told, one answer after the other; the last one stays."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The next answer for the first label of the name."""
        self.asked.append(host)
        answers = self.answers.get(host.partition(".")[0])
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known 10.11.12.13")
        return answers[min(self.asked.count(host), len(answers)) - 1]


async def fail(source: HttpSource, url: str, spool: Path) -> IngestFailure:
    """The failure of a download, after which no file is left."""
    with pytest.raises(IngestFailure) as failure:
        await asyncio.wait_for(source.fetch(url, spool, largest=LARGEST, progress=ignore), 5)
    assert content(spool) is None
    return failure.value


def closed_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.2", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "[::ffff:0:127.0.0.2]", "[64:ff9b::127.0.0.2]", "\uff11\uff12\uff17.0.0.2"],
)
async def test_the_canary_is_not_touched_directly(make_source: MakeSource, spool: Path, host: str) -> None:
    async with run_origin({"/": answer(b"secret")}, host="127.0.0.2") as canary:
        assert (await fail(make_source(), f"http://{host}:{canary.port}/", spool)).reason == "blocked_address"
    assert canary.connections == 0


async def test_the_canary_is_not_touched_through_a_redirect(make_source: MakeSource, spool: Path) -> None:
    async with run_origin({"/": answer(b"secret")}, host="127.0.0.2") as canary, run_origin({"/": redirect(canary.url("/"))}) as origin:
        assert (await fail(make_source(), origin.url("/"), spool)).reason == "blocked_address"
    assert canary.connections == 0
    assert origin.connections == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.2"],
        ["127.0.0.1", "127.0.0.2"],
        ["127.0.0.2", "127.0.0.1"],
        ["127.0.0.1", "::1"],
        ["127.0.0.1", "::ffff:127.0.0.2"],
        ["127.0.0.1", "10.0.0.1"],
        ["127.0.0.1", "fe80::1%lo"],
        ["127.0.0.1", "not an address"],
    ],
)
async def test_a_name_with_any_refused_address_is_refused_whole(make_source: MakeSource, spool: Path, addresses: list[str]) -> None:
    async with (
        run_origin({"/": answer(b"secret")}, host="127.0.0.2") as canary,
        run_origin({"/": answer(b"x")}, port=canary.port) as origin,
    ):
        source = make_source(resolver=Names(mixed=[addresses]))
        assert (await fail(source, f"http://mixed.example:{origin.port}/", spool)).reason == "blocked_address"
    assert canary.connections == origin.connections == 0


async def test_a_name_that_changes_its_address_between_attempts_is_judged_again(make_source: MakeSource, spool: Path) -> None:
    async with run_origin({"/": answer(b"secret")}, host="127.0.0.2") as canary, run_origin({"/": raw()}, port=canary.port) as origin:
        source = make_source(resolver=Names(rebinding=[["127.0.0.1"], ["127.0.0.2"]]))
        assert (await fail(source, f"http://rebinding.example:{origin.port}/", spool)).reason == "blocked_address"
    assert (origin.connections, canary.connections) == (1, 0)


async def test_a_name_that_changes_its_address_between_redirects_is_judged_again(make_source: MakeSource, spool: Path) -> None:
    bounce = raw(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    async with run_origin({"/": answer(b"secret")}, host="127.0.0.2") as canary, run_origin({"/": bounce}, port=canary.port) as origin:
        source = make_source(resolver=Names(rebinding=[["127.0.0.1"], ["127.0.0.2"]]))
        assert (await fail(source, f"http://rebinding.example:{origin.port}/", spool)).reason == "blocked_address"
    assert (origin.connections, canary.connections) == (1, 0)


async def test_the_name_is_asked_for_once_for_each_connection(make_source: MakeSource, spool: Path) -> None:
    names = Names(moody=[["127.0.0.1"], ["127.0.0.2"]])
    async with run_origin({"/": answer(b"x")}) as origin:
        await make_source(resolver=names).fetch(f"http://moody.example:{origin.port}/", spool, largest=LARGEST, progress=ignore)
    assert names.asked == ["moody.example"]


async def test_a_name_may_have_several_addresses_of_which_one_answers(make_source: MakeSource, spool: Path) -> None:
    async with run_origin({"/": answer(b"x")}) as origin:
        source = make_source(allow="127.0.0.0/8", resolver=Names(many=[["127.0.0.3", "127.0.0.1"]]))
        await source.fetch(f"http://many.example:{origin.port}/", spool, largest=LARGEST, progress=ignore)
    assert content(spool) == b"x"
    assert origin.visits[0].headers["host"] == f"many.example:{origin.port}"


async def test_the_system_resolver_finds_loopback_and_it_is_refused(make_source: MakeSource, spool: Path) -> None:
    assert (await fail(make_source(allow=""), "http://localhost:8080/", spool)).reason == "blocked_address"


@pytest.mark.parametrize(("count", "reason"), [(MOST_ADDRESSES, "blocked_address"), (MOST_ADDRESSES + 1, "dns_failed")])
async def test_a_name_with_very_many_addresses_is_not_tried_one_after_the_other(
    make_source: MakeSource, spool: Path, count: int, reason: str
) -> None:
    addresses = ["127.0.0.1"] * (count - 1) + ["127.0.0.2"]
    async with run_origin({"/": answer(b"x")}) as origin:
        source = make_source(resolver=Names(many=[addresses]))
        assert (await fail(source, f"http://many.example:{origin.port}/", spool)).reason == reason
    assert origin.connections == 0


@pytest.mark.parametrize("answers", [{}, {"gone": [[]]}])
async def test_a_name_without_an_address_is_a_failure_of_dns(
    make_source: MakeSource, spool: Path, answers: dict[str, list[list[str]]]
) -> None:
    failure = await fail(make_source(resolver=Names(**answers)), "http://gone.example/?token=hunter2", spool)
    assert failure.reason == "dns_failed"
    assert "10.11" not in str(failure)
    assert "hunter2" not in str(failure)


async def test_our_own_address_is_refused_in_spite_of_an_entry_for_its_network(make_source: MakeSource, spool: Path) -> None:
    async with run_origin({"/": answer(b"x")}) as ours:
        source = make_source(allow="127.0.0.0/8", own=(("127.0.0.1", ours.port),))
        assert (await fail(source, ours.url("/"), spool)).reason == "blocked_address"
    assert ours.connections == 0


async def test_an_address_that_ceased_to_parse_is_refused_like_a_blocked_one(make_source: MakeSource, spool: Path) -> None:
    assert (await fail(make_source(), "file:///etc/passwd", spool)).reason == "blocked_address"


async def test_a_connection_that_is_not_accepted_in_time_is_given_up(make_source: MakeSource, spool: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.socket() as first, socket.socket() as second:
            for guest in (first, second):
                guest.setblocking(False)
                guest.connect_ex(full.getsockname())
            await asyncio.sleep(0.05)
            source = make_source(times=FetchTimes(connect=0.2))
            failure = await fail(source, f"http://127.0.0.1:{full.getsockname()[1]}/", spool)
    assert failure.reason == "connect_failed"
    assert "in time" in failure.message


async def test_a_tls_handshake_that_stalls_counts_as_connecting(make_source: MakeSource, spool: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        source = make_source(times=FetchTimes(connect=0.2))
        assert (await fail(source, f"https://127.0.0.1:{mute.getsockname()[1]}/", spool)).reason == "connect_failed"


async def test_refusals_of_every_kind_read_alike_and_name_no_address(make_source: MakeSource, spool: Path) -> None:
    source = make_source(allow="", resolver=Names(inner=[["10.1.2.3"]], mapped=[["::ffff:10.1.2.3"]], port=[["8.8.8.8"]]))
    urls = [
        "http://10.1.2.3/",
        "http://169.254.169.254/",
        "http://inner.example/",
        "http://mapped.example/",
        "http://port.example:22/",
        "http://[::1]/",
    ]
    failures = [await fail(source, url, spool) for url in urls]
    assert len({(failure.code, failure.reason, failure.message) for failure in failures}) == 1
    assert "10.1" not in str(failures[0])


async def test_refused_connections_and_blocked_addresses_are_answered_without_a_pause(
    make_source: MakeSource, spool: Path, pauses: Pauses
) -> None:
    source = make_source(sleep=pauses.take)
    refused = await fail(source, f"http://127.0.0.1:{closed_port()}/", spool)
    blocked = await fail(source, "http://127.0.0.2:80/", spool)
    assert (refused.reason, blocked.reason) == ("connect_failed", "blocked_address")
    assert pauses.taken == []


async def test_blocked_refused_and_open_targets_take_the_same_time(make_source: MakeSource, spool: Path) -> None:
    async with run_origin({"/": answer(b"x", status=404)}) as origin:
        targets = {
            "blocked": [f"http://127.0.1.{number}:{origin.port}/" for number in range(40)],
            "refused": [f"http://127.0.0.1:{closed_port()}/" for _ in range(40)],
            "open": [origin.url("/") for _ in range(40)],
        }
        source = make_source(sleep=asyncio.sleep)
        medians = {}
        for kind, urls in targets.items():
            times = []
            for url in urls:
                began = time.perf_counter()
                await fail(source, url, spool)
                times.append(time.perf_counter() - began)
            medians[kind] = statistics.median(times)
    assert max(medians.values()) - min(medians.values()) < 0.05


async def test_a_blocked_redirect_after_a_retry_is_still_blocked(make_source: MakeSource, spool: Path) -> None:
    async with run_origin({"/": in_turn(answer(b"", status=503), redirect("http://10.0.0.1/"))}) as origin:
        assert (await fail(make_source(), origin.url("/"), spool)).reason == "blocked_address"
