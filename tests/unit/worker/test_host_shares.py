import asyncio

import pytest

from spark_assets.worker.host_shares import HostBusy, HostShares


class Line:
    """Jobs that hold a place at a host until they are let go."""

    def __init__(self, shares: HostShares) -> None:
        self._shares = shares
        self._leave = asyncio.Event()
        self.inside: list[str] = []

    async def hold(self, host: str, project: str = "") -> None:
        """Hold a place."""
        async with self._shares.hold(host, project):
            self.inside.append(f"{host} {project}".strip())
            await self._leave.wait()

    def let_go(self) -> None:
        """Let everybody go."""
        self._leave.set()


async def _until_settled() -> None:
    """Until every task that can go on has done so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_host_gets_its_places_and_no_more_and_others_are_not_held_up() -> None:
    line = Line(HostShares(2))
    jobs = [asyncio.create_task(line.hold(host)) for host in ["slow"] * 5 + ["quick"] * 2]
    await _until_settled()
    assert sorted(line.inside) == ["quick", "quick", "slow", "slow"]
    line.let_go()
    await asyncio.gather(*jobs)
    assert len(line.inside) == 7


async def test_who_waits_longer_than_the_patience_is_sent_away_and_told_when_to_come_again() -> None:
    line = Line(HostShares(1, patience=0.02))
    first = asyncio.create_task(line.hold("slow"))
    await _until_settled()
    with pytest.raises(HostBusy) as busy:
        await line.hold("slow")
    assert 0 < busy.value.delay.total_seconds() <= 45
    line.let_go()
    await first


async def test_a_host_that_is_slow_is_known_for_a_while_and_then_forgiven() -> None:
    now = 100.0
    shares = HostShares(1, patience=0.02, clock=lambda: now)
    line = Line(shares)
    running = [asyncio.create_task(line.hold("slow"))]
    await _until_settled()
    with pytest.raises(HostBusy):
        await line.hold("slow")
    waiting = asyncio.create_task(line.hold("slow"))
    await _until_settled()
    with pytest.raises(HostBusy):
        await asyncio.wait_for(line.hold("slow"), 0.01)
    now += 1.0
    line.let_go()
    await asyncio.gather(*running)
    await asyncio.wait([waiting])
    async with shares.hold("slow"):
        pass


async def test_a_job_that_fails_or_is_cancelled_gives_its_place_back() -> None:
    shares = HostShares(1)
    with pytest.raises(ValueError, match="ours"):
        async with shares.hold("host"):
            raise ValueError("ours")
    line = Line(shares)
    cancelled = asyncio.create_task(line.hold("host"))
    await _until_settled()
    cancelled.cancel()
    await asyncio.wait([cancelled])
    async with asyncio.timeout(1), shares.hold("host"):
        pass


async def test_projects_share_the_places_of_a_host() -> None:
    line = Line(HostShares(2))
    crowd = [asyncio.create_task(line.hold("host", "crowd")) for _ in range(40)]
    await _until_settled()
    single = asyncio.create_task(line.hold("host", "single"))
    await _until_settled()
    assert line.inside == ["host crowd"] * 2
    line.let_go()
    await asyncio.gather(*crowd, single)
    assert "host single" in line.inside[:4]


async def test_a_project_that_has_none_at_a_slow_host_waits_there_although_others_are_turned_away() -> None:
    line = Line(HostShares(1, patience=0.02))
    crowd = [asyncio.create_task(line.hold("slow", "crowd")) for _ in range(9)]
    await asyncio.wait(crowd, return_when=asyncio.FIRST_EXCEPTION)
    waiting = [asyncio.create_task(line.hold("slow", project)) for project in ("crowd", "crowd", "crowd", "single")]
    await _until_settled()
    assert [task.done() for task in waiting] == [False, True, True, False]
    line.let_go()
    ended = await asyncio.gather(*crowd, *waiting, return_exceptions=True)
    assert ended[-1] is None
    assert line.inside.count("slow single") == 1


async def test_a_host_whose_jobs_are_over_is_forgotten_whoever_they_belonged_to() -> None:
    shares = HostShares(2)
    for project in ("film", "music"):
        async with shares.hold("host", project):
            pass
    assert shares._hosts == {}
