"""What holds on the sweeper and the notes of erasures promise, proved over both databases."""

import asyncio

from spark_assets.domain.erasure import Erased
from spark_assets.domain.media import MediaFormat
from spark_assets.ports.holds import Hold
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.records import NOW, SECOND

SHA256 = records.sha256_of(b"held")


async def test_a_hold_lives_until_its_end_unless_it_is_renewed_or_released(uow: UnitOfWork) -> None:
    assert not await uow.holds.is_held(NOW)
    await uow.holds.keep(Hold("one", "a backup", NOW + SECOND))
    assert await uow.holds.is_held(NOW)
    assert not await uow.holds.is_held(NOW + SECOND)
    await uow.holds.keep(Hold("one", "a backup", NOW + 3 * SECOND))
    await uow.holds.keep(Hold("two", "another", NOW + 2 * SECOND))
    assert await uow.holds.is_held(NOW + 2 * SECOND)
    assert await uow.holds.find("one") == Hold("one", "a backup", NOW + 3 * SECOND)
    await uow.holds.release("one")
    await uow.holds.release("none")
    assert await uow.holds.find("one") is None
    assert await uow.holds.is_held(NOW)
    assert not await uow.holds.is_held(NOW + 2 * SECOND)


async def test_bytes_on_record_are_marked_for_no_sweep_while_held_but_for_an_erasure(uow: UnitOfWork) -> None:
    await uow.blobs.reference(SHA256, size=4, stored_at=NOW)
    await uow.holds.keep(Hold("one", "a backup", NOW + SECOND))
    assert not await uow.blobs.begin_sweep(SHA256, NOW)
    assert await uow.blobs.hold(SHA256)
    assert await uow.blobs.begin_sweep(SHA256, NOW, despite_holds=True)
    other = records.sha256_of(b"another")
    await uow.blobs.reference(other, size=4, stored_at=NOW)
    assert await uow.blobs.begin_sweep(other, NOW + SECOND)


async def test_a_sweep_that_meets_a_hold_of_another_process_leaves_the_bytes(database: Database) -> None:
    async with database.begin() as uow:
        await uow.blobs.reference(SHA256, size=4, stored_at=NOW)
        await uow.commit()

    async def hold() -> None:
        async with database.begin() as uow:
            await uow.holds.keep(Hold("one", "a backup", NOW + SECOND))
            await uow.commit()

    async def sweep() -> bool:
        async with database.begin() as uow:
            marked = await uow.blobs.begin_sweep(SHA256, NOW)
            await uow.commit()
            return marked

    await hold()
    assert await asyncio.gather(*(sweep() for _ in range(4))) == [False] * 4


async def test_what_is_noted_of_an_erasure_stays_until_it_is_forgotten(uow: UnitOfWork) -> None:
    first, second = (Erased(id=f"entry{number}", erasure_id="e", erased_at=NOW, asset_ids=("a", "b")) for number in (1, 2))
    for entry in (second, first):
        await uow.erasure.note(entry)
    assert await uow.erasure.noted(9) == [first, second]
    assert await uow.erasure.noted(1) == [first]
    await uow.erasure.forget_noted([first.id, "none"])
    assert await uow.erasure.noted(9) == [second]


async def test_bytes_have_the_format_of_an_asset_that_refers_to_them(uow: UnitOfWork) -> None:
    asset, _ = await records.add_asset(uow)
    await uow.blobs.reference(SHA256, size=4, stored_at=NOW)
    assert await uow.blobs.formats_of([SHA256]) == {}
    assert await uow.assets.activate(asset.id, sha256=SHA256, size=4, facts=records.PICTURE, at=NOW)
    assert await uow.blobs.formats_of([SHA256, "0" * 64]) == {SHA256: MediaFormat.JPEG}
