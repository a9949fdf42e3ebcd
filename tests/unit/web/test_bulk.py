import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from spark_assets.domain.bulk import BulkAction
from spark_assets.domain.errors import Unavailable
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.web.admin.bulk import ENDPOINTS
from spark_assets.web.admin.endpoint import Asked
from spark_assets.web.site import Site
from tests.factories import records
from tests.unit.web.conftest import MakeExchange


class Stumbling:
    """A real database whose transactions fail as they are told to, one after the other; those beyond go well."""

    def __init__(self, database: Database, *failures: Exception | None) -> None:
        self._database = database
        self._failures = list(failures)
        self.begun = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        """A transaction; what fails, fails at its end."""
        self.begun += 1
        failure = self._failures.pop(0) if self._failures else None
        async with self._database.begin() as uow:
            yield uow if failure is None else _Failing(uow, failure)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class _Failing:
    def __init__(self, uow: UnitOfWork, failure: Exception) -> None:
        self._uow = uow
        self._failure = failure

    def __getattr__(self, name: str) -> Any:
        return getattr(self._uow, name)

    async def commit(self, *, wait: bool = True) -> None:
        raise self._failure


@pytest.fixture
async def ids(site: Site) -> list[str]:
    """Seventy assets: two chunks."""
    made = []
    async with site.runtime.database.begin() as uow:
        for _ in range(70):
            asset, _ = await records.add_asset(uow)
            made.append(asset.id)
        await uow.commit()
    return made


async def _delete(
    site: Site, make_exchange: MakeExchange, ids: list[str], *failures: Exception | None
) -> tuple[list[str | None], Stumbling]:
    stumbling = Stumbling(site.runtime.database, *failures)
    site.runtime = replace(site.runtime, database=stumbling)
    asked = Asked(records.call(), {}, {"action": BulkAction.DELETE, "ids": tuple(ids)}, records.links())
    answer = await ENDPOINTS[0].handle(make_exchange("POST").exchange, asked)
    assert isinstance(answer, bytes)
    results = json.decode(answer)["results"]
    assert [result["id"] for result in results] == ids
    return [None if result["error"] is None else result["error"]["code"] for result in results], stumbling


async def _is_there(site: Site, asset_id: str) -> bool:
    async with site.runtime.database.read() as repositories:
        return await repositories.assets.get(asset_id, None) is not None


async def test_fifty_assets_share_a_transaction(site: Site, make_exchange: MakeExchange, ids: list[str]) -> None:
    codes, stumbling = await _delete(site, make_exchange, ids)
    assert codes == [None] * 70
    assert stumbling.begun == 2


@pytest.mark.parametrize("failure", [Unavailable("two transactions stood in each other's way"), RuntimeError("nobody expected this")])
async def test_a_chunk_that_fails_is_done_again_one_by_one(
    site: Site, make_exchange: MakeExchange, ids: list[str], failure: Exception
) -> None:
    codes, stumbling = await _delete(site, make_exchange, ids, failure)
    assert codes == [None] * 70
    assert stumbling.begun == 1 + 50 + 1


async def test_then_only_the_culprit_fails(site: Site, make_exchange: MakeExchange, ids: list[str]) -> None:
    codes, _ = await _delete(site, make_exchange, ids, RuntimeError("a"), None, None, RuntimeError("a"), None, Unavailable("away"))
    assert codes == [None, None, "InternalError", None, "ServiceUnavailable", *[None] * 65]
    assert await _is_there(site, ids[2])
    assert await _is_there(site, ids[4])
    assert not await _is_there(site, ids[3])


async def test_a_database_that_stays_away_is_not_tried_for_ever(site: Site, make_exchange: MakeExchange, ids: list[str]) -> None:
    codes, stumbling = await _delete(site, make_exchange, ids, *[Unavailable("away")] * 100)
    assert codes == ["ServiceUnavailable"] * 70
    assert stumbling.begun == 4
    assert await _is_there(site, ids[0])


async def test_others_have_their_turn_though_nothing_is_kept(site: Site, make_exchange: MakeExchange, ids: list[str]) -> None:
    turns: list[int] = []

    async def take_turns() -> None:
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    asked = Asked(records.call(), {}, {"action": BulkAction.DELETE, "ids": tuple(ids), "dry_run": True}, records.links())
    await ENDPOINTS[0].handle(make_exchange("POST").exchange, asked)
    other.cancel()
    assert len(turns) >= 2
    assert await _is_there(site, ids[0])
