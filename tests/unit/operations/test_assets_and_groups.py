import re
from typing import Any

import pytest
from msgspec.structs import replace

from spark_assets.db.sqlite import SqliteDatabase, SqliteUnitOfWork
from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import AssetStatus, ModerationStrategy
from spark_assets.domain.errors import AccessDenied, Conflict, InvalidParameter, NotFound, SparkError, StorageFull
from spark_assets.domain.group import Group, GroupType
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.task import Stage, TaskStatus
from spark_assets.operations import assets, groups
from spark_assets.operations.assets import CreateAsset, GetAsset
from spark_assets.operations.call import Call
from spark_assets.operations.groups import CreateGroup
from spark_assets.ports.queue import Job, JobKind
from tests.factories import records
from tests.factories.databases import KeptJobs
from tests.factories.records import DEFAULT_PROJECT_ID, NOW, URL

NEW_GROUP = CreateGroup(name="cast", type=GroupType.AIGC)


def _command(group: Group, **changes: Any) -> CreateAsset:
    return CreateAsset(**{"name": "hero", "url": URL, "type": AssetType.IMAGE, "group_id": group.id, **changes})


def _call_with(*scopes: Scope, **changes: Any) -> Call:
    return records.call(caller=records.caller(scopes=frozenset(scopes), **changes))


async def test_a_group_is_made_in_the_project_of_the_call(uow: SqliteUnitOfWork) -> None:
    film = records.project("film")
    await uow.projects.add(film)
    made, _ = await groups.create(uow, records.call(), replace(NEW_GROUP, project="film", description="all of them"))
    assert re.fullmatch(r"group-20260528202640-\w{5}", made.id)
    assert (made.project_id, made.name, made.description, made.created_at, made.updated_at) == (film.id, "cast", "all of them", NOW, NOW)
    assert await uow.groups.get(made.id, film.id) == made


async def test_making_a_group_needs_the_scope_and_a_project_within_reach(uow: SqliteUnitOfWork) -> None:
    with pytest.raises(AccessDenied) as denied:
        await groups.create(uow, _call_with(Scope.ASSETS_READ), NEW_GROUP)
    assert denied.value.scope == "assets:write"
    elsewhere = _call_with(Scope.ASSETS_WRITE, project_ids=frozenset({"project-a", "project-b"}))
    for command in (NEW_GROUP, replace(NEW_GROUP, project="default"), replace(NEW_GROUP, project="nowhere")):
        with pytest.raises(NotFound) as unknown:
            await groups.create(uow, elsewhere, command)
        assert unknown.value.code == "NotFound.ProjectName"


async def test_a_submitted_asset_is_an_asset_a_task_and_a_job_in_one_transaction(database: SqliteDatabase, kept: KeptJobs) -> None:
    async with database.begin() as uow:
        group, _ = await groups.create(uow, records.call(), NEW_GROUP)
        everything = {"tags": ("night",), "external_id": "shot-42", "metadata": {"take": 3}}
        task = await assets.submit(uow, records.call(), _command(group, **everything))
        await uow.commit()
    async with database.read() as repositories:
        stored = await records.find_task(repositories, task.id)
        assert stored == task
        assert stored.asset_id is not None
        asset = await records.find_asset(repositories, stored.asset_id)
    assert (task.status, task.stage, task.model, task.request_id) == (TaskStatus.IN_PROGRESS, Stage.QUEUED, CREATE_ASSET.model, "request-1")
    assert (asset.status, asset.group_id, asset.name, asset.type) == (AssetStatus.PROCESSING, group.id, "hero", AssetType.IMAGE)
    assert (asset.tags, asset.external_id, asset.metadata) == (("night",), "shot-42", {"take": 3})
    assert kept.jobs == [Job(JobKind.INGEST, task.id, "example.com", records.DEFAULT_PROJECT_ID)]


