"""While a library is written down the sweeper waits, an erasure does not, and what was erased stays erased after a restore."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from spark_assets.db.tables import assets
from spark_assets.domain import blob_names
from spark_assets.domain.api_key import Scope
from spark_assets.domain.erasure import Erase, Erased
from spark_assets.domain.errors import Unavailable
from spark_assets.operations import erasure
from spark_assets.operations.erasure_again import erase_again
from spark_assets.operations.erasure_record import adopt_record, put_entry, read_record, undone, write_record
from spark_assets.operations.holding import LEASE, holding
from spark_assets.operations.housekeeping import GRACE, sweep_blobs, sweep_incoming
from spark_assets.operations.reading import take_blobs, take_rows
from spark_assets.operations.transfer import fetched
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.ports.moving import Archive
from spark_assets.storage.local import LocalBlobStore
from tests.factories import records
from tests.factories.libraries import CONTENT, ORIGINAL, THUMBNAIL, Whole, all_rows, store
from tests.factories.records import NOW
from tests.integration.moving.conftest import reading, write

CALL = records.call(caller=records.caller(scopes=frozenset({Scope.ADMIN})))


async def asset_id(library: Whole) -> str:
    [row] = (await all_rows(library.movable))["assets"]
    return str(row["id"])


async def there(library: Whole, name: str) -> bool:
    try:
        await library.library.blobs.size(name)
    except BlobNotFound:
        return False
    return True


async def sweep(library: Whole) -> int:
    """Long after everything was written."""
    tools = library.library
    tools.clock.time = 2 * NOW  # type: ignore[attr-defined]  # a clock that tests set
    return await sweep_blobs(tools.database, tools.blobs, tools.clock)


async def forsake(library: Whole) -> None:
    """No asset refers to the bytes any more."""
    await library.run(update(assets).values(blob_sha256=None), {})


async def test_nothing_is_swept_while_held_and_all_of_it_afterwards(old: Whole) -> None:
    tools = old.library
    await forsake(old)
    await store(tools, blob_names.incoming("upload-gone", "part"), b"x")
    tools.clock.time = 2 * NOW  # type: ignore[attr-defined]  # a clock that tests set
    async with holding(tools.database, tools.clock, "a test"):
        assert await sweep(old) == 0
        assert await sweep_incoming(tools.database, tools.blobs, tools.clock.now()) == 0
        async with tools.database.begin() as uow:
            assert not await uow.blobs.begin_sweep(ORIGINAL.rpartition("/")[2], tools.clock.now())
    assert await sweep(old) == 1
    assert await sweep_incoming(tools.database, tools.blobs, tools.clock.now()) == 1


async def test_the_hold_of_who_was_killed_ends_by_itself(old: Whole) -> None:
    tools = old.library
    await forsake(old)
    tools.clock.time = 2 * NOW  # type: ignore[attr-defined]  # a clock that tests set
    killed = holding(tools.database, tools.clock, "a test")
    await killed.__aenter__()
    assert await sweep(old) == 0
    tools.clock.time = 2 * NOW + LEASE  # type: ignore[attr-defined]  # likewise
    assert await sweep_blobs(tools.database, tools.blobs, tools.clock) == 1
    await killed.__aexit__(None, None, None)


async def test_an_erasure_heeds_no_hold_and_the_archive_says_what_is_gone(
    old: Whole, place: LocalBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after the rows were read, and before the bytes are."""
    read = old.library.blobs.read
    erased, turn = [], asyncio.Lock()

    def erase_first(name: str, start: int, length: int) -> AsyncIterator[bytes]:
        async def pieces() -> AsyncIterator[bytes]:
            async with turn:
                if not erased:
                    erased.append(await erasure.erase(old.library, CALL, Erase(asset_ids=(await asset_id(old),))))
            async for piece in read(name, start, length):
                yield piece

        return pieces()

    monkeypatch.setattr(old.library.blobs, "read", erase_first)
    manifest = await write(old, place)
    assert [blob.size for blob in erased[0].blobs] == [len(CONTENT)]
    assert (manifest.gone, manifest.missing) == (2, 0)
    assert len([entry async for entry in read_record(place)]) == 1


