"""One read for many who wait, and never one that began before they asked."""

import asyncio

import pytest

from spark_assets.domain.errors import FlowLimited, Unavailable
from spark_assets.web.places import MOST_WAITING, Places
from spark_assets.web.shared_reads import SharedReads


class Library:
    """Counts the reads of it, each of which lasts until it is let go."""

    def __init__(self) -> None:
        self.state = "before"
        self.count = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def load(self) -> str:
        """What is true when the read begins, told when it may end."""
        self.count += 1
        found = self.state
        self.begun.set()
        await self.go_on.wait()
        return found


async def test_all_who_ask_before_a_read_begins_share_it() -> None:
    reads, library = SharedReads(), Library()
    library.go_on.set()
    assert await asyncio.gather(*(reads.read("task", library.load) for _ in range(100))) == ["before"] * 100
    assert library.count == 1


async def test_who_asks_after_a_read_has_begun_is_not_answered_with_it() -> None:
    reads, library = SharedReads(), Library()
    early = asyncio.create_task(reads.read("task", library.load))
    await library.begun.wait()
    library.state = "after"
    late = [asyncio.create_task(reads.read("task", library.load)) for _ in range(10)]
    await asyncio.sleep(0)
    library.go_on.set()
    assert await early == "before"
    assert await asyncio.gather(*late) == ["after"] * 10
    assert library.count == 2


async def test_a_read_of_something_else_is_another_one() -> None:
    reads, library = SharedReads(), Library()
    library.go_on.set()
    await asyncio.gather(reads.read("one", library.load), reads.read("two", library.load))
    assert library.count == 2


async def test_a_client_that_goes_away_takes_the_answer_from_nobody() -> None:
    reads, library = SharedReads(), Library()
    first, second = (asyncio.create_task(reads.read("task", library.load)) for _ in range(2))
    await library.begun.wait()
    first.cancel()
    library.go_on.set()
    assert await second == "before"


async def test_an_error_is_told_to_all_and_the_next_read_is_tried_anew() -> None:
    reads = SharedReads()

    async def fail() -> str:
        raise Unavailable

    async def succeed() -> str:
        return "there"

    told = await asyncio.gather(*(reads.read("task", fail) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in told] == [Unavailable] * 3
    assert await reads.read("task", succeed) == "there"


async def test_no_more_than_four_reads_are_under_way_at_once() -> None:
    reads, library = SharedReads(), Library()
    asked = [asyncio.create_task(reads.read(number, library.load)) for number in range(9)]
    await library.begun.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert library.count == 4
    library.go_on.set()
    await asyncio.gather(*asked)
    assert library.count == 9


def test_a_key_has_so_many_places_and_another_key_its_own() -> None:
    places = Places()
    taken = [places.take("key-1") for _ in range(MOST_WAITING)]
    for place in taken:
        place.__enter__()
    with pytest.raises(FlowLimited, match="waiting"), places.take("key-1"):
        pytest.fail("there was no place left")
    with places.take("key-2"):
        taken.pop().__exit__(None, None, None)
    with places.take("key-1"):
        pass
    for place in taken:
        place.__exit__(None, None, None)
