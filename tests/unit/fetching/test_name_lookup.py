import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from spark_assets.fetching.name_lookup import LookupsBusy, SystemResolver
from tests.unit.fetching.hanging_names import LOOPBACK, HangingNames


@pytest.fixture
def names() -> Iterator[HangingNames]:
    """Names, those that hang until the test is over among them."""
    names = HangingNames()
    yield names
    names.release()


def resolver_of(names: HangingNames, *, most: int = 8, most_of_zone: int = 2, patience: float = 5.0) -> SystemResolver:
    return SystemResolver(names.look_up, most=most, most_of_zone=most_of_zone, patience=patience)


async def leave(*waiting: asyncio.Task[object]) -> None:
    """Have callers give up."""
    for task in waiting:
        task.cancel()
    for task in waiting:
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
async def test_an_address_is_its_own_without_a_look_up(names: HangingNames, address: str) -> None:
    assert await resolver_of(names).resolve(address, 80) == [address]
    assert names.asked == []


async def test_the_addresses_of_a_name_come_once_each(names: HangingNames) -> None:
    names.addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
    assert await resolver_of(names).resolve("quick.example", 80) == ["192.0.2.1", "192.0.2.2"]


async def test_the_system_knows_this_machine() -> None:
    assert set(await SystemResolver().resolve("localhost", 80)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "no such name"), UnicodeError("label too long"), KeyError("odd")])
async def test_whatever_a_look_up_fails_with_is_an_error_of_the_name(names: HangingNames, error: Exception) -> None:
    names.error = error
    resolver = resolver_of(names)
    for _ in range(2):
        with pytest.raises(OSError, match="could not be resolved") as failure:
            await resolver.resolve("gone.example", 80)
        assert failure.value.__cause__ is error


async def test_a_name_that_many_want_is_asked_for_once_at_a_time_and_anew_afterwards(names: HangingNames) -> None:
    resolver = resolver_of(names)
    wanted = [asyncio.create_task(resolver.resolve("hangs.slow.example", 80)) for _ in range(5)]
    await names.wait_for(1)
    names.release()
    assert await asyncio.gather(*wanted) == [[LOOPBACK]] * 5
    assert names.asked == ["hangs.slow.example"]
    await resolver.resolve("hangs.slow.example", 80)
    assert names.asked == ["hangs.slow.example"] * 2


async def test_a_zone_that_hangs_takes_its_share_of_the_threads_and_others_go_on(names: HangingNames) -> None:
    resolver = resolver_of(names)
    hanging = [asyncio.create_task(resolver.resolve(f"hangs-{number}.slow.example", 80)) for number in range(20)]
    await names.wait_for(2)
    assert await resolver.resolve("quick.other.example", 80) == [LOOPBACK]
    assert len(names.asked) == 3
    names.release()
    assert await asyncio.gather(*hanging) == [[LOOPBACK]] * 20


async def test_all_zones_together_take_no_more_threads_than_there_are(names: HangingNames) -> None:
    resolver = resolver_of(names, most=3)
    hanging = [asyncio.create_task(resolver.resolve(f"hangs.slow-{number}.example", 80)) for number in range(20)]
    await names.wait_for(3)
    quick = asyncio.create_task(resolver.resolve("quick.example", 80))
    await asyncio.sleep(0)
    assert len(names.asked) == 3
    names.release()
    assert await asyncio.gather(*hanging, quick) == [[LOOPBACK]] * 21


async def test_a_look_up_that_hangs_keeps_its_thread_when_its_callers_have_left(names: HangingNames) -> None:
    resolver = resolver_of(names, most=1, patience=0.01)
    hanging = asyncio.create_task(resolver.resolve("hangs.slow.example", 80))
    await names.wait_for(1)
    await leave(hanging)
    for _ in range(2):
        with pytest.raises(LookupsBusy):
            await resolver.resolve("quick.example", 80)
    assert names.asked == ["hangs.slow.example"]


async def test_the_line_is_served_in_order_but_for_zones_that_have_their_share(names: HangingNames) -> None:
    resolver = resolver_of(names, most=2, most_of_zone=1)
    hanging = [asyncio.create_task(resolver.resolve(f"hangs-{number}.slow.example", 80)) for number in range(3)]
    await names.wait_for(1)
    others = ["z.example", "y.example", "x.example"]
    await asyncio.gather(*(resolver.resolve(host, 80) for host in others))
    assert names.asked == ["hangs-0.slow.example", *others]
    names.release()
    await asyncio.gather(*hanging)
    assert names.asked[4:] == ["hangs-1.slow.example", "hangs-2.slow.example"]


async def test_who_has_left_the_line_is_not_asked_for(names: HangingNames) -> None:
    resolver = resolver_of(names, most=1)
    hanging = asyncio.create_task(resolver.resolve("hangs.slow.example", 80))
    await names.wait_for(1)
    left, right, stays = (asyncio.create_task(resolver.resolve(name, 80)) for name in ("a.example", "b.example", "b.example"))
    await asyncio.sleep(0)
    await leave(left, right)
    names.release()
    assert await stays == await hanging == [LOOPBACK]
    assert names.asked == ["hangs.slow.example", "b.example"]


async def test_threads_that_the_system_does_not_grant_count_as_taken(names: HangingNames, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise RuntimeError("can't start new thread")

    resolver = resolver_of(names, most=1)
    with monkeypatch.context() as patch:
        patch.setattr("threading.Thread.start", refuse)
        with pytest.raises(LookupsBusy):
            await resolver.resolve("quick.example", 80)
    assert await resolver.resolve("quick.example", 80) == [LOOPBACK]


@pytest.mark.parametrize("bounds", [{"most": 0}, {"most_of_zone": 0}])
def test_at_least_one_look_up_is_allowed(names: HangingNames, bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        resolver_of(names, **bounds)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_process_ends_while_look_ups_hang(loop: str) -> None:
    program = f"""
import asyncio, contextlib, threading, {loop}
from spark_assets.fetching.name_lookup import SystemResolver

async def main():
    begun = threading.Event()
    def look_up(host):
        begun.set()
        threading.Event().wait(60)
    waiting = asyncio.create_task(SystemResolver(look_up).resolve("hangs.example", 80))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting

with asyncio.Runner(loop_factory={loop}.new_event_loop) as runner:
    runner.run(main())
"""
    began = time.monotonic()
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=30)
    assert time.monotonic() - began < 20


def test_an_answer_that_comes_after_the_event_loop_has_ended_is_dropped(names: HangingNames) -> None:
    async def give_up() -> None:
        waiting = asyncio.create_task(resolver_of(names).resolve("hangs.slow.example", 80))
        await names.wait_for(1)
        await leave(waiting)

    asyncio.run(give_up())
    names.release()
