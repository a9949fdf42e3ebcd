"""Lists part by part: pages by number, which are counted, or by cursor, which stay stable while things come and go."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from spark_assets.domain.asset import Asset
from spark_assets.domain.cursor import CursorSigner
from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.group import Group
from spark_assets.domain.listing import DEFAULT_PAGE, Position, Slice, SortBy, SortOrder


class Listable(Protocol):
    """Anything in a list: it was made at some time, and its ID settles ties."""

    @property
    def id(self) -> str:
        """The ID."""

    @property
    def created_at(self) -> int:
        """Unix microseconds."""


Item = TypeVar("Item", bound=Listable)


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of the part it wants. Page mode, cursor mode, or neither, which is cursor mode."""

    page_number: int | None = None
    page_size: int | None = None
    max_results: int | None = None
    next_token: str | None = None
    sort_by: SortBy = SortBy.CREATE_TIME
    sort_order: SortOrder = SortOrder.DESCENDING


class Listed(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """One part of a list; `total`, `page_number` and `page_size` in page mode only, `next_token` until the end in cursor mode."""

    items: list[Item]
    total: int | None = None
    page_number: int | None = None
    page_size: int | None = None
    next_token: str | None = None


async def select_part(
    paging: Paging,
    cursors: CursorSigner,
    scope: bytes,
    *,
    page: Callable[[Slice], Awaitable[list[Item]]],
    count: Callable[[], Awaitable[int]] | None = None,
) -> Listed[Item]:
    """The part of a list that is asked for; `scope` is what its cursors are bound to. Without `count` there is no page mode.

    Raises InvalidParameter `Paging` if both modes are asked for, `NextToken` for a cursor of another list.
    """
    by_number = paging.page_number is not None or paging.page_size is not None
    if by_number and (paging.max_results is not None or paging.next_token):
        raise InvalidParameter("Paging", "ask either for PageNumber and PageSize, or for MaxResults and NextToken, not for both")
    if by_number and count is not None:
        number, size = paging.page_number or 1, paging.page_size or DEFAULT_PAGE
        part = Slice(sort_by=paging.sort_by, order=paging.sort_order, limit=size, offset=(number - 1) * size)
        return Listed(items=await page(part), total=await count(), page_number=number, page_size=size)
    limit = paging.max_results or DEFAULT_PAGE
    after = cursors.open(paging.next_token, scope) if paging.next_token else None
    items = await page(Slice(sort_by=paging.sort_by, order=paging.sort_order, limit=limit + 1, after=after))
    if len(items) <= limit:
        return Listed(items=items)
    items = items[:limit]
    return Listed(items=items, next_token=cursors.seal(_position(items[-1], paging.sort_by), scope))


async def part_of(items: Sequence[Item], part: Slice) -> list[Item]:
    """One part of a list that is short and at hand as a whole, sorted by creation: as a table would answer it."""

    def place(item: Item) -> tuple[int | str, ...]:
        return (item.created_at, item.id)

    is_descending = part.order is SortOrder.DESCENDING
    ordered = sorted(items, key=place, reverse=is_descending)
    if part.after is not None:
        after = (*part.after.values, part.after.id)
        ordered = [item for item in ordered if (place(item) < after if is_descending else place(item) > after)]
    return ordered[part.offset : part.offset + part.limit]


def scope_of(kind: str, holder: str, wanted: Any, paging: Paging) -> bytes:
    """What a cursor is bound to: the list's kind, whose it is (a project, or a key), filter and sorting."""
    return msgspec.json.encode([kind, holder, wanted, paging.sort_by, paging.sort_order])


def _position(item: Listable, sort_by: SortBy) -> Position:
    match sort_by:
        case SortBy.CREATE_TIME:
            return Position((item.created_at,), item.id)
        case SortBy.UPDATE_TIME:
            assert isinstance(item, (Asset, Group))
            return Position((item.updated_at,), item.id)
        case SortBy.GROUP_ID:
            assert isinstance(item, Asset)
            return Position((item.group_id, item.created_at), item.id)
