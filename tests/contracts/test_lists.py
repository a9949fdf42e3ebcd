"""Lists over both databases: what filters select, in which order, part by part."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from spark_assets.domain.asset import Asset, AssetStatus, Failure
from spark_assets.domain.group import Group
from spark_assets.domain.listing import AssetFilter, GroupFilter, Position, Slice, SortBy, SortOrder, TaskFilter, folded
from spark_assets.domain.media import AssetType
from spark_assets.domain.task import TaskStatus
from spark_assets.ports.unit_of_work import UnitOfWork
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND

HERE = [DEFAULT_PROJECT_ID]
SHA256 = records.sha256_of(b"hero")
ALL = Slice(limit=100)
KEYS: dict[SortBy, Callable[[Any], Any]] = {
    SortBy.CREATE_TIME: lambda row: (row.created_at,),
    SortBy.UPDATE_TIME: lambda row: (row.updated_at,),
    SortBy.GROUP_ID: lambda row: (row.group_id, row.created_at),
}
NAMES = (
    "Straße",
    "STRASSE bei Nacht",
    "Ünder 100% _sure_",
    "a\\b/c",
    "ελλάς",
    "ΕΛΛΆΣ",
    "cafe\u0301",
    "CAFÉ",
    "İstanbul",
    "plain",
    "Plainer",
)


@pytest.fixture
async def library(uow: UnitOfWork) -> list[Asset]:
    """Thirty assets in three groups, many made at the same moment; one more is deleted, and one is another project's."""
    holders = [records.group() for _ in range(3)]
    for holder in holders:
        await uow.groups.add(holder)
    made = []
    for number in range(30):
        kind = (AssetType.IMAGE, AssetType.VIDEO, AssetType.AUDIO)[number % 3]
        values = {"type": kind, "created_at": NOW + number // 7, "updated_at": NOW + (number * 7) % 5, "tags": _tags(number)}
        values |= {"external_id": f"shot-{number}" if number < 3 else None, "name": f"asset {number}"}
        made.append(records.asset(holders[number % 2].id, **values))
        await uow.assets.add(made[-1])
    deleted, elsewhere = records.asset(holders[0].id), records.project("film")
    await uow.assets.add(deleted)
    await uow.assets.delete([deleted.id], NOW)
    await uow.projects.add(elsewhere)
    await records.add_asset(uow, project_id=elsewhere.id)
    assert await uow.blobs.reference(SHA256, size=4, stored_at=NOW)
    for active in made[:2]:
        assert await uow.assets.activate(active.id, sha256=SHA256, size=4, facts=records.PICTURE, at=active.updated_at)
    assert await uow.assets.fail(made[2].id, Failure("MediaCorrupt", "broken"), made[2].updated_at)
    return [await records.find_asset(uow, asset.id) for asset in made]


def _tags(number: int) -> tuple[str, ...]:
    return tuple(tag for tag, every in (("second", 2), ("third", 3)) if number % every == 0)


def _sorted(rows: list[Any], part: Slice) -> list[str]:
    found = sorted(rows, key=lambda row: (KEYS[part.sort_by](row), row.id), reverse=part.order is SortOrder.DESCENDING)
    return [row.id for row in found]


def _position(row: Any, sort_by: SortBy) -> Position:
    return Position(KEYS[sort_by](row), row.id)


def _ids(rows: list[Any]) -> list[str]:
    return [row.id for row in rows]


@pytest.mark.parametrize("order", SortOrder)
@pytest.mark.parametrize("sort_by", SortBy)
async def test_assets_come_in_every_order_whole_by_offset_and_behind_each_position(
    uow: UnitOfWork, library: list[Asset], sort_by: SortBy, order: SortOrder
) -> None:
    expected = _sorted(library, Slice(sort_by=sort_by, order=order))
    whole = await uow.assets.page(HERE, AssetFilter(), Slice(sort_by=sort_by, order=order, limit=100))
    assert _ids(whole) == expected
    for offset in (0, 1, 28, 30, 10**8):
        part = Slice(sort_by=sort_by, order=order, limit=5, offset=offset)
        assert _ids(await uow.assets.page(HERE, AssetFilter(), part)) == expected[offset : offset + 5]
    for number, row in enumerate(whole):
        part = Slice(sort_by=sort_by, order=order, limit=4, after=_position(row, sort_by))
        assert _ids(await uow.assets.page(HERE, AssetFilter(), part)) == expected[number + 1 : number + 5]


@pytest.mark.parametrize("order", SortOrder)
@pytest.mark.parametrize("sort_by", [SortBy.CREATE_TIME, SortBy.UPDATE_TIME])
async def test_groups_come_in_every_order(uow: UnitOfWork, sort_by: SortBy, order: SortOrder) -> None:
    made = [records.group(created_at=NOW + number // 3, updated_at=NOW + number % 4) for number in range(10)]
    for group in made:
        await uow.groups.add(group)
    expected, seen, after = _sorted(made, Slice(sort_by=sort_by, order=order)), [], None
    while found := await uow.groups.page(HERE, GroupFilter(), Slice(sort_by=sort_by, order=order, limit=3, after=after)):
        seen += _ids(found)
        after = _position(found[-1], sort_by)
    assert seen == expected
    assert await uow.groups.count(HERE, GroupFilter()) == 10


def _cases(library: list[Asset]) -> Iterator[tuple[AssetFilter, Callable[[Asset], bool]]]:
    first, second = library[0].group_id, library[1].group_id
    yield AssetFilter(), lambda asset: True
    yield AssetFilter(asset_ids=(library[0].id, "asset-none")), lambda asset: asset.id == library[0].id
    yield AssetFilter(group_ids=(first,)), lambda asset: asset.group_id == first
    yield AssetFilter(group_ids=(first, second, "group-none")), lambda asset: True
    yield AssetFilter(group_ids=("group-none",)), lambda asset: False
    yield AssetFilter(group_type="LivenessFace"), lambda asset: False
    yield AssetFilter(statuses=(AssetStatus.ACTIVE,)), lambda asset: asset.status is AssetStatus.ACTIVE
    yield AssetFilter(statuses=(AssetStatus.ACTIVE, AssetStatus.FAILED)), lambda asset: asset.status is not AssetStatus.PROCESSING
    yield AssetFilter(types=(AssetType.VIDEO, AssetType.AUDIO)), lambda asset: asset.type is not AssetType.IMAGE
    yield AssetFilter(tags=("second",)), lambda asset: "second" in asset.tags
    yield AssetFilter(tags=("second", "third")), lambda asset: {"second", "third"} <= set(asset.tags)
    yield AssetFilter(tags=("SECOND",)), lambda asset: False
    yield AssetFilter(external_id="shot-1"), lambda asset: asset.external_id == "shot-1"
    yield AssetFilter(sha256=SHA256), lambda asset: asset.sha256 == SHA256
    yield AssetFilter(created_after=NOW + 1), lambda asset: asset.created_at > NOW + 1
    yield AssetFilter(created_before=NOW + 1), lambda asset: asset.created_at < NOW + 1
    yield AssetFilter(name="SSET 1"), lambda asset: "asset 1" in asset.name
    yield (
        AssetFilter(name="asset 2", group_ids=(first,), tags=("second",)),
        lambda asset: asset.name.startswith("asset 2") and (asset.group_id == first and "second" in asset.tags),
    )


async def test_each_filter_selects_and_counts_what_it_says(uow: UnitOfWork, library: list[Asset]) -> None:
    for wanted, selects in _cases(library):
        expected = [asset for asset in library if selects(asset)]
        found = await uow.assets.page(HERE, wanted, ALL)
        assert sorted(found, key=lambda asset: asset.id) == sorted(expected, key=lambda asset: asset.id), wanted
        assert await uow.assets.count(HERE, wanted) == len(expected), wanted


async def test_what_is_being_processed_is_found_by_its_tasks(uow: UnitOfWork) -> None:
    group = records.group()
    await uow.groups.add(group)
    made = [records.asset(group.id, created_at=NOW + number, task_id=f"task-{number}") for number in range(3)]
    for asset in made:
        await uow.assets.add(asset)
        await uow.tasks.add(records.task(asset.id, id=asset.task_id, created_at=asset.created_at))
    assert await uow.assets.fail(made[1].id, Failure("MediaCorrupt", "broken"), NOW)
    await uow.tasks.end_for_assets([made[1].id], Failure("InvalidParameter.MediaCorrupt", "broken"), NOW)
    wanted = AssetFilter(statuses=(AssetStatus.PROCESSING,))
    assert _ids(await uow.assets.page(HERE, wanted, ALL)) == [made[2].id, made[0].id]
    assert await uow.assets.count(HERE, wanted) == 2
    assert await uow.assets.page(["project-none"], wanted, ALL) == []
    in_progress = await uow.tasks.page(HERE, TaskFilter(statuses=(TaskStatus.IN_PROGRESS,)), ALL)
    assert [task.asset_id for task in in_progress] == [made[2].id, made[0].id]


async def test_a_list_knows_the_projects_it_is_asked_for_alone(uow: UnitOfWork, library: list[Asset]) -> None:
    elsewhere = await uow.projects.by_name("film")
    assert elsewhere is not None
    assert await uow.assets.count([elsewhere.id], AssetFilter()) == 1
    assert await uow.assets.count([elsewhere.id, *HERE], AssetFilter()) == len(library) + 1
    assert len(await uow.assets.page([elsewhere.id, *HERE], AssetFilter(), ALL)) == len(library) + 1
    assert await uow.assets.page([elsewhere.id], AssetFilter(group_ids=(library[0].group_id,)), ALL) == []
    assert await uow.assets.page(["project-none"], AssetFilter(), ALL) == []
    assert await uow.groups.count([elsewhere.id], GroupFilter()) == 1


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("strasse", {"Straße", "STRASSE bei Nacht"}),
        ("STRAßE", {"Straße", "STRASSE bei Nacht"}),
        ("ünder", {"Ünder 100% _sure_"}),
        ("U\u0308NDER", {"Ünder 100% _sure_"}),
        ("ελλάσ", {"ελλάς", "ΕΛΛΆΣ"}),
        ("café", {"cafe\u0301", "CAFÉ"}),
        ("CAFE\u0301", {"cafe\u0301", "CAFÉ"}),
        ("PLAIN", {"plain", "Plainer"}),
        ("%", {"Ünder 100% _sure_"}),
        ("_", {"Ünder 100% _sure_"}),
        ("0% _S", {"Ünder 100% _sure_"}),
        ("\\", {"a\\b/c"}),
        ("/", {"a\\b/c"}),
        ("a%c", set()),
        ("p_ain", set()),
        ("' OR '1'='1", set()),
    ],
)
async def test_names_are_searched_by_any_part_in_any_case_and_spelling(uow: UnitOfWork, wanted: str, expected: set[str]) -> None:
    holder = records.group(name="no such word")
    await uow.groups.add(holder)
    for name in NAMES:
        await uow.assets.add(records.asset(holder.id, name=name))
        await uow.groups.add(records.group(name=name))
    assert {asset.name for asset in await uow.assets.page(HERE, AssetFilter(name=wanted), ALL)} == expected
    assert {group.name for group in await uow.groups.page(HERE, GroupFilter(name=wanted), ALL)} == expected
    assert await uow.assets.count(HERE, AssetFilter(name=wanted)) == len(expected)
    assert await uow.groups.count(HERE, GroupFilter(name=wanted)) == len(expected)


async def test_groups_are_filtered_by_id_and_kind_and_deleted_ones_are_gone(uow: UnitOfWork) -> None:
    made: list[Group] = [records.group() for _ in range(4)]
    for group in made:
        await uow.groups.add(group)
    await uow.groups.delete(made[3].id, NOW + SECOND)
    wanted = GroupFilter(group_ids=(made[0].id, made[3].id, "group-none"))
    assert await uow.groups.page(HERE, wanted, ALL) == [made[0]]
    assert await uow.groups.count(HERE, GroupFilter()) == 3
    assert await uow.groups.page(HERE, GroupFilter(group_type="LivenessFace"), ALL) == []
    assert await uow.groups.count(HERE, GroupFilter(group_type="LivenessFace")) == 0


@pytest.mark.parametrize("number", [0, 5])
async def test_many_tags_at_once_are_no_burden(uow: UnitOfWork, library: list[Asset], number: int) -> None:
    wanted = AssetFilter(tags=tuple(f"tag {count}" for count in range(32)))
    assert await uow.assets.page(HERE, wanted, Slice(offset=number)) == []
    assert await uow.assets.count(HERE, wanted) == 0


def test_a_name_is_folded_alike_however_it_is_spelled() -> None:
    assert folded("CAFÉ") == folded("cafe\u0301") == "café"
    assert folded("Plain") == "plain"
