from typing import Any

import pytest

from spark_assets.domain.asset import Asset
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.listing import Position, Slice, SortBy, SortOrder
from spark_assets.operations.paging import Listed, Paging, select_part
from tests.factories import records

SCOPE = b"this list"
ASSETS = [records.asset("group-1", id=f"asset-{number:03}", created_at=number, updated_at=1000 - number) for number in range(25)]


class Counted:
    """A list in memory, in the order of its IDs, that notes what it was asked for."""

    def __init__(self) -> None:
        self.slices: list[Slice] = []
        self.counts = 0

    async def page(self, part: Slice) -> list[Asset]:
        """The part of the list."""
        self.slices.append(part)
        behind = [asset for asset in ASSETS if part.after is None or asset.id > part.after.id]
        return behind[part.offset : part.offset + part.limit]

    async def count(self) -> int:
        """How many there are."""
        self.counts += 1
        return len(ASSETS)


async def _select(wanted: Counted, scope: bytes = SCOPE, **paging: Any) -> Listed[Asset]:
    return await select_part(Paging(**paging), records.CURSORS, scope, page=wanted.page, count=wanted.count)


def _numbers(listed: Listed[Asset]) -> list[int]:
    return [asset.created_at for asset in listed.items]


async def test_without_a_mode_it_is_cursor_mode_ten_at_a_time() -> None:
    wanted = Counted()
    listed = await _select(wanted)
    assert _numbers(listed) == list(range(10))
    assert (listed.total, listed.page_number, listed.page_size) == (None, None, None)
    assert listed.next_token is not None
    assert (wanted.slices[0].sort_by, wanted.slices[0].order, wanted.counts) == (SortBy.CREATE_TIME, SortOrder.DESCENDING, 0)


@pytest.mark.parametrize("size", [1, 7, 24, 25, 26, 100])
async def test_cursors_lead_through_the_whole_list_and_end_with_it(size: int) -> None:
    wanted, seen, token = Counted(), [], None
    while True:
        listed = await _select(wanted, max_results=size, next_token=token)
        seen += _numbers(listed)
        token = listed.next_token
        if token is None:
            break
        assert len(listed.items) == size
    assert seen == list(range(25))
    assert len(wanted.slices) == -(-25 // size)


async def test_an_empty_token_is_the_beginning() -> None:
    assert _numbers(await _select(Counted(), next_token="", max_results=3)) == [0, 1, 2]
    listed = await _select(Counted(), next_token="", page_number=1)
    assert listed.total == 25


async def test_page_mode_counts_and_gives_no_token() -> None:
    wanted = Counted()
    listed = await _select(wanted, page_number=3, page_size=10)
    assert _numbers(listed) == list(range(20, 25))
    assert (listed.total, listed.page_number, listed.page_size, listed.next_token) == (25, 3, 10, None)
    assert (wanted.slices[0].offset, wanted.slices[0].limit, wanted.counts) == (20, 10, 1)


async def test_each_half_of_page_mode_brings_the_other() -> None:
    first, second = await _select(Counted(), page_size=4), await _select(Counted(), page_number=2)
    assert (_numbers(first), first.page_number, first.page_size) == ([0, 1, 2, 3], 1, 4)
    assert (_numbers(second), second.page_number, second.page_size) == (list(range(10, 20)), 2, 10)


async def test_a_page_behind_the_end_is_empty_and_still_counted() -> None:
    listed = await _select(Counted(), page_number=1_000_000, page_size=100)
    assert (listed.items, listed.total) == ([], 25)


@pytest.mark.parametrize("by_number", [{"page_number": 1}, {"page_size": 5}, {"page_number": 2, "page_size": 5}])
@pytest.mark.parametrize("by_cursor", [{"max_results": 5}, {"next_token": "x"}, {"max_results": 5, "next_token": "x"}])
async def test_both_modes_at_once_are_refused(by_number: dict[str, Any], by_cursor: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as refused:
        await _select(Counted(), **by_number, **by_cursor)
    assert refused.value.code == "InvalidParameter.Paging"


async def test_a_cursor_of_another_list_is_refused_before_anything_is_read() -> None:
    listed, wanted = await _select(Counted(), max_results=3), Counted()
    with pytest.raises(InvalidParameter) as refused:
        await _select(wanted, scope=b"another list", next_token=listed.next_token)
    assert refused.value.code == "InvalidParameter.NextToken"
    assert wanted.slices == []


@pytest.mark.parametrize(
    ("sort_by", "values"),
    [(SortBy.CREATE_TIME, (2,)), (SortBy.UPDATE_TIME, (998,)), (SortBy.GROUP_ID, ("group-1", 2))],
    ids=lambda item: str(item),
)
async def test_a_cursor_remembers_what_the_list_is_sorted_by(sort_by: SortBy, values: tuple[int | str, ...]) -> None:
    listed = await _select(Counted(), max_results=3, sort_by=sort_by)
    assert listed.next_token is not None
    assert records.CURSORS.open(listed.next_token, SCOPE) == Position(values, "asset-002")
