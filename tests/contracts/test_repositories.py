"""What the repositories promise of projects, keys, groups, assets, blobs and the ledger, proved over both databases."""

import pytest
from msgspec.structs import replace

from spark_assets.domain.asset import Asset, AssetStatus, Failure, ModerationStrategy, Variant
from spark_assets.domain.media import AssetType
from spark_assets.domain.usage import Charge, UsageRecord
from spark_assets.ports.repositories import Rendition, Taken
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND

SHA256 = records.sha256_of(b"hero")
OTHER_SHA256 = records.sha256_of(b"villain")


async def _store(uow: UnitOfWork) -> Asset:
    """An active asset with these bytes."""
    asset, _ = await records.add_asset(uow)
    assert await uow.blobs.reference(SHA256, size=4, stored_at=NOW)
    assert await uow.assets.activate(asset.id, sha256=SHA256, size=4, facts=records.PICTURE, at=NOW + SECOND)
    return await records.find_asset(uow, asset.id)


async def test_the_default_project_is_always_there(uow: UnitOfWork) -> None:
    found = await uow.projects.by_name("default")
    assert found is not None
    assert await uow.projects.by_id(found.id) == found
    assert await uow.projects.all() == [found]


async def test_a_project_is_found_by_name_and_by_id_and_listed_by_name(uow: UnitOfWork) -> None:
    film, clip = records.project("film"), records.project("clip")
    await uow.projects.add(film)
    await uow.projects.add(clip)
    assert await uow.projects.by_name("film") == film
    assert await uow.projects.by_id(clip.id) == clip
    assert [project.name for project in await uow.projects.all()] == ["clip", "default", "film"]
    assert await uow.projects.by_name("FILM") is None
    assert await uow.projects.by_id("film") is None


async def test_a_taken_project_says_what_is_taken(uow: UnitOfWork) -> None:
    film = records.project("film")
    await uow.projects.add(film)
    with pytest.raises(Taken) as name:
        await uow.projects.add(records.project("film"))
    with pytest.raises(Taken) as identity:
        await uow.projects.add(replace(film, name="clip"))
    assert (name.value.what, identity.value.what) == ("name", "id")


async def test_a_group_is_found_in_its_own_project_alone(uow: UnitOfWork) -> None:
    film = records.project("film")
    await uow.projects.add(film)
    group = records.group(project_id=film.id, name="Größe 🎬", description="Line\nless")
    await uow.groups.add(group)
    assert await uow.groups.get(group.id, film.id) == group
    assert await uow.groups.get(group.id, DEFAULT_PROJECT_ID) is None
    assert await uow.groups.get("group-none", film.id) is None
    with pytest.raises(Taken) as taken:
        await uow.groups.add(records.group(id=group.id))
    assert taken.value.what == "id"


async def test_an_asset_is_read_as_it_was_added(uow: UnitOfWork) -> None:
    metadata = {"take": 3, "big": 10**30, "deep": [{"a": None}], "ü": "\0 nothing"}
    asset, _ = await records.add_asset(
        uow,
        name="Größe 🎬",
        type=AssetType.VIDEO,
        moderation=ModerationStrategy.SKIP,
        external_id="shot-42",
        tags=("night", "Nacht 🌙", "a"),
        metadata=metadata,
    )
    found = await uow.assets.get(asset.id, [DEFAULT_PROJECT_ID])
    assert found == asset
    assert found is not None
    assert (found.tags, found.metadata) == (("night", "Nacht 🌙", "a"), metadata)


async def test_an_asset_is_found_within_the_reach_alone(uow: UnitOfWork) -> None:
    film = records.project("film")
    await uow.projects.add(film)
    asset, _ = await records.add_asset(uow, project_id=film.id)
    for reach in ([film.id], [DEFAULT_PROJECT_ID, film.id], None):
        assert await uow.assets.get(asset.id, reach) == asset
    for reach in ([DEFAULT_PROJECT_ID], ["project-none"], []):
        assert await uow.assets.get(asset.id, reach) is None


async def test_an_external_id_is_unique_in_its_project_and_free_in_others(uow: UnitOfWork) -> None:
    film = records.project("film")
    await uow.projects.add(film)
    first, _ = await records.add_asset(uow, external_id="shot-42")
    with pytest.raises(Taken) as external:
        await uow.assets.add(records.asset(first.group_id, external_id="shot-42"))
    with pytest.raises(Taken) as identity:
        await uow.assets.add(records.asset(first.group_id, id=first.id))
    assert (external.value.what, identity.value.what) == ("external_id", "id")
    await records.add_asset(uow, project_id=film.id, external_id="shot-42")
    await records.add_asset(uow)
    await records.add_asset(uow)