async def test_what_is_refused_at_submission_leaves_nothing_behind(database: SqliteDatabase, kept: KeptJobs) -> None:
    def bad_url(url: str) -> str:
        raise InvalidParameter("URL", "no")

    async with database.begin() as uow:
        group, _ = await groups.create(uow, records.call(), NEW_GROUP)
        await assets.submit(uow, records.call(), _command(group, external_id="shot-42"))
        await uow.commit()
    kept.jobs.clear()
    refused: list[tuple[Call, CreateAsset, type[SparkError], str]] = [
        (_call_with(Scope.ASSETS_READ), _command(group), AccessDenied, "AccessDenied"),
        (records.call(terms=records.terms(check_url=bad_url)), _command(group), InvalidParameter, "InvalidParameter.URL"),
        (records.call(terms=records.terms(has_room=lambda: False)), _command(group), StorageFull, "StorageFull"),
        (records.call(), _command(group, project="nowhere"), NotFound, "NotFound.ProjectName"),
        (records.call(), _command(group, group_id="group-none"), NotFound, "NotFound.group_id"),
        (records.call(), _command(group, external_id="shot-42"), Conflict, "Conflict.ExternalId"),
    ]
    for call, command, kind, code in refused:
        with pytest.raises(kind) as error:
            async with database.begin() as uow:
                await assets.submit(uow, call, command)
                await uow.commit()
        assert error.value.code == code
    assert kept.jobs == []
    async with database.read() as repositories:
        assert await repositories.lines.unfinished() == {records.DEFAULT_PROJECT_ID: 1}


async def test_a_group_of_another_project_is_unknown(uow: SqliteUnitOfWork) -> None:
    await uow.projects.add(records.project("film"))
    group, _ = await groups.create(uow, records.call(), replace(NEW_GROUP, project="film"))
    for command in (_command(group), _command(group, project="default")):
        with pytest.raises(NotFound) as unknown:
            await assets.submit(uow, records.call(), command)
        assert unknown.value.code == "NotFound.group_id"
    await assets.submit(uow, records.call(), _command(group, project="film"))


@pytest.mark.parametrize(
    ("scopes", "asked", "granted"),
    [
        ({Scope.ASSETS_WRITE}, ModerationStrategy.SKIP, ModerationStrategy.DEFAULT),
        ({Scope.ASSETS_WRITE, Scope.MODERATION_SKIP}, ModerationStrategy.SKIP, ModerationStrategy.SKIP),
        ({Scope.ADMIN}, ModerationStrategy.SKIP, ModerationStrategy.SKIP),
        ({Scope.ADMIN}, ModerationStrategy.DEFAULT, ModerationStrategy.DEFAULT),
    ],
)
async def test_moderation_is_skipped_only_with_the_scope_and_else_silently_not(
    uow: SqliteUnitOfWork, scopes: set[Scope], asked: ModerationStrategy, granted: ModerationStrategy
) -> None:
    group, _ = await groups.create(uow, records.call(), NEW_GROUP)
    task = await assets.submit(uow, _call_with(*scopes), _command(group, moderation=asked))
    assert task.asset_id is not None
    assert (await records.find_asset(uow, task.asset_id)).moderation is granted


async def test_an_asset_is_read_in_its_own_project_alone(uow: SqliteUnitOfWork) -> None:
    film = records.project("film")
    await uow.projects.add(film)
    asset, _ = await records.add_asset(uow, project_id=film.id)
    found, project = await assets.get(uow, records.call(), GetAsset(id=asset.id, project="film"))
    assert (found, project) == (asset, film)
    for command in (GetAsset(id=asset.id), GetAsset(id="asset-none", project="film")):
        with pytest.raises(NotFound) as unknown:
            await assets.get(uow, records.call(), command)
        assert unknown.value.code == "NotFound.asset_id"
    with pytest.raises(AccessDenied):
        await assets.get(uow, _call_with(Scope.ASSETS_WRITE), GetAsset(id=asset.id))


async def test_an_asset_is_found_in_any_project_within_reach(uow: SqliteUnitOfWork) -> None:
    film = records.project("film")
    await uow.projects.add(film)
    asset, _ = await records.add_asset(uow, project_id=film.id)
    for reach in (None, frozenset({film.id}), frozenset({film.id, DEFAULT_PROJECT_ID})):
        assert await assets.find(uow, _call_with(Scope.ASSETS_READ, project_ids=reach), asset.id) == (asset, film)
    messages = set()
    for reach, wanted in (
        (frozenset({DEFAULT_PROJECT_ID}), asset.id),
        (frozenset({DEFAULT_PROJECT_ID}), "asset-none"),
        (frozenset(), asset.id),
    ):
        with pytest.raises(NotFound) as unknown:
            await assets.find(uow, _call_with(Scope.ASSETS_READ, project_ids=reach), wanted)
        messages.add((unknown.value.code, unknown.value.message))
    assert len(messages) == 1
