"""Ten thousand assets walked from end to end, on both databases, while others come, change and go."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from sqlalchemy import insert

from spark_assets.db import tables
from spark_assets.db.asset_rows import _values
from spark_assets.domain.asset import Asset
from spark_assets.domain.listing import AssetFilter, SortBy, SortOrder
from spark_assets.operations import assets
from spark_assets.operations.assets import ListAssets
from spark_assets.operations.paging import Listed
from spark_assets.ports.unit_of_work import Database
from tests.factories import records
from tests.factories.databases import create_postgres_database, drop_postgres_database, open_postgres, open_sqlite
from tests.factories.records import NOW

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT: Final = 10_000
PASSING: Final = 40
"""Assets that come and go at each step."""


class Library:
    """A database with one group of assets, some of which stay."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.group = records.group()
        self.staying: list[Asset] = []
        self._passing: list[str] = []
        self._random = random.Random(1)

    async def fill(self) -> None:
        """Ten thousand assets, several of each moment, so that IDs decide too; none of them leaves again."""
        self.staying = [self._new(number // 3) for number in range(COUNT)]
        async with self.database.begin() as uow:
            await uow.groups.add(self.group)
            connection: Any = uow.assets._connection  # type: ignore[attr-defined]  # all at once: the port takes one by one
            await connection.run(insert(tables.assets), [_values(asset) for asset in self.staying])
            await uow.commit()

    async def stir(self) -> None:
        """New assets anywhere in the list, among them the newest; those of the last time go."""
        new = [self._new(self._random.randrange(COUNT // 3)) for _ in range(PASSING)] + [self._new(COUNT)]
        async with self.database.begin() as uow:
            await uow.assets.delete(self._passing, NOW)
            for asset in new:
                await uow.assets.add(asset)
            await uow.commit()
        self._passing = [asset.id for asset in new]

    async def page(self, **wanted: Any) -> Listed[Asset]:
        """One part of the list."""
        async with self.database.read() as repositories:
            listed, _ = await assets.page(repositories, records.call(), ListAssets(filter=AssetFilter(), **wanted))
        return listed

    def _new(self, age: int) -> Asset:
        """An asset of that age in microseconds; IDs made within one second are too alike for so many."""
        return records.asset(self.group.id, id=f"asset-{self._random.getrandbits(64):x}", created_at=NOW + age)

    def only_staying(self, seen: list[str]) -> list[str]:
        """What was there throughout, in the order in which it was seen."""
        known = {asset.id for asset in self.staying}
        return [asset_id for asset_id in seen if asset_id in known]

    def expected(self, sort_by: SortBy, order: SortOrder) -> list[str]:
        """What was there throughout, in the order of the list."""
        group = (lambda asset: asset.group_id) if sort_by is SortBy.GROUP_ID else (lambda asset: "")
        staying = sorted(self.staying, key=lambda asset: (group(asset), asset.created_at, asset.id), reverse=order is SortOrder.DESCENDING)
        return [asset.id for asset in staying]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Library]:
    """A full library on either engine; what the tests add to it does no harm to the next."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("walk")
        async with open_sqlite(folder / "library.db") as database:
            library = Library(database)
            await library.fill()
            yield library
    else:
        server = request.getfixturevalue("postgres_server")
        url = await create_postgres_database(server)
        async with open_postgres(url) as database:
            library = Library(database)
            await library.fill()
            yield library
        await drop_postgres_database(server, url)


async def _walk(library: Library, **wanted: Any) -> list[str]:
    """IDs in the order in which cursors lead to them, with the library stirred after each step."""
    seen: list[str] = []
    token = None
    while True:
        listed = await library.page(max_results=100, next_token=token, **wanted)
        seen += [asset.id for asset in listed.items]
        token = listed.next_token
        if token is None:
            return seen
        await library.stir()


@pytest.mark.parametrize(
    ("sort_by", "order"),
    [
        (SortBy.CREATE_TIME, SortOrder.DESCENDING),
        (SortBy.CREATE_TIME, SortOrder.ASCENDING),
        (SortBy.GROUP_ID, SortOrder.ASCENDING),
    ],
    ids=["newest first", "oldest first", "by group"],
)
async def test_cursors_miss_and_repeat_nothing_while_assets_come_and_go(library: Library, sort_by: SortBy, order: SortOrder) -> None:
    seen = await _walk(library, sort_by=sort_by, sort_order=order)
    assert len(seen) == len(set(seen))
    assert library.only_staying(seen) == library.expected(sort_by, order)


async def test_pages_of_a_library_at_rest_hold_everything_once(library: Library) -> None:
    seen: list[str] = []
    number, total = 1, COUNT
    while len(seen) < total:
        listed = await library.page(page_number=number, page_size=100)
        assert (listed.page_number, listed.page_size, listed.next_token) == (number, 100, None)
        assert listed.total is not None
        total = listed.total
        seen += [asset.id for asset in listed.items]
        number += 1
    assert len(seen) == len(set(seen)) == total
    assert library.only_staying(seen) == library.expected(SortBy.CREATE_TIME, SortOrder.DESCENDING)
    assert (await library.page(page_number=number, page_size=100)).items == []


async def test_pages_oldest_first_miss_nothing_while_newer_assets_are_added(library: Library) -> None:
    seen: list[str] = []
    totals = []
    for number in range(1, COUNT // 100 + 1):
        listed = await library.page(page_number=number, page_size=100, sort_order=SortOrder.ASCENDING, sort_by=SortBy.CREATE_TIME)
        seen += [asset.id for asset in listed.items]
        totals.append(listed.total)
        if number % 10 == 0:
            async with library.database.begin() as uow:
                await uow.assets.add(records.asset(library.group.id, id=f"asset-newer-{number}", created_at=NOW + 2 * COUNT + number))
                await uow.commit()
    assert len(seen) == len(set(seen)) == COUNT
    assert totals == sorted(totals)
    assert totals[-1] == totals[0] + len(totals) // 10 - 1
