"""Quotas, proved over both databases: what counts, and that no place is given away twice."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.domain.api_key import DEFAULT_SCOPES, Scope
from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.errors import AccessDenied, Conflict, NotFound, QuotaExceeded
from spark_assets.domain.listing import AssetFilter, GroupFilter, Slice, SortBy, SortOrder
from spark_assets.domain.media import AssetType
from spark_assets.domain.project import Project
from spark_assets.domain.quota import Allowance, Holdings, Quota
from spark_assets.domain.task import TaskStatus
from spark_assets.operations import assets, groups, projects, quotas, trash
from spark_assets.operations.housekeeping import GRACE, recount_quotas
from spark_assets.operations.paging import Paging
from spark_assets.ports.queue import Job, JobKind
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.worker.loop import Worker
from tests.factories import records
from tests.factories.receivers import NoSender
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, SECOND
from tests.factories.workshop import PICTURE, Workshop

SIZE = len(PICTURE)
KEEPER = records.call(caller=records.caller(scopes=DEFAULT_SCOPES | {Scope.PROJECT_ADMIN}))
CALL = records.call()
Work = Callable[[UnitOfWork], Awaitable[Any]]


async def _do(database: Database, work: Work) -> Any:
    """One transaction of its own; the message of a refusal instead of what it answers."""
    try:
        async with database.begin() as uow:
            result = await work(uow)
            await uow.commit()
    except QuotaExceeded as refused:
        return refused.message
    return result


async def _limit(database: Database, **allowed: int) -> Quota:
    quota: Quota = (await _do(database, lambda uow: quotas.put(uow, KEEPER, "default", Allowance(**allowed))))[0]
    return quota


async def _quota(database: Database) -> Quota:
    async with database.read() as repositories:
        return (await quotas.get(repositories, KEEPER, "default"))[0]


async def _counted(database: Database) -> Holdings:
    async with database.read() as repositories:
        return (await repositories.quotas.count([DEFAULT_PROJECT_ID]))[DEFAULT_PROJECT_ID]


def _add_group(uow: UnitOfWork) -> Awaitable[Any]:
    return groups.create(uow, CALL, groups.CreateGroup(name="cast"))


async def _group(database: Database) -> str:
    made, _ = await _do(database, _add_group)
    return str(made.id)


def _submission(group_id: str) -> Work:
    return lambda uow: assets.submit(uow, CALL, assets.CreateAsset(name="hero", url=records.URL, type=AssetType.IMAGE, group_id=group_id))


async def _ingest(workshop: Workshop, *task_ids: str) -> None:
    worker = Worker(MemoryQueue(), workshop.tools(), NoSender(), concurrency=8, host_concurrency=8, drain_timeout=5.0)
    await asyncio.gather(*(worker.handle(Job(JobKind.INGEST, task_id)) for task_id in task_ids))


async def test_a_quota_is_set_read_changed_and_taken_away(uow: UnitOfWork) -> None:
    other = records.project("film")
    await uow.projects.add(other)
    asset, _ = await records.add_asset(uow)
    assert not (await projects.find(uow, CALL, "default")).has_quota
    quota, project = await quotas.put(uow, KEEPER, DEFAULT_PROJECT_ID, Allowance(assets=3, bytes=10))
    assert (quota.held, project.name) == (Holdings(assets=1, groups=1), "default")
    for found in (await uow.projects.by_name("default"), await uow.projects.by_id(DEFAULT_PROJECT_ID)):
        assert found is not None
        assert found.has_quota
    assert (await quotas.get(uow, KEEPER, "default"))[0] == quota == await uow.quotas.get(DEFAULT_PROJECT_ID)
    later = replace(KEEPER, now=NOW + SECOND)
    changed, _ = await quotas.put(uow, later, "default", Allowance(groups=0))
    assert changed == replace(quota, allowed=Allowance(groups=0), updated_at=NOW + SECOND)
    assert await uow.quotas.of([DEFAULT_PROJECT_ID, other.id]) == {DEFAULT_PROJECT_ID: changed}
    assert [await uow.quotas.set_since(NOW + SECOND), await uow.quotas.set_since(NOW + SECOND + 1)] == [[DEFAULT_PROJECT_ID], []]
    await quotas.delete(uow, KEEPER, "default")
    with pytest.raises(NotFound, match=r"NotFound\.quota: the project 'default' has no quota"):
        await quotas.delete(uow, KEEPER, "default")
    assert not (await projects.find(uow, CALL, "default")).has_quota
    assert (await quotas.get(uow, KEEPER, "default"))[0] == Quota(
        project_id=DEFAULT_PROJECT_ID, allowed=Allowance(), held=Holdings(assets=1, groups=1)
    )
    assert asset.project_id == DEFAULT_PROJECT_ID


async def test_the_quotas_of_the_projects_in_reach_are_listed_limited_or_not(uow: UnitOfWork) -> None:
    films = [records.project(f"film-{number}", created_at=NOW + number) for number in range(3)]
    for film in films:
        await uow.projects.add(film)
    await quotas.put(uow, KEEPER, films[1].id, Allowance(bytes=7))
    caller = records.caller(project_ids=frozenset(film.id for film in films[:2]), scopes=frozenset({Scope.PROJECT_ADMIN}))
    call = records.call(caller=caller)
    await records.add_asset(uow, project_id=films[0].id)
    listed = await quotas.page(uow, call, Paging(max_results=1))
    assert [(project.name, quota.allowed.bytes) for quota, project in listed.items] == [("film-1", 7)]
    rest = await quotas.page(uow, call, Paging(max_results=1, next_token=listed.next_token))
    assert [(project.name, quota.held, quota.updated_at) for quota, project in rest.items] == [
        ("film-0", Holdings(assets=1, groups=1), None)
    ]
    assert rest.next_token is None


async def test_a_quota_is_for_administrators_of_the_project_alone(uow: UnitOfWork) -> None:
    film = records.project()
    await uow.projects.add(film)
    stranger = replace(KEEPER, caller=replace(KEEPER.caller, project_ids=frozenset({film.id})))
    for change in (lambda call: quotas.put(uow, call, "default", Allowance()), lambda call: quotas.delete(uow, call, "default")):
        with pytest.raises(AccessDenied, match="project:admin"):
            await change(CALL)
        with pytest.raises(NotFound, match="ProjectName"):
            await change(stranger)
    with pytest.raises(NotFound, match="ProjectName"):
        await quotas.get(uow, stranger, "default")


async def test_of_a_hundred_creations_at_once_with_one_place_left_one_is_accepted(database: Database) -> None:
    group_id = await _group(database)
    await _do(database, _submission(group_id))
    await _limit(database, assets=2)
    ends = await asyncio.gather(*(_do(database, _submission(group_id)) for _ in range(100)))
    refused = Counter(end for end in ends if isinstance(end, str))
    assert refused == {
        "with 1 more the project's number of assets would be 3, and its quota allows 2; delete some assets, or have the quota raised": 99
    }
    assert (await _quota(database)).held == Holdings(assets=2, groups=1) == await _counted(database)


async def test_of_many_groups_at_once_with_one_place_left_one_is_accepted(database: Database) -> None:
    await _limit(database, groups=1, assets=0)
    ends = await asyncio.gather(*(_do(database, _add_group) for _ in range(40)))
    assert Counter(isinstance(end, str) for end in ends) == {True: 39, False: 1}
    assert (await _quota(database)).held == Holdings(groups=1) == await _counted(database)


async def test_another_project_and_a_project_without_a_quota_are_not_limited(database: Database) -> None:
    await _limit(database, groups=0)
    await _do(database, lambda uow: uow.projects.add(records.project("film")))
    elsewhere = groups.CreateGroup(name="cast", project="film")
    assert not isinstance(await _do(database, lambda uow: groups.create(uow, CALL, elsewhere)), str)
    assert "its quota allows 0" in await _do(database, _add_group)
    await _do(database, lambda uow: quotas.delete(uow, KEEPER, "default"))
    assert not isinstance(await _do(database, _add_group), str)


async def test_what_is_held_beyond_a_limit_stays_and_what_is_deleted_makes_room(database: Database) -> None:
    group_id = await _group(database)
    tasks = [await _do(database, _submission(group_id)) for _ in range(3)]
    quota = await _limit(database, assets=2)
    assert (quota.held.assets, quota.allowed.assets) == (3, 2)
    for task in tasks:
        assert isinstance(await _do(database, _submission(group_id)), str) == (task is not tasks[2])
        await _do(database, lambda uow, lost=task.asset_id: assets.delete(uow, CALL, assets.GetAsset(id=lost)))
    assert (await _quota(database)).held == Holdings(assets=1, groups=1) == await _counted(database)


async def test_a_move_changes_nothing_and_a_group_takes_its_assets_out_of_the_count_and_back(database: Database) -> None:
    first, second = await _group(database), await _group(database)
    await _limit(database, assets=4, groups=2)
    kept, moved = [await _do(database, _submission(first)) for _ in range(2)]
    await _do(database, lambda uow: assets.update(uow, CALL, assets.UpdateAsset(id=moved.asset_id, group_id=second)))
    assert (await _quota(database)).held == Holdings(assets=2, groups=2)
    await _do(database, lambda uow: groups.delete(uow, CALL, groups.GetGroup(id=second)))
    assert (await _quota(database)).held == Holdings(assets=1, groups=1) == await _counted(database)
    await _do(database, lambda uow: trash.restore_group(uow, CALL, second))
    assert (await _quota(database)).held == Holdings(assets=2, groups=2) == await _counted(database)
    assert kept.asset_id != moved.asset_id


async def test_a_restore_beyond_the_quota_is_refused_and_leaves_everything_in_the_trash(database: Database) -> None:
    first, second = await _group(database), await _group(database)
    task = await _do(database, _submission(first))
    await _do(database, _submission(second))
    await _do(database, lambda uow: assets.delete(uow, CALL, assets.GetAsset(id=task.asset_id)))
    await _do(database, lambda uow: groups.delete(uow, CALL, groups.GetGroup(id=second)))
    await _limit(database, assets=0)
    assert "number of assets would be 1," in await _do(database, lambda uow: trash.restore_asset(uow, CALL, task.asset_id))
    assert "number of assets would be 1," in await _do(database, lambda uow: trash.restore_group(uow, CALL, second))
    await _limit(database, groups=1)
    assert "number of groups would be 2," in await _do(database, lambda uow: trash.restore_group(uow, CALL, second))
    async with database.read() as repositories:
        assert await repositories.groups.find(second, None, in_trash=True) is not None
        assert await repositories.assets.trashed(task.asset_id, None) is not None
    assert (await _quota(database)).held == Holdings(groups=1) == await _counted(database)


async def test_of_several_files_at_once_only_so_many_become_active_as_bytes_are_allowed(database: Database, tmp_path: Path) -> None:
    workshop = Workshop(tmp_path, database)
    group_id = await _group(database)
    await _limit(database, bytes=2 * SIZE + 1)
    tasks = [await _do(database, _submission(group_id)) for _ in range(6)]
    await _ingest(workshop, *(task.id for task in tasks))
    async with database.read() as repositories:
        ended = [await records.find_task(repositories, task.id) for task in tasks]
        made = [await records.find_asset(repositories, task.asset_id) for task in tasks]
    assert Counter(task.status for task in ended) == {TaskStatus.COMPLETED: 2, TaskStatus.FAILED: 4}
    failures = {(task.failure.code, task.failure.message) for task in ended if task.failure is not None}
    sentence = f"with {SIZE} more the project's number of bytes would be {3 * SIZE}, and its quota allows {2 * SIZE + 1}; "
    assert failures == {("InvalidParameter.QuotaExceeded", f"{sentence}delete some assets, or have the quota raised")}
    assert {asset.failure.code for asset in made if asset.failure is not None} == {"QuotaExceeded"}
    assert Counter(asset.status for asset in made) == {AssetStatus.ACTIVE: 2, AssetStatus.FAILED: 4}
    assert (await _quota(database)).held == Holdings(assets=6, groups=1, bytes=2 * SIZE) == await _counted(database)
    assert list(workshop.spool.iterdir()) == []
    await workshop.blobs.close()


async def test_a_project_whose_bytes_are_used_up_accepts_no_further_asset_until_some_are_deleted(
    database: Database, tmp_path: Path
) -> None:
    workshop = Workshop(tmp_path, database)
    group_id = await _group(database)
    task = await _do(database, _submission(group_id))
    await _ingest(workshop, task.id)
    await _limit(database, bytes=SIZE)
    refused = await _do(database, _submission(group_id))
    assert refused == f"the project holds {SIZE} bytes, and its quota allows {SIZE}; delete some assets, or have the quota raised"
    await _do(database, lambda uow: assets.delete(uow, CALL, assets.GetAsset(id=task.asset_id)))
    second = await _do(database, _submission(group_id))
    await _ingest(workshop, second.id)
    assert "bytes" in await _do(database, lambda uow: trash.restore_asset(uow, CALL, task.asset_id))
    assert (await _quota(database)).held == Holdings(assets=1, groups=1, bytes=SIZE) == await _counted(database)
    await workshop.blobs.close()


async def test_a_count_that_is_wrong_is_told_and_mended_if_the_quota_was_set_a_short_while_ago(database: Database) -> None:
    await _group(database)
    await _limit(database, groups=9)
    right = await _quota(database)
    promise = "a quota that counts something else than its project holds"
    for wrong in (Holdings(groups=2), Holdings(assets=1, groups=1), Holdings(groups=1, bytes=1)):
        await _do(database, lambda uow, held=wrong: uow.quotas.put(replace(right, held=held)))
        async with database.read() as repositories:
            assert (await repositories.verification.broken())[promise] == 1
        await recount_quotas(database, NOW + GRACE + 1)
        assert (await _quota(database)).held == wrong
        await recount_quotas(database, NOW + GRACE)
        assert await _quota(database) == right
    async with database.read() as repositories:
        assert (await repositories.verification.broken())[promise] == 0


class Bustle:
    """Clients that change a project at random, several at once."""

    def __init__(self, workshop: Workshop, seed: int) -> None:
        self._workshop = workshop
        self._database = workshop.database
        self._random = random.Random(seed)
        self.done: Counter[str] = Counter()

    async def client(self, steps: int) -> None:
        """So many changes, each whatever chance brings; whatever is gone already, or does not fit, is an answer like any other."""
        acts = (self._create, self._create, self._create, self._group, self._ingest, self._ingest, self._delete, self._restore)
        for _ in range(steps):
            act = self._random.choice((*acts, self._delete_group, self._restore_group, self._move, self._limit))
            try:
                end = await act()
                self.done[f"{act.__name__} {'refused' if isinstance(end, str) else 'done'}"] += 1
            except NotFound:
                self.done[f"{act.__name__} nothing"] += 1

    async def _some(self, kind: str, *, in_trash: bool = False) -> str:
        part = Slice(sort_by=SortBy.CREATE_TIME, order=SortOrder.ASCENDING, limit=50)
        async with self._database.read() as repositories:
            if kind == "asset":
                found: list[Any] = list(await repositories.assets.page([DEFAULT_PROJECT_ID], AssetFilter(in_trash=in_trash), part))
            else:
                found = list(await repositories.groups.page([DEFAULT_PROJECT_ID], GroupFilter(in_trash=in_trash), part))
        if not found:
            raise NotFound(kind, "there is none")
        return str(self._random.choice(found).id)

    async def _group(self) -> Any:
        return await _do(self._database, _add_group)

    async def _create(self) -> Any:
        return await _do(self._database, _submission(await self._some("group")))

    async def _ingest(self) -> Any:
        asset_id = await self._some("asset")
        async with self._database.read() as repositories:
            asset = await repositories.assets.get(asset_id, None)
        if asset is not None and asset.task_id is not None:
            await _ingest(self._workshop, asset.task_id)

    async def _delete(self) -> Any:
        lost = assets.GetAsset(id=await self._some("asset"))
        return await _do(self._database, lambda uow: assets.delete(uow, self._call(), lost))

    async def _restore(self) -> Any:
        found = await self._some("asset", in_trash=True)
        return await _do(self._database, lambda uow: _unless_conflict(trash.restore_asset(uow, self._call(), found)))

    async def _delete_group(self) -> Any:
        lost = groups.GetGroup(id=await self._some("group"))
        return await _do(self._database, lambda uow: groups.delete(uow, self._call(), lost))

    async def _restore_group(self) -> Any:
        found = await self._some("group", in_trash=True)
        return await _do(self._database, lambda uow: trash.restore_group(uow, self._call(), found))

    async def _move(self) -> Any:
        change = assets.UpdateAsset(id=await self._some("asset"), group_id=await self._some("group"))
        return await _do(self._database, lambda uow: assets.update(uow, self._call(), change))

    async def _limit(self) -> Any:
        return await _limit(self._database, assets=self._random.randint(3, 12), groups=6, bytes=SIZE * self._random.randint(1, 8))

    def _call(self) -> Any:
        """Each at a moment of its own, as deletions are told apart by theirs."""
        return records.call(now=NOW + self._random.randint(1, 10**9))


async def _unless_conflict(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except Conflict:
        raise NotFound("group_id", "its group is in the trash") from None


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_mix_of_changes_at_once_the_count_is_what_the_project_holds(database: Database, tmp_path: Path, seed: int) -> None:
    """A deadlock would end a client with Unavailable."""
    workshop = Workshop(tmp_path, database)
    await _limit(database, groups=6)
    bustle = Bustle(workshop, seed)
    await asyncio.gather(*(bustle.client(40) for _ in range(8)))
    held = (await _quota(database)).held
    assert held == await _counted(database)
    assert {end.partition(" ")[2] for end in bustle.done} == {"done", "refused", "nothing"}
    async with database.read() as repositories:
        assert set((await repositories.verification.broken()).values()) == {0}
    await workshop.blobs.close()


async def test_a_quota_that_is_set_while_assets_come_and_go_is_right_after_the_next_sweep(database: Database) -> None:
    group_id = await _group(database)
    gone = [await _do(database, _submission(group_id)) for _ in range(10)]
    changes = [_do(database, _submission(group_id)) for _ in range(20)]
    changes += [_do(database, lambda uow, lost=task.asset_id: assets.delete(uow, CALL, assets.GetAsset(id=lost))) for task in gone]
    await asyncio.gather(*changes[::2], _limit(database, assets=100), *changes[1::2])
    await recount_quotas(database, NOW)
    assert (await _quota(database)).held == Holdings(assets=20, groups=1) == await _counted(database)


async def test_a_project_is_known_by_its_name_to_whoever_runs_the_service(uow: UnitOfWork) -> None:
    found: Project = await projects.by_name(uow, "default")
    assert found.id == DEFAULT_PROJECT_ID
    with pytest.raises(NotFound, match="there is no project 'nowhere'"):
        await projects.by_name(uow, "nowhere")


async def test_what_would_be_refused_is_told_without_committing_and_counted_once_if_it_is_not(database: Database) -> None:
    await _limit(database, groups=1)
    async with database.begin() as uow:
        await _add_group(uow)
        await uow.settle()
        await uow.commit()
    assert (await _quota(database)).held == Holdings(groups=1)
    async with database.begin() as uow:
        uow.tally(DEFAULT_PROJECT_ID, Holdings(groups=1))
        for attempt in (uow.settle, uow.settle, uow.commit):
            with pytest.raises(QuotaExceeded):
                await attempt()
    assert (await _quota(database)).held == Holdings(groups=1) == await _counted(database)
