"""Who is made to wait after keys that are none, for how long, and who never is."""

import asyncio

import pytest

from spark_assets.domain.errors import AuthenticationError, ErrorKind, SignatureError, Unavailable
from spark_assets.web import failed_keys
from spark_assets.web.failed_keys import FIRST_DELAY, FORGIVEN_EVERY, FREE, MOST_WAITING, FailedKeys, network_of

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
LONGEST = 2.0


class Hours:
    """A clock that only pauses move on, and what was paused."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def failed(hours: Hours) -> FailedKeys:
    return FailedKeys(LONGEST, clock=hours.now, pause=hours.pause)


async def _fail(failed: FailedKeys, times: int = 1, address: str | None = HERE, error: Exception | None = None) -> None:
    for _ in range(times):
        with pytest.raises((AuthenticationError, SignatureError)):
            async with failed.attempt(address, "wrong"):
                raise error or AuthenticationError.invalid()


async def _succeed(failed: FailedKeys, credential: str = "good", address: str = HERE) -> None:
    async with failed.attempt(address, credential):
        pass


async def test_the_first_failures_cost_nothing_and_then_each_doubles_the_delay_up_to_the_longest(failed: FailedKeys, hours: Hours) -> None:
    await _fail(failed, FREE)
    assert hours.pauses == []
    assert not failed.delay(HERE)
    await _fail(failed, 10)
    assert hours.pauses == [min(FIRST_DELAY * 2**step, LONGEST) for step in range(9)]


async def test_a_key_that_is_good_is_answered_at_once_to_another_address(failed: FailedKeys, hours: Hours) -> None:
    await _fail(failed, 50)
    hours.pauses.clear()
    await _succeed(failed, address=ELSEWHERE)
    assert hours.pauses == []


async def test_a_key_that_has_proved_good_never_waits_beside_those_that_fail(failed: FailedKeys, hours: Hours) -> None:
    await _succeed(failed)
    await _fail(failed, 50)
    hours.pauses.clear()
    await _succeed(failed)
    assert hours.pauses == []
    await _succeed(failed, "new")
    assert hours.pauses == [LONGEST]
    await _succeed(failed, "new")
    assert hours.pauses == [LONGEST]


async def test_a_key_that_ceases_to_be_good_waits_like_any_other(failed: FailedKeys, hours: Hours) -> None:
    await _succeed(failed, "wrong")
    await _fail(failed, 30)
    assert hours.pauses[-1] == LONGEST


async def test_a_wrong_signature_takes_nothing_from_an_access_key_that_has_proved_good(failed: FailedKeys, hours: Hours) -> None:
    await _succeed(failed)
    await _fail(failed, 30)
    with pytest.raises(SignatureError):
        async with failed.attempt(HERE, "good"):
            raise SignatureError("SignatureDoesNotMatch", "no", ErrorKind.UNAUTHENTICATED)
    hours.pauses.clear()
    await _succeed(failed)
    assert hours.pauses == []


async def test_good_keys_take_no_failure_back(failed: FailedKeys) -> None:
    await _succeed(failed)
    await _fail(failed, 30)
    before = failed.delay(HERE)
    for _ in range(20):
        await _succeed(failed)
    assert failed.delay(HERE) == before


async def test_time_takes_failures_back_one_after_the_other(failed: FailedKeys, hours: Hours) -> None:
    await _fail(failed, 1000)
    assert failed.delay(HERE) == LONGEST
    delays = []
    for _ in range(25):
        hours.time += FORGIVEN_EVERY
        delays.append(failed.delay(HERE))
    assert delays == sorted(delays, reverse=True)
    assert not delays[11], "a minute later nobody waits"


async def test_a_wrong_signature_counts_and_a_wrong_date_does_not(failed: FailedKeys) -> None:
    await _fail(failed, 30, error=SignatureError("InvalidTimestamp", "late"))
    assert not failed.delay(HERE)
    await _fail(failed, 30, error=SignatureError("SignatureDoesNotMatch", "no", ErrorKind.UNAUTHENTICATED))
    assert failed.delay(HERE) == LONGEST


async def test_an_error_of_ours_is_no_failure_of_theirs(failed: FailedKeys) -> None:
    for _ in range(30):
        with pytest.raises(Unavailable):
            async with failed.attempt(HERE, "good"):
                raise Unavailable
    assert not failed.delay(HERE)


@pytest.mark.parametrize("longest", [0.0, LONGEST])
async def test_nobody_waits_if_the_operator_says_so_or_has_no_address(hours: Hours, longest: float) -> None:
    failed = FailedKeys(longest, clock=hours.now, pause=hours.pause)
    await _fail(failed, 50, address=None if longest else HERE)
    assert hours.pauses == []


async def test_only_so_many_wait_at_once_and_of_the_others_a_good_key_is_let_in_and_a_bad_one_told_to_come_back(hours: Hours) -> None:
    released = asyncio.Event()

    async def pause(_seconds: float) -> None:
        await released.wait()

    failed = FailedKeys(LONGEST, clock=hours.now, pause=pause)
    await _fail(failed, FREE + 1)
    waiting = [asyncio.create_task(_succeed(failed, f"key {number}")) for number in range(MOST_WAITING)]
    await asyncio.sleep(0)
    await _succeed(failed, "one more")
    with pytest.raises(Unavailable) as refused:
        async with failed.attempt(HERE, "wrong"):
            raise AuthenticationError.invalid()
    assert refused.value.retry_after == 1
    await _succeed(failed, address=ELSEWHERE)
    released.set()
    await asyncio.gather(*waiting)
    await _succeed(failed, "one more")


async def test_memory_is_bounded_however_many_addresses_fail(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_keys, "_MOST_ADDRESSES", 100)
    failed = FailedKeys(LONGEST, clock=hours.now, pause=hours.pause)
    await _fail(failed, 30)
    for number in range(300):
        await _fail(failed, address=f"10.0.{number // 250}.{number % 250}")
    assert len(failed._failures) == 100
    assert not failed.delay(HERE), "what failed longest ago is forgotten first"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("a socket", "a socket"),
    ],
)
def test_an_address_is_what_one_person_commands(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_the_addresses_of_one_network_count_together(failed: FailedKeys, hours: Hours) -> None:
    for number in range(30):
        await _fail(failed, address=f"2001:db8::{number:x}")
    assert failed.delay("2001:db8::ffff") == LONGEST
    assert not failed.delay("2001:db8:0:1::1")
