"""A moderator behind HTTP: without a clear answer there is no verdict."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from spark_assets.fetching.address_guard import AddressGuard, parse_allow_list
from spark_assets.fetching.outbound import HttpOutbound
from spark_assets.moderation.http_moderator import LARGEST_ANSWER, HttpModerator
from spark_assets.ports.moderator import ALLOWED, NoVerdict, Verdict
from tests.factories.moderation import ALLOW, case, refuse
from tests.factories.origin import answer, raw, redirect, run_origin, wait_for

MakeModerator = Callable[..., HttpModerator]
ENOUGH = 20.0


@pytest.fixture
async def make_moderator() -> AsyncIterator[MakeModerator]:
    """Moderators behind a URL."""
    made: list[HttpOutbound] = []

    def make(url: str, *, allow: str = "127.0.0.1", timeout: float = ENOUGH, token: str = "") -> HttpModerator:
        made.append(HttpOutbound(AddressGuard(parse_allow_list(allow), frozenset({80})), user_agent="tests"))
        return HttpModerator(made[-1], url, timeout=timeout, token=token)

    yield make
    for outbound in made:
        await outbound.close()


async def test_the_endpoint_gets_the_case_as_json_and_its_verdict_counts(make_moderator: MakeModerator) -> None:
    async with run_origin({"/allow": ALLOW, "/refuse": refuse("shows a weapon")}) as origin:
        assert await make_moderator(origin.url("/allow")).judge(case()) == ALLOWED
        assert await make_moderator(origin.url("/refuse"), token="swordfish").judge(case()) == Verdict("shows a weapon")
    first, second = origin.visits
    assert first.headers["content-type"] == "application/json"
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == "Bearer swordfish"
    assert json.loads(first.body)["asset_id"] == "asset-1"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answer(b'{"allow": true}', status=201), "HTTP status 201 instead of 200"),
        (answer(b'{"allow": true}', status=500), "HTTP status 500"),
        (redirect("/allow"), "HTTP status 302"),
        (answer(b'{"allow": "yes"}'), "no verdict"),
        (answer(b""), "not one JSON object"),
        (answer(b'{"allow": true}' + b" " * LARGEST_ANSWER), f"more than {LARGEST_ANSWER} bytes"),
        (answer(b'{"allow": true}', headers={"Content-Length": "100"}), "broke before"),
        (raw(b"", reset=True), "broke before"),
    ],
    ids=["created", "fault", "redirect", "word", "empty", "huge", "cut", "reset"],
)
async def test_a_bad_answer_is_no_verdict(make_moderator: MakeModerator, behaviour: Any, words: str) -> None:
    async with run_origin({"/": behaviour, "/allow": ALLOW}) as origin:
        with pytest.raises(NoVerdict, match=words):
            await make_moderator(origin.url("/")).judge(case())
    assert origin.count("/allow") == 0


async def test_an_endpoint_that_is_slow_gives_no_verdict(make_moderator: MakeModerator) -> None:
    async with run_origin({"/": wait_for(asyncio.Event(), ALLOW)}) as origin:
        with pytest.raises(NoVerdict, match=r"within 0\.3 s"):
            await make_moderator(origin.url("/"), timeout=0.3).judge(case())


async def test_an_endpoint_that_is_not_allowed_is_not_asked(make_moderator: MakeModerator) -> None:
    async with run_origin({"/": ALLOW}) as origin:
        with pytest.raises(NoVerdict, match="not one that this server may post to"):
            await make_moderator(origin.url("/"), allow="127.0.0.2").judge(case())
    assert origin.connections == 0