@pytest.mark.parametrize("facts", [records.PICTURE, records.CLIP], ids=["picture", "clip"])
async def test_activation_records_what_was_measured(uow: UnitOfWork, facts: object) -> None:
    asset, _ = await records.add_asset(uow)
    await uow.blobs.reference(SHA256, size=2**40, stored_at=NOW)
    assert await uow.assets.activate(asset.id, sha256=SHA256, size=2**40, facts=facts, at=NOW + SECOND)  # type: ignore[arg-type]
    expected = {"status": AssetStatus.ACTIVE, "sha256": SHA256, "size": 2**40, "facts": facts, "updated_at": NOW + SECOND}
    assert await uow.assets.get(asset.id, None) == replace(asset, **expected)


async def test_an_ended_asset_never_changes_again(uow: UnitOfWork) -> None:
    active = await _store(uow)
    failed, _ = await records.add_asset(uow)
    failure = Failure("WidthTooSmall", "width 240 px is below the minimum", "a reason")
    assert await uow.assets.fail(failed.id, failure, NOW + SECOND)
    for ended in (active.id, failed.id, "asset-none"):
        before = await uow.assets.get(ended, None)
        assert not await uow.assets.fail(ended, Failure("Other", "later"), NOW + 2 * SECOND)
        assert not await uow.assets.activate(ended, sha256=SHA256, size=9, facts=records.CLIP, at=NOW + 2 * SECOND)
        assert await uow.assets.get(ended, None) == before
    assert (await records.find_asset(uow, failed.id)).failure == failure


async def test_what_no_id_can_hold_is_not_found(database: Database) -> None:
    for odd in ("", "a\0b", "x" * 100_000, "' OR 1=1 --", "%", "\u202e"):
        async with database.begin() as uow:
            assert await uow.assets.get(odd, None) is None
        async with database.read() as repositories:
            assert await repositories.groups.get(odd, DEFAULT_PROJECT_ID) is None
            assert await repositories.projects.by_name(odd) is None
            assert await repositories.assets.get(odd, [DEFAULT_PROJECT_ID]) is None
            assert await repositories.tasks.get(odd) is None


async def test_bytes_are_on_record_once_and_referred_to_by_assets(uow: UnitOfWork) -> None:
    assert await uow.blobs.referenced([SHA256, OTHER_SHA256]) == set()
    await _store(uow)
    await _store(uow)
    assert await uow.blobs.reference(OTHER_SHA256, size=7, stored_at=NOW)
    assert await uow.blobs.referenced([SHA256, OTHER_SHA256]) == {SHA256}
    assert await uow.blobs.referenced([]) == set()
    assert await uow.blobs.after("", 10) == sorted([(SHA256, 4), (OTHER_SHA256, 7)])
    assert await uow.blobs.after("", 1) == sorted([(SHA256, 4), (OTHER_SHA256, 7)])[:1]
    assert await uow.blobs.after(max(SHA256, OTHER_SHA256), 10) == []


async def test_bytes_that_an_asset_refers_to_cannot_be_swept(uow: UnitOfWork) -> None:
    await _store(uow)
    assert not await uow.blobs.begin_sweep(SHA256, NOW)
    assert await uow.blobs.reference(SHA256, size=4, stored_at=NOW)


async def test_bytes_being_swept_cannot_be_referred_to_until_they_are_stored_anew(uow: UnitOfWork) -> None:
    assert await uow.blobs.reference(SHA256, size=4, stored_at=NOW)
    assert await uow.blobs.begin_sweep(SHA256, NOW + SECOND)
    assert not await uow.blobs.begin_sweep(SHA256, NOW + SECOND)
    assert not await uow.blobs.reference(SHA256, size=4, stored_at=NOW)
    await uow.blobs.end_sweep(SHA256, NOW + 2 * SECOND)
    assert not await uow.blobs.reference(SHA256, size=4, stored_at=NOW + SECOND)
    assert await uow.blobs.after("", 10) == []
    assert await uow.blobs.reference(SHA256, size=4, stored_at=NOW + 3 * SECOND)
    assert await uow.blobs.after("", 10) == [(SHA256, 4)]


