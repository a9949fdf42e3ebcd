from typing import Any

import pytest

from spark_assets.db.sqlite import SqliteDatabase
from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import AccessDenied, InvalidParameter, NotFound
from spark_assets.domain.project import Project
from spark_assets.domain.usage import DAY, Charge, Dimension, UsageRecord, UsageSpan, UsageTotal
from spark_assets.operations import usage
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW

START = NOW // DAY * DAY
SPAN = UsageSpan(start=START - 5 * DAY + 1, end=START + DAY - 1)


@pytest.fixture
async def film(database: SqliteDatabase) -> Project:
    """A project with one line on each of three days, beside two lines of the default project on the last."""
    film = records.project("film")
    lines = [(film.id, START - 2 * DAY), (film.id, START - DAY), (film.id, START), (DEFAULT_PROJECT_ID, START), (DEFAULT_PROJECT_ID, START)]
    async with database.begin() as uow:
        await uow.projects.add(film)
        for number, (project_id, at) in enumerate(lines):
            model = "a" if number % 2 else "b"
            line = UsageRecord(
                task_id=f"{number}", project_id=project_id, key_id="key-a", model=model, charge=Charge(10**number, 1), created_at=at
            )
            await uow.usage.add(line)
        await uow.commit()
    return film


async def _total(database: SqliteDatabase, project: str | None = None, **call: Any) -> UsageTotal:
    async with database.read() as repositories:
        return usage.grand_total(await usage.summary(repositories, records.call(**call), SPAN, (), project))


async def test_a_key_for_all_projects_sees_all_and_may_ask_for_one(database: SqliteDatabase, film: Project) -> None:
    assert await _total(database) == UsageTotal(tasks=5, cost=11_111, discount=5)
    assert (await _total(database, "film")).cost == 111
    assert (await _total(database, project=None)).tasks == 5


async def test_a_project_named_beside_the_request_narrows_it_too(database: SqliteDatabase, film: Project) -> None:
    async with database.read() as repositories:
        found = await usage.summary(repositories, records.call(project="film"), SPAN, (Dimension.PROJECT,))
    assert found == [UsageTotal(project_id=film.id, tasks=3, cost=111, discount=3)]


async def test_a_key_of_one_project_sees_that_alone(database: SqliteDatabase, film: Project) -> None:
    caller = records.caller(project_ids=frozenset({film.id}), scopes=frozenset({Scope.ASSETS_READ}))
    assert (await _total(database, caller=caller)).tasks == 3
    for name in ("default", "nowhere"):
        with pytest.raises(NotFound):
            await _total(database, name, caller=caller)


async def test_a_key_that_may_not_read_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(AccessDenied):
        await _total(database, caller=records.caller(scopes=frozenset({Scope.METRICS})))


async def test_days_are_read_apart_and_added_up_together(database: SqliteDatabase, film: Project) -> None:
    async with database.read() as repositories:
        models = await usage.add_up(repositories, [film.id], SPAN, (Dimension.MODEL,))
        days = await usage.add_up(repositories, None, SPAN, (Dimension.DAY,))
    assert {total.model: total.cost for total in models} == {"b": 101, "a": 10}
    assert [(total.day, total.tasks) for total in days] == [(START // DAY - 2, 1), (START // DAY - 1, 1), (START // DAY, 3)]


async def test_a_span_may_begin_and_end_within_a_day(database: SqliteDatabase, film: Project) -> None:
    async with database.read() as repositories:
        for start, end, tasks in ((START - DAY, START, 1), (START - DAY + 1, START + 1, 3), (START - DAY, START + 1, 4), (START, START, 0)):
            found = await usage.add_up(repositories, None, UsageSpan(start=start, end=end), ())
            assert usage.grand_total(found).tasks == tasks


async def test_more_totals_than_an_answer_holds_are_refused(database: SqliteDatabase, film: Project) -> None:
    by = (Dimension.PROJECT, Dimension.MODEL, Dimension.DAY)
    async with database.read() as repositories:
        assert len(await usage.add_up(repositories, None, SPAN, by, most=5)) == 5
        with pytest.raises(InvalidParameter, match="ask for a shorter time"):
            await usage.add_up(repositories, None, SPAN, by, most=4)
