"""What the usage ledger promises of its totals, proved over both databases."""

import itertools
from typing import Any

import pytest

from spark_assets.domain.usage import DAY, Charge, Dimension, UsageRecord, UsageSpan, UsageTotal
from spark_assets.ports.unit_of_work import UnitOfWork
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW

FIRST = NOW // DAY
START = FIRST * DAY
"""The first moment of a day."""
ALWAYS = UsageSpan(start=0, end=2**62)
_count = itertools.count()


async def _add(uow: UnitOfWork, at: int = START, **changes: Any) -> None:
    values = {"project_id": DEFAULT_PROJECT_ID, "key_id": "key-a", "model": "m", "charge": Charge(5, 2), "created_at": at}
    await uow.usage.add(UsageRecord(**{**values, "task_id": f"task-{next(_count)}", **changes}))


@pytest.fixture
async def film(uow: UnitOfWork) -> str:
    """A second project."""
    project = records.project("film")
    await uow.projects.add(project)
    return project.id


async def test_nothing_adds_up_to_one_empty_total(uow: UnitOfWork) -> None:
    assert await uow.usage.totals(None, ALWAYS, ()) == [UsageTotal()]
    assert await uow.usage.totals(None, ALWAYS, (Dimension.MODEL,)) == []


async def test_a_span_begins_with_its_start_and_ends_just_before_its_end(uow: UnitOfWork) -> None:
    for at in (START - 1, START, START + 9, START + 10):
        await _add(uow, at)
    totals = await uow.usage.totals(None, UsageSpan(start=START, end=START + 10), ())
    assert totals == [UsageTotal(tasks=2, cost=10, discount=4)]


async def test_lines_are_told_apart_by_model_day_and_project(uow: UnitOfWork, film: str) -> None:
    await _add(uow, START, model="a")
    await _add(uow, START + DAY - 1, model="b")
    await _add(uow, START + DAY, model="a", charge=Charge(7, 0))
    await _add(uow, START + DAY, model="a", project_id=film)
    one, two, lot = (
        {"tasks": 1, "cost": 5, "discount": 2},
        {"tasks": 2, "cost": 12, "discount": 2},
        {"tasks": 3, "cost": 17, "discount": 4},
    )
    assert await uow.usage.totals(None, ALWAYS, (Dimension.MODEL,)) == [UsageTotal(model="a", **lot), UsageTotal(model="b", **one)]
    assert await uow.usage.totals(None, ALWAYS, (Dimension.DAY, Dimension.MODEL)) == [
        UsageTotal(day=FIRST, model="a", **one),
        UsageTotal(day=FIRST, model="b", **one),
        UsageTotal(day=FIRST + 1, model="a", **two),
    ]
    by_project = {total.project_id: total for total in await uow.usage.totals(None, ALWAYS, (Dimension.PROJECT,))}
    assert by_project == {
        film: UsageTotal(project_id=film, **one),
        DEFAULT_PROJECT_ID: UsageTotal(project_id=DEFAULT_PROJECT_ID, tasks=3, cost=17, discount=4),
    }


async def test_only_the_named_projects_count(uow: UnitOfWork, film: str) -> None:
    await _add(uow)
    await _add(uow, project_id=film, charge=Charge(1))
    assert await uow.usage.totals([film], ALWAYS, ()) == [UsageTotal(tasks=1, cost=1)]
    assert (await uow.usage.totals([film, DEFAULT_PROJECT_ID], ALWAYS, ()))[0].tasks == 2
    assert await uow.usage.totals([], ALWAYS, ()) == [UsageTotal()]
    assert await uow.usage.totals(["project-none"], ALWAYS, (Dimension.PROJECT,)) == []


async def test_lines_are_chosen_by_model_and_by_key(uow: UnitOfWork) -> None:
    await _add(uow, model="a", key_id="key-a")
    await _add(uow, model="b", key_id="key-a")
    await _add(uow, model="b", key_id="key-b")
    for models, key_ids, tasks in ((("b",), None, 2), (None, ("key-a",), 2), (("b",), ("key-b", "key-c"), 1), ((), None, 0), (None, (), 0)):
        span = UsageSpan(start=0, end=2**62, models=models, key_ids=key_ids)
        assert (await uow.usage.totals(None, span, ()))[0].tasks == tasks


async def test_sums_are_exact_far_beyond_what_a_float_holds(uow: UnitOfWork) -> None:
    for _ in range(3):
        await _add(uow, charge=Charge(2**60 + 1, 2**53 + 1))
    (total,) = await uow.usage.totals(None, ALWAYS, ())
    assert (total.cost, total.discount) == (3 * 2**60 + 3, 3 * 2**53 + 3)