async def restored(old: Whole, new: Whole, place: LocalBlobStore) -> None:
    manifest = await write(old, place)
    taken = reading(new, place, manifest)
    await take_blobs(taken)
    await take_rows(taken)


async def test_what_was_erased_after_the_backup_is_erased_again(old: Whole, new: Whole, place: LocalBlobStore) -> None:
    await restored(old, new, place)
    await erasure.erase(old.library, CALL, Erase(asset_ids=(await asset_id(old),)))
    await write(old, place, "second")  # carries the record along
    assert await adopt_record(new.library, place) == 1
    assert [found async for found in undone(new.library.database, new.library.blobs)] == [await asset_id(new)]
    again = await erase_again(new.library, CALL)
    assert (again.assets, again.bytes_freed > len(CONTENT)) == (1, True)
    assert (await all_rows(new.movable))["assets"] == []
    assert not await there(new, ORIGINAL)
    assert not await there(new, THUMBNAIL)
    assert (await erase_again(new.library, CALL)).assets == 0
    assert [found async for found in undone(new.library.database, new.library.blobs)] == []
    assert await adopt_record(new.library, place) == 0


async def test_a_group_that_was_erased_goes_again_only_if_nothing_is_left_in_it(old: Whole) -> None:
    [group] = (await all_rows(old.movable))["groups"]
    await put_entry(old.library, Erased(id="entry1", erasure_id="e", erased_at=NOW, group_ids=(group["id"], "group-none")))
    assert (await erase_again(old.library, CALL)).groups == 0
    await put_entry(old.library, Erased(id="entry2", erasure_id="e", erased_at=NOW, asset_ids=(await asset_id(old),)))
    again = await erase_again(old.library, CALL)
    assert (again.assets, again.groups) == (1, 1)
    assert (await all_rows(old.movable))["groups"] == []


async def test_a_store_that_is_away_holds_up_no_erasure_and_the_record_is_written_later(
    old: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = old.library.blobs.put

    async def away(path: Path, name: str, media_type: str) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(old.library.blobs, "put", away)
    erased = await asset_id(old)
    receipt = await erasure.erase(old.library, CALL, Erase(asset_ids=(erased,)))
    assert receipt.complete
    monkeypatch.setattr(old.library.blobs, "put", put)
    assert [entry async for entry in read_record(old.library.blobs)] == []
    await write_record(old.library)
    [entry] = [entry async for entry in read_record(old.library.blobs)]
    assert (entry.asset_ids, entry.erasure_id, entry.group_ids) == ((erased,), receipt.id, ())
    async with old.library.database.read() as repositories:
        assert await repositories.erasure.noted(9) == []
    assert list(old.library.spool.iterdir()) == []


async def test_a_dry_run_and_an_erasure_of_nothing_leave_no_record(old: Whole) -> None:
    await erasure.erase(old.library, CALL, Erase(asset_ids=(await asset_id(old),), dry_run=True))
    await erasure.erase(old.library, CALL, Erase(project="default"))
    assert [entry async for entry in read_record(old.library.blobs)] == []


async def test_a_record_that_cannot_be_read_is_not_passed_over(old: Whole) -> None:
    await store(old.library, blob_names.erasure("bad"), b"{}")
    with pytest.raises(Unavailable, match="bad"):
        await erase_again(old.library, CALL)


async def test_a_spool_file_goes_whatever_happens(old: Whole) -> None:
    source: Archive = old.library.blobs
    with pytest.raises(RuntimeError):
        async with fetched(source, ORIGINAL, 10**6, old.library.spool) as got:
            assert got.path.read_bytes() == CONTENT
            raise RuntimeError
    assert list(old.library.spool.iterdir()) == []
    assert replace(got, size=0).size == 0
    assert GRACE > LEASE
