"""What the shares and the ends of keys promise, proved over both databases."""

from typing import Any

import pytest

from spark_assets.domain.asset import Variant
from spark_assets.domain.ids import new_share_id
from spark_assets.domain.listing import Position, Slice, SortOrder
from spark_assets.domain.share import Share, new_token, token_fingerprint
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import UnitOfWork
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND


@pytest.fixture
async def asset_id(uow: UnitOfWork) -> str:
    """An asset of the default project."""
    asset, _ = await records.add_asset(uow)
    return asset.id


async def _add(uow: UnitOfWork, asset_id: str, **changes: Any) -> Share:
    values = {"id": new_share_id(), "project_id": DEFAULT_PROJECT_ID, "asset_id": asset_id, "variant": Variant.POSTER, "created_at": NOW}
    share = Share(**{**values, "token": new_token(), **changes})
    await uow.shares.add(share)
    return share


async def test_a_share_is_found_by_its_token_and_comes_back_whole(uow: UnitOfWork, asset_id: str) -> None:
    share = await _add(uow, asset_id, expires_at=NOW + SECOND)
    assert share.token is not None
    assert await uow.shares.by_fingerprint(token_fingerprint(share.token)) == share
    assert await uow.shares.by_fingerprint(token_fingerprint(new_token())) is None


async def test_a_share_is_found_by_its_id_in_its_project_alone(uow: UnitOfWork, asset_id: str) -> None:
    share = await _add(uow, asset_id)
    for within in (None, [DEFAULT_PROJECT_ID], ["project-other", DEFAULT_PROJECT_ID]):
        assert await uow.shares.find(share.id, within) == share
    for within in ([], ["project-other"]):
        assert await uow.shares.find(share.id, within) is None
    assert await uow.shares.find("share-none", None) is None


async def test_two_shares_have_not_the_same_id(uow: UnitOfWork, asset_id: str) -> None:
    share = await _add(uow, asset_id)
    with pytest.raises(Taken) as taken:
        await _add(uow, asset_id, id=share.id)
    assert taken.value.what == "id"


async def test_a_share_is_revoked_once(uow: UnitOfWork, asset_id: str) -> None:
    share = await _add(uow, asset_id)
    assert await uow.shares.revoke(share.id, NOW + 5)
    assert not await uow.shares.revoke(share.id, NOW + 6)
    assert not await uow.shares.revoke("share-none", NOW)
    found = await uow.shares.find(share.id, None)
    assert found is not None
    assert found.revoked_at == NOW + 5
    assert not found.is_usable(NOW)


async def test_lists_hold_the_shares_of_the_project_or_of_one_asset_that_are_not_revoked(uow: UnitOfWork, asset_id: str) -> None:
    film = records.project("film")
    await uow.projects.add(film)
    foreign, _ = await records.add_asset(uow, project_id=film.id)
    other, _ = await records.add_asset(uow)
    theirs = await _add(uow, foreign.id, project_id=film.id)
    first, second = [await _add(uow, asset_id, created_at=NOW + number) for number in range(2)]
    third = await _add(uow, other.id, created_at=NOW + 2)
    revoked = await _add(uow, asset_id)
    await uow.shares.revoke(revoked.id, NOW)
    assert await uow.shares.page(DEFAULT_PROJECT_ID, Slice()) == [third, second, first]
    assert await uow.shares.page(DEFAULT_PROJECT_ID, Slice(order=SortOrder.ASCENDING, limit=2)) == [first, second]
    behind = Position((second.created_at,), second.id)
    assert await uow.shares.page(DEFAULT_PROJECT_ID, Slice(after=behind)) == [first]
    assert await uow.shares.page(DEFAULT_PROJECT_ID, Slice(), asset_id) == [second, first]
    assert await uow.shares.page(DEFAULT_PROJECT_ID, Slice(), foreign.id) == []
    assert await uow.shares.page(film.id, Slice()) == [theirs]