async def test_bytes_that_were_never_on_record_can_be_swept(uow: UnitOfWork) -> None:
    assert await uow.blobs.begin_sweep(SHA256, NOW)
    assert not await uow.blobs.reference(SHA256, size=4, stored_at=NOW + SECOND)


async def test_a_sweep_takes_the_renditions_along(uow: UnitOfWork) -> None:
    rendition = Rendition(SHA256, Variant.THUMBNAIL, "renditions/x.jpg", 9, "image/jpeg")
    await uow.blobs.add_rendition(rendition)
    await uow.blobs.begin_sweep(SHA256, NOW)
    await uow.blobs.end_sweep(SHA256, NOW)
    assert await uow.blobs.rendition(SHA256, Variant.THUMBNAIL) is None


@pytest.mark.parametrize("ended", [True, False], ids=["over", "broken off"])
async def test_an_old_mark_is_forgotten_whether_its_sweep_was_over_or_broken_off(uow: UnitOfWork, ended: bool) -> None:
    await uow.blobs.add_rendition(Rendition(SHA256, Variant.THUMBNAIL, "renditions/x.jpg", 9, "image/jpeg"))
    await uow.blobs.begin_sweep(SHA256, NOW)
    if ended:
        await uow.blobs.end_sweep(SHA256, NOW)
    await uow.blobs.forget_swept(NOW)
    assert not await uow.blobs.reference(SHA256, size=4, stored_at=NOW - SECOND)
    await uow.blobs.forget_swept(NOW + 1)
    assert await uow.blobs.rendition(SHA256, Variant.THUMBNAIL) is None
    assert await uow.blobs.reference(SHA256, size=4, stored_at=NOW - SECOND)


async def test_forgetting_marks_leaves_stored_bytes_and_their_renditions_alone(uow: UnitOfWork) -> None:
    await _store(uow)
    rendition = Rendition(SHA256, Variant.THUMBNAIL, "renditions/x.jpg", 9, "image/jpeg")
    await uow.blobs.add_rendition(rendition)
    await uow.blobs.forget_swept(NOW + 1000 * SECOND)
    assert await uow.blobs.after("", 10) == [(SHA256, 4)]
    assert await uow.blobs.rendition(SHA256, Variant.THUMBNAIL) == rendition


async def test_a_rendition_recorded_again_is_replaced(uow: UnitOfWork) -> None:
    first = Rendition(SHA256, Variant.POSTER, "renditions/a.jpg", 9, "image/jpeg")
    second = Rendition(SHA256, Variant.POSTER, "renditions/b.webp", 12, "image/webp")
    other = Rendition(OTHER_SHA256, Variant.THUMBNAIL, "renditions/c.jpg", 3, "image/jpeg")
    for rendition in (first, second, other):
        await uow.blobs.add_rendition(rendition)
    assert await uow.blobs.rendition(SHA256, Variant.POSTER) == second
    assert await uow.blobs.rendition(SHA256, Variant.THUMBNAIL) is None
    assert await uow.blobs.renditions_of([SHA256]) == [second]
    assert len(await uow.blobs.renditions_of([SHA256, OTHER_SHA256])) == 2


async def test_active_assets_wait_for_their_rendition_until_it_is_settled(uow: UnitOfWork) -> None:
    await records.add_asset(uow)
    waiting = sorted([(await _store(uow)).id for _ in range(3)])
    assert await uow.assets.pending_renditions("", 10) == waiting
    assert await uow.assets.pending_renditions(waiting[0], 1) == [waiting[1]]
    assert await uow.assets.pending_renditions("", 10, by=NOW + SECOND) == waiting
    assert await uow.assets.pending_renditions("", 10, by=NOW) == []
    await uow.assets.settle_rendition(waiting[1])
    await uow.assets.settle_rendition("asset-none")
    assert await uow.assets.pending_renditions("", 10) == [waiting[0], waiting[2]]
    assert (await records.find_asset(uow, waiting[1])).status is AssetStatus.ACTIVE


async def test_the_ledger_keeps_the_first_line_of_a_task(database: Database) -> None:
    line = UsageRecord(
        task_id="task-1", project_id=DEFAULT_PROJECT_ID, key_id="key-tests", model="m", charge=Charge(20_000, 1), created_at=NOW
    )
    async with database.begin() as uow:
        await uow.usage.add(line)
        await uow.usage.add(replace(line, charge=Charge(99)))
        await uow.commit()


async def test_a_library_in_good_order_breaks_no_promise(uow: UnitOfWork) -> None:
    await records.add_asset(uow)
    assert set((await uow.verification.broken()).values()) == {0}
