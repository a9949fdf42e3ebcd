from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from spark_assets.db.memory_rates import MemoryRates
from spark_assets.domain.errors import FlowLimited, NotFound, QuotaExceeded, SparkError, Unavailable
from spark_assets.domain.limits import Limits
from spark_assets.domain.parameters import GET_ASSET, LIST_ASSETS, LIST_GROUPS, Operation
from spark_assets.ports.rates import RateCounter, Verdict
from spark_assets.web.admission import admit
from spark_assets.web.error_responses import answer
from spark_assets.web.exchange import Exchange
from spark_assets.web.site import Site
from tests.factories import records
from tests.unit.web.conftest import Answered, MakeExchange

Ask = Callable[..., Awaitable[Answered]]


class AwayCounter:
    """A counter whose database cannot be reached."""

    async def take(self, key_id: str, operation: str, limit: int) -> Verdict:
        """Nobody counts."""
        raise Unavailable


def _limit(site: Site, rates: RateCounter) -> None:
    limits = Limits({LIST_ASSETS.model: 2, GET_ASSET.model: 2})
    site.runtime = replace(site.runtime, limits=limits, rates=rates)


@pytest.fixture
def ask(site: Site, make_exchange: MakeExchange) -> Ask:
    """Asks to be let in, and then ends as it is told to; on a site with limits, where it is always the same second."""
    _limit(site, MemoryRates(lambda: 1.0))

    async def ask(operation: Operation = LIST_ASSETS, key_id: str = "key-tests", end: SparkError | None = None) -> Answered:
        async def handle(exchange: Exchange) -> None:
            await admit(exchange, records.caller(key_id=key_id), operation)
            if end is not None:
                raise end
            await exchange.respond(200, b"{}")

        answered = make_exchange()
        await answer(answered.exchange, handle)
        return answered

    return ask


def _rate(answered: Answered) -> dict[str, str]:
    return {name: value for name, value in answered.headers.items() if name.startswith(("ratelimit", "retry"))}


async def test_answers_within_a_limit_tell_what_is_left_of_it(ask: Ask) -> None:
    for left, end, status in (("1", None, 200), ("0", NotFound("asset_id", "no"), 404)):
        answered = await ask(end=end)
        assert answered.status == status
        assert _rate(answered) == {"ratelimit-limit": "2", "ratelimit-remaining": left, "ratelimit-reset": "1"}


async def test_a_request_beyond_the_limit_is_refused_and_told_when_to_come_back(ask: Ask) -> None:
    for _ in range(2):
        await ask()
    refused = await ask()
    assert (refused.status, refused.error["error"]["code"]) == (429, "AccountFlowLimitExceeded")
    assert "2 requests of spark_asset_list per second" in refused.error["message"]
    assert _rate(refused) == {"ratelimit-limit": "2", "ratelimit-remaining": "0", "ratelimit-reset": "1", "retry-after": "1"}
    assert [(await ask(GET_ASSET)).status, (await ask(key_id="key-other")).status] == [200, 200]


async def test_an_operation_without_a_limit_is_let_in_and_says_nothing_of_it(ask: Ask) -> None:
    for _ in range(5):
        answered = await ask(LIST_GROUPS)
        assert (answered.status, _rate(answered)) == (200, {})


async def test_a_refusal_further_inside_tells_its_own_limit_alone(ask: Ask) -> None:
    refused = await ask(end=FlowLimited("too many at once", 7))
    assert refused.status == 429
    names = [name for name, _ in refused.sent[0]["headers"]]
    assert len(names) == len(set(names))
    assert _rate(refused) == {"ratelimit-limit": "7", "ratelimit-remaining": "0", "ratelimit-reset": "1", "retry-after": "1"}


async def test_a_full_quota_does_not_ask_to_come_back(ask: Ask) -> None:
    refused = await ask(LIST_GROUPS, end=QuotaExceeded("the project may hold 10 assets, and does"))
    assert (refused.status, refused.error["error"]["code"], _rate(refused)) == (429, "QuotaExceeded", {})


async def test_without_its_counter_nothing_is_let_in(site: Site, ask: Ask) -> None:
    _limit(site, AwayCounter())
    refused = await ask()
    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
