"""How the service is doing, over both databases."""

import pytest

from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import AccessDenied
from spark_assets.domain.usage import MICRO, Charge, UsageRecord
from spark_assets.operations import vital_signs
from spark_assets.ports.unit_of_work import Database
from spark_assets.queue.paused import PausedQueue
from tests.factories import records
from tests.factories.records import DEFAULT_PROJECT_ID, NOW

MINUTE = 60 * MICRO
OPERATOR = records.call(caller=records.caller(scopes=frozenset({Scope.ADMIN})))


async def test_nothing_to_do_is_nothing_waiting(database: Database) -> None:
    found = await vital_signs.take(database, PausedQueue(), OPERATOR)
    assert (found.waiting, found.oldest, found.ingested) == (0, None, (0,) * vital_signs.MINUTES)


async def test_the_oldest_task_in_progress_and_what_became_active_by_minute_are_told(database: Database) -> None:
    async with database.begin() as uow:
        for age in (3, 7):
            await records.add_asset(uow)
            await uow.tasks.add(records.task(id=f"{9 - age}-task", created_at=NOW - age * MINUTE))
        charged = ((1, "create"), (MINUTE, "create"), (MINUTE + 1, "create"), (1, "get"), (16 * MINUTE, "create"))
        for number, (at, model) in enumerate(charged):
            record = UsageRecord(
                task_id=f"task-{number}", project_id=DEFAULT_PROJECT_ID, key_id="key", model=f"spark_asset_{model}",
                charge=Charge(), created_at=NOW - at,
            )  # fmt: skip
            await uow.usage.add(record)
        await uow.commit()
    found = await vital_signs.take(database, PausedQueue(), OPERATOR)
    assert found.oldest == NOW - 7 * MINUTE
    assert found.ingested == (0,) * (vital_signs.MINUTES - 2) + (1, 2)


@pytest.mark.parametrize(
    ("scopes", "projects"), [(frozenset({Scope.PROJECT_ADMIN}), None), (frozenset({Scope.ADMIN}), frozenset({DEFAULT_PROJECT_ID}))]
)
async def test_who_does_not_run_the_service_is_refused(
    database: Database, scopes: frozenset[Scope], projects: frozenset[str] | None
) -> None:
    call = records.call(caller=records.caller(scopes=scopes, project_ids=projects))
    with pytest.raises(AccessDenied):
        await vital_signs.take(database, PausedQueue(), call)
