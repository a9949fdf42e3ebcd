import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spark_assets.fetching.host_slots import HostSlots
from spark_assets.fetching.retry import LONGEST_RETRY_AFTER, Allowance, choose_pause, parse_retry_after


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("7", 7.0), (" 30 ", 30.0)])
def test_a_sane_number_of_seconds_is_honoured(value: str, seconds: float) -> None:
    assert parse_retry_after(value) == seconds


@pytest.mark.parametrize("value", [None, "", "-1", "31", "9" * 400, "soon", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "٣"])
def test_what_is_not_sane_is_not_honoured(value: str | None) -> None:
    assert parse_retry_after(value) is None


_TOKENS = st.one_of(
    st.integers(-(10**25), 10**25).map(str),
    st.sampled_from(["Mon,", "01 Jan", "01-Jan-", "GMT", "+0000", "-9999999999999999", "00:00:00", "9.9.9", ":", "-"]),
    st.text(max_size=8),
)


@given(st.one_of(st.text(), st.lists(_TOKENS, max_size=8).map(" ".join)))
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2999999999 00:00:00 GMT")
@example("Mon, 01 Jan 9999 23:59:59 -2359")
@example("Mon, 01 Jan 2024 00:00:00 +99999999999999999999")
@example("9" * 8000)
def test_whatever_an_origin_writes_is_a_pause_or_nothing(value: str) -> None:
    seconds = parse_retry_after(value)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER


def test_a_date_soon_to_come_is_honoured() -> None:
    seconds = parse_retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True))
    assert seconds is not None
    assert 18 <= seconds <= 20


def test_pauses_double_and_chance_takes_at_most_half() -> None:
    assert [choose_pause(retries, None, lambda: 1.0) for retries in range(4)] == [0.25, 0.5, 1.0, 2.0]
    assert [choose_pause(retries, None, lambda: 0.0) for retries in range(4)] == [0.125, 0.25, 0.5, 1.0]


async def test_all_attempts_and_pauses_share_three_deadlines() -> None:
    now = 0.0
    allowance = Allowance(10.0, lambda: now)
    for _ in range(2):
        allowance.begin_attempt()
        async with allowance.spend():
            now += 9.0
    assert not allowance.take_pause(12.0)
    assert allowance.take_pause(11.0)
    assert not allowance.take_pause(1.0)


async def test_an_attempt_that_has_no_time_left_times_out() -> None:
    now = 0.0
    allowance = Allowance(10.0, lambda: now)
    async with allowance.spend():
        now = 10.0
    with pytest.raises(TimeoutError):
        async with allowance.spend():
            await asyncio.Event().wait()


async def test_a_host_without_users_is_forgotten_even_if_they_were_cancelled() -> None:
    slots = HostSlots(1)

    async def wait() -> None:
        async with slots.hold("a"):
            raise AssertionError("there is only one place")

    async with slots.hold("a"), slots.hold("b"):
        waiter = asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert len(slots) == 2
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    assert len(slots) == 0


def test_a_host_needs_a_place() -> None:
    with pytest.raises(ValueError, match="at least one"):
        HostSlots(0)
