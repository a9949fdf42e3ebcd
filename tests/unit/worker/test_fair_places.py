import asyncio

import pytest

from spark_assets.worker.fair_places import FairPlaces


class Guests:
    """Whoever holds a place until it is told to leave."""

    def __init__(self, places: FairPlaces) -> None:
        self._places = places
        self._leaving: dict[str, asyncio.Event] = {}
        self.inside: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *names: str) -> None:
        """Each name begins with its project's letter."""
        self.tasks += [asyncio.create_task(self._hold(name)) for name in names]
        await _settle()

    async def leave(self, *names: str) -> None:
        for name in names:
            self._leaving[name].set()
        await _settle()

    async def _hold(self, name: str) -> None:
        self._leaving[name] = asyncio.Event()
        async with self._places.hold(name[0]):
            self.inside.append(name)
            await self._leaving[name].wait()
        self.inside.remove(name)


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_there_are_no_more_than_the_places() -> None:
    guests = Guests(FairPlaces(2))
    await guests.come("a1", "a2", "a3", "a4")
    assert guests.inside == ["a1", "a2"]
    await guests.leave("a2")
    assert guests.inside == ["a1", "a3"]


async def test_who_has_the_fewest_goes_first_and_among_equals_who_has_waited_longest() -> None:
    guests = Guests(FairPlaces(3))
    await guests.come("a1", "a2", "a3", "a4", "a5", "b1", "c1", "b2")
    await guests.leave("a1")
    assert guests.inside[-1] == "b1"
    await guests.leave("a2")
    assert guests.inside[-1] == "c1"
    await guests.leave("a3")
    assert guests.inside[-1] == "a4"
    await guests.leave("a4")
    assert guests.inside[-1] == "a5", "it has none, and b has one"


async def test_who_has_none_gets_a_place_beside_those_that_are_taken() -> None:
    guests = Guests(FairPlaces(2, beside=1))
    await guests.come("a1", "a2", "a3", "b1", "b2", "c1")
    assert guests.inside == ["a1", "a2", "b1"]
    await guests.leave("b1")
    assert guests.inside == ["a1", "a2", "b2"], "b has waited as long as c, and came first"
    await guests.leave("a1")
    assert guests.inside == ["a2", "b2", "c1"]
    await guests.leave("a2", "b2")
    assert guests.inside == ["c1", "a3"]


@pytest.mark.parametrize("is_called_first", [False, True])
async def test_who_gives_up_takes_no_place(is_called_first: bool) -> None:
    places = FairPlaces(1)
    await places.acquire("a")
    waiting = [asyncio.create_task(places.acquire(project)) for project in "bb"]
    await _settle()
    steps = [lambda: places.release("a"), waiting[0].cancel]
    for step in steps if is_called_first else reversed(steps):
        step()
    async with asyncio.timeout(1):
        await waiting[1]
        assert waiting[0].cancelled()
        places.release("b")
        async with places.hold("c"):
            pass


async def test_a_place_is_given_back_by_whoever_fails() -> None:
    places = FairPlaces(1)
    with pytest.raises(ValueError, match="ours"):
        async with places.hold("a"):
            raise ValueError("ours")
    async with asyncio.timeout(1), places.hold("b"):
        pass
