"""For how long the SDK sends a request again, on a clock that goes on only where something takes time."""

import httpx2
import pytest

from spark_assets.client import ConnectionFailed
from spark_assets.client.retrying import Persistence, RetryPolicy
from spark_assets.client.synchronous.transport import Transport


class Hours:
    """The clock."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def persist(self, policy: RetryPolicy, *, each: float = 0.0, wish: float | None = None, is_hopeful: bool = True) -> tuple[int, float]:
        """Fail for as long as there is patience, in so many seconds each time: how often, and how long that took together."""
        began, attempts, persistence = self.now, 1, Persistence(policy)
        self.now += each
        while (pause := persistence.pause(wish, is_hopeful=is_hopeful)) is not None:
            self.now += pause + each
            attempts += 1
        return attempts, self.now - began


@pytest.fixture
def hours() -> Hours:
    return Hours()


def test_the_patience_of_all_attempts_together_outlasts_a_restart_and_a_store_that_is_away(hours: Hours) -> None:
    policy = RetryPolicy(clock=hours)
    together = [hours.persist(policy) for _ in range(200)]
    assert {attempts for attempts, _ in together} == {policy.attempts}
    assert min(seconds for _, seconds in together) > 25
    assert max(seconds for _, seconds in together) < 60
    assert hours.persist(policy, is_hopeful=False)[0] == policy.without_hope


@pytest.mark.parametrize(("each", "wish"), [(30.0, None), (0.0, 60.0), (0.0, 20.0), (60.0, None)])
def test_patience_ends_about_a_minute_after_the_first_failure_however_slow_the_answers(
    hours: Hours, each: float, wish: float | None
) -> None:
    for _ in range(50):
        attempts, seconds = hours.persist(RetryPolicy(clock=hours), each=each, wish=wish)
        assert attempts >= 2, "it is tried again"
        assert 60 <= seconds <= each + 70 + each, "the first attempt, the time for more, and the last one of them"


def test_who_asks_for_more_attempts_has_more_time_for_them(hours: Hours) -> None:
    attempts, seconds = hours.persist(RetryPolicy(40, clock=hours))
    assert attempts == 40
    assert seconds > 120


def test_a_step_forward_renews_all_patience(hours: Hours) -> None:
    persistence = Persistence(RetryPolicy(clock=hours))
    for _ in range(30):
        hours.now += 65
        assert persistence.pause() is not None
        persistence.step_forward()
    hours.now += 3600  # a transfer may go well for long before it breaks
    assert persistence.pause() is not None
    hours.now += 71
    assert persistence.pause() is None


def test_clients_that_are_told_the_same_do_not_come_back_in_the_same_second(hours: Hours) -> None:
    for wish, spread in ((1.0, 0.5), (60.0, 3.0)):
        pauses = [Persistence(RetryPolicy(clock=hours)).pause(wish) or 0.0 for _ in range(200)]
        assert min(pauses) >= wish
        assert max(pauses) - min(pauses) > spread


def test_a_server_that_hangs_is_given_up_after_a_minute(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/v1/hang":
            return httpx2.Response(200, content=b"{}")
        hours.now += 30
        raise httpx2.ReadTimeout("it says nothing", request=request)

    def sleep(seconds: float) -> None:
        hours.now += seconds

    monkeypatch.setattr("spark_assets.client.synchronous.transport.sleep", sleep)
    with httpx2.Client(base_url="http://hanging", transport=httpx2.MockTransport(hang)) as http:
        transport = Transport(http, timeout=30, gateway=False, project=None, retries=RetryPolicy(clock=hours))
        transport.send("GET", "/v1/there")
        began = hours.now
        with pytest.raises(ConnectionFailed):
            transport.send("GET", "/v1/hang")
    assert 90 < hours.now - began <= 130
