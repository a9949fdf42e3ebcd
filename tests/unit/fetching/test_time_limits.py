import asyncio

import pytest

from spark_assets.fetching.retry import Allowance
from spark_assets.fetching.time_limits import limit_time, stop_limits


async def test_what_happens_while_the_limits_stand_still_is_not_counted() -> None:
    async with limit_time(0.05) as outer, limit_time(0.05) as inner:
        with stop_limits():
            await asyncio.sleep(0.1)
    assert outer.stood_still >= 0.1
    assert inner.stood_still >= 0.1


async def test_a_limit_goes_on_where_it_stood() -> None:
    clock = asyncio.get_running_loop().time
    with pytest.raises(TimeoutError):
        async with limit_time(0.1):
            with stop_limits():
                await asyncio.sleep(0.1)
            went_on = clock()
            await asyncio.Event().wait()
    assert clock() - went_on >= 0.05


async def test_a_limit_that_has_ended_is_no_longer_stopped() -> None:
    async with limit_time(1.0) as over:
        pass
    with stop_limits():
        pass
    assert over.stood_still == 0.0


async def test_a_caller_who_is_cancelled_while_the_limits_stand_still_is_cancelled() -> None:
    async def wait() -> None:
        async with limit_time(5.0):
            with stop_limits():
                await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_limits_of_other_downloads_go_on() -> None:
    async def stand() -> None:
        async with limit_time(5.0):
            with stop_limits():
                await asyncio.Event().wait()

    standing = asyncio.create_task(stand())
    with pytest.raises(TimeoutError):
        async with limit_time(0.01):
            await asyncio.Event().wait()
    standing.cancel()


async def test_an_allowance_is_not_spent_by_what_was_not_counted() -> None:
    allowance = Allowance(0.1, asyncio.get_running_loop().time)
    for _ in range(2):
        async with allowance.spend():
            with stop_limits():
                await asyncio.sleep(0.1)
    assert allowance.take_pause(0.25)
