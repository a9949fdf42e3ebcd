"""A search that no index serves holds up nobody else, and few rows are found by what is rare about them."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.audit import AuditFilter
from spark_assets.domain.listing import AssetFilter, Slice
from spark_assets.ports.unit_of_work import Database
from tests.factories import records
from tests.factories.databases import open_sqlite
from tests.factories.records import DEFAULT_PROJECT_ID, NOW

COUNT = 20_000
HERE = [DEFAULT_PROJECT_ID]
RARE_HASH = "f" * 64


@pytest.fixture
async def library(tmp_path: Path) -> Any:
    """Many assets on SQLite, two of them tagged `rare`, every second one `often`."""
    async with open_sqlite(tmp_path / "library.db") as database:
        async with database.begin() as uow:
            group = records.group()
            await uow.groups.add(group)
            for number in range(COUNT):
                tags = ("often",) * (number % 2 == 0) + ("rare",) * (number in {2, COUNT // 2})
                asset = records.asset(group.id, id=f"asset-{number:08d}", name=f"shot {number}", created_at=NOW + number, tags=tags)
                await uow.assets.add(asset)
            await uow.commit()
        yield database


async def _found(database: Database, **wanted: Any) -> list[str]:
    async with database.read() as repositories:
        page = await repositories.assets.page(HERE, AssetFilter(**wanted), Slice(limit=100))
        assert await repositories.assets.count(HERE, AssetFilter(**wanted)) >= len(page)
    return [asset.id for asset in page]


async def test_tags_are_found_whether_rare_or_not_and_together(library: Database) -> None:
    rare = [f"asset-{COUNT // 2:08d}", "asset-00000002"]
    assert await _found(library, tags=("rare",)) == rare
    assert await _found(library, tags=("often", "rare")) == rare
    assert (await _found(library, tags=("often",)))[:2] == [f"asset-{COUNT - 2:08d}", f"asset-{COUNT - 4:08d}"]
    assert await _found(library, tags=("none",)) == []
    assert await _found(library, tags=("rare",), name="shot 2") == ["asset-00000002"]
    assert await _found(library, sha256=RARE_HASH) == []


async def test_others_are_served_while_a_search_goes_on(library: Database) -> None:
    longest = 0.0

    async def be_served() -> None:
        nonlocal longest
        async with library.read() as repositories:
            while True:
                begin = time.perf_counter()
                assert await repositories.projects.by_id(DEFAULT_PROJECT_ID)
                await asyncio.sleep(0)
                longest = max(longest, time.perf_counter() - begin)

    other = asyncio.create_task(be_served())
    begin = time.perf_counter()
    for _ in range(20):
        assert await _found(library, name="nowhere") == []
        assert await _found(library, statuses=(AssetStatus.FAILED,)) == []
    whole = time.perf_counter() - begin
    other.cancel()
    assert longest < whole / 5, "one read waited for whole searches"


@pytest.mark.parametrize("wanted", [{"action": "key.created"}, {"project_ids": ("project-a", "project-b")}], ids=str)
async def test_others_are_served_before_a_search_of_the_audit_trail_is_over(library: Database, wanted: Any) -> None:
    async with library.read() as repositories:
        other = asyncio.ensure_future(repositories.projects.by_id(DEFAULT_PROJECT_ID))
        assert await repositories.audit.page(AuditFilter(**wanted), Slice()) == []
        assert other.done()


async def test_a_search_within_a_unit_of_work_sees_what_it_has_written(library: Database) -> None:
    async with library.begin() as uow:
        group = records.group()
        await uow.groups.add(group)
        await uow.assets.add(records.asset(group.id, name="just written"))
        assert len(await uow.assets.page(HERE, AssetFilter(name="JUST"), Slice())) == 1
        assert await uow.assets.count(HERE, AssetFilter(name="JUST")) == 1
