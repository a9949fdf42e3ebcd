"""SIGKILL at every step of every kind of work, on both sizes: nothing that was acknowledged is lost, and nothing happens twice.

The failpoints, their passings and the load follow from a seed: `CHAOS_SEED=7 make chaos` runs another campaign, `CHAOS_KILLS=50`
a shorter one.
"""

import os
import time
from pathlib import Path
from typing import Final

import pytest

from spark_assets.failpoints import Failpoint
from tests.chaos.campaign import Campaign, Kill, figures, plan, points, run

SEED: Final = int(os.environ.get("CHAOS_SEED", "1"))
KILLS: Final = {"embedded": 270, "fleet": 230}
_SETTLE_EVERY: Final = {"embedded": 6, "fleet": 12}
_IN_SHORT: Final = {
    "embedded": (Failpoint.ANSWER_COMMITTED, Failpoint.BLOB_RENAMED, Failpoint.MESSAGE_SENT, Failpoint.BLOB_REMOVED),
    "fleet": (Failpoint.PART_SPOOLED, Failpoint.OBJECT_PUT),
}


@pytest.fixture
def campaign(size: str, request: pytest.FixtureRequest, tmp_path: Path) -> Campaign:
    if size == "embedded":
        return Campaign(tmp_path, SEED)
    return Campaign(tmp_path, SEED, (request.getfixturevalue("postgres_server"), request.getfixturevalue("own_s3_server")))


def test_kills_at_some_failpoints_break_no_promise(size: str, campaign: Campaign) -> None:
    with campaign:
        began = time.monotonic()
        broken = run(campaign, [*(Kill(point) for point in _IN_SHORT[size]), Kill(None)], settle_every=100)
        print(figures(campaign, broken, time.monotonic() - began))
        assert broken == []
        assert {point.value for point in _IN_SHORT[size]} <= campaign.kills.keys(), "every one of these failpoints is reached by the load"


@pytest.mark.chaos
def test_hundreds_of_kills_over_all_failpoints_break_no_promise(size: str, campaign: Campaign) -> None:
    count = int(os.environ.get("CHAOS_KILLS", str(KILLS[size])))
    with campaign:
        began = time.monotonic()
        broken = run(campaign, plan(campaign.chance, count, is_fleet=size == "fleet"), settle_every=_SETTLE_EVERY[size])
        print(f"{size}, seed {SEED}: {figures(campaign, broken, time.monotonic() - began)}")
        print(f"kills by failpoint: {dict(campaign.kills)}; not reached in time: {dict(campaign.missed)}")
        assert broken == []
        if count >= len(points(is_fleet=size == "fleet")):
            never = {point.value for point in points(is_fleet=size == "fleet")} - campaign.kills.keys()
            assert not never, f"failpoints that nothing came to: {never}"
