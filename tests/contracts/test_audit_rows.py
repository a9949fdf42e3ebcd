"""What the audit trail promises, proved over both databases: nothing is lost, changed or inserted without being noticed."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from spark_assets.db.administration_tables import audit
from spark_assets.db.postgres import PostgresDatabase
from spark_assets.db.sqlite import SqliteDatabase
from spark_assets.domain.audit import FIRST_PREVIOUS, AuditEntry, AuditFilter, sealed
from spark_assets.domain.listing import Slice, SortOrder
from spark_assets.operations.verification import verify
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.storage.local import LocalBlobStore
from tests.factories.records import NOW, SECOND

ALL = AuditFilter(with_service=True)
AT_ONCE = 40


def _entry(number: int, **changes: Any) -> AuditEntry:
    values = {"id": f"entry-{number}", "actor": "key-a", "action": "key.created", "project_id": None, "subject": "key-b", "details": None}
    return AuditEntry(**{**values, "created_at": NOW + number * SECOND, **changes})


async def _write(database: Database, *numbers: int) -> None:
    async with database.begin() as uow:
        for number in numbers:
            uow.note(_entry(number, details={"asset_ids": ["asset-é"], "count": 1}, address="127.0.0.1", request_id="request-1"))
        await uow.commit()


async def _all(database: Database) -> list[AuditEntry]:
    async with database.read() as repositories:
        return await repositories.audit.after(ALL, 0, 1000)


async def _execute(database: Database, statement: Any) -> None:
    """As someone would who has the database and not the service."""
    if isinstance(database, PostgresDatabase):
        await database.run(statement)
    else:
        assert isinstance(database, SqliteDatabase)
        async with database.begin() as uow:
            await uow.audit._connection.run(statement)  # type: ignore[attr-defined]  # past the port, on purpose
            await uow.commit()


async def _troubles(database: Database, folder: Path) -> list[str]:
    for name in ("blobs", "spool"):
        (folder / name).mkdir(exist_ok=True)
    blobs = LocalBlobStore(folder / "blobs")
    found = await verify(database, blobs, folder / "spool", NOW)
    await blobs.close()
    return found


async def test_the_trail_is_read_by_project_and_by_action_newest_first(uow: UnitOfWork) -> None:
    service = _entry(0)
    first = _entry(1, project_id="project-a", action="assets.erased", details={"asset_ids": ["asset-1"], "count": 1})
    second = _entry(2, project_id="project-b", subject="asset-1")
    await uow.audit.append([service, first, second])

    async def page(wanted: AuditFilter, **changes: Any) -> list[str]:
        return [entry.id for entry in await uow.audit.page(wanted, Slice(**changes))]

    assert await page(ALL) == ["entry-2", "entry-1", "entry-0"]
    assert await page(ALL, order=SortOrder.ASCENDING, limit=2) == ["entry-0", "entry-1"]
    assert await page(AuditFilter()) == ["entry-2", "entry-1"]
    assert await page(AuditFilter(project_ids=("project-a",))) == ["entry-1"]
    assert await page(AuditFilter(project_ids=("project-a", "project-b"))) == ["entry-2", "entry-1"]
    assert await page(AuditFilter(project_ids=())) == []
    assert await page(AuditFilter(with_service=True, action="assets.erased")) == ["entry-1"]
    assert await page(AuditFilter(with_service=True, subject="asset-1")) == ["entry-2"]
    (found,) = await uow.audit.page(AuditFilter(project_ids=("project-a",)), Slice())
    assert found == sealed(first, found.sequence, found.previous_hash)
    assert [entry.id for entry in await uow.audit.after(ALL, found.sequence, 9)] == ["entry-2"]


async def test_what_is_not_committed_leaves_no_entry_and_no_gap(database: Database) -> None:
    await _write(database, 0)
    async with database.begin() as uow:
        uow.note(_entry(1))
        await uow.settle()
    await _write(database, 2)
    assert [(entry.sequence, entry.id) for entry in await _all(database)] == [(1, "entry-0"), (2, "entry-2")]


async def test_entries_written_at_once_form_one_chain(database: Database, tmp_path: Path) -> None:
    await asyncio.gather(*(_write(database, 2 * number, 2 * number + 1) for number in range(AT_ONCE)))
    entries = await _all(database)
    assert [entry.sequence for entry in entries] == list(range(1, 2 * AT_ONCE + 1))
    assert entries[0].previous_hash == FIRST_PREVIOUS
    assert all(later.previous_hash == earlier.hash for earlier, later in itertools.pairwise(entries))
    assert await _troubles(database, tmp_path) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (update(audit).where(audit.c.sequence == 3).values(actor="key-other"), "entry number 3 (entry-2) was changed"),
        (update(audit).where(audit.c.sequence == 3).values(created_at=NOW), "entry number 3 (entry-2) was changed"),
        (update(audit).where(audit.c.sequence == 3).values(details=None), "entry number 3 (entry-2) was changed"),
        (delete(audit).where(audit.c.sequence == 3), "entry number 4 (entry-3) does not follow number 2: others were removed"),
    ],
    ids=["actor", "time", "details", "removed"],
)
async def test_a_trail_that_was_tampered_with_is_noticed(database: Database, tmp_path: Path, statement: Any, words: str) -> None:
    await _write(database, *range(5))
    assert await _troubles(database, tmp_path) == []
    await _execute(database, statement)
    assert await _troubles(database, tmp_path) == [f"1 x the chain of the audit trail is broken: {words}"]


async def test_an_entry_forged_with_a_hash_of_its_own_breaks_the_chain_behind_it(database: Database, tmp_path: Path) -> None:
    await _write(database, *range(3))
    second = (await _all(database))[1]
    forged = sealed(_entry(1, actor="key-other"), 2, second.previous_hash)
    values = {"actor": forged.actor, "details": None, "address": None, "request_id": None, "hash": forged.hash}
    await _execute(database, update(audit).where(audit.c.sequence == 2).values(**values))
    words = "entry number 3 (entry-2) is not sealed with the one before it"
    assert await _troubles(database, tmp_path) == [f"1 x the chain of the audit trail is broken: {words}"]


async def test_old_entries_are_dropped_from_the_oldest_on_and_what_is_left_still_holds(database: Database, tmp_path: Path) -> None:
    await _write(database, *range(5))
    for dropped, expected in ((2, ["entry-2", "entry-3", "entry-4"]), (1, ["entry-3", "entry-4"]), (0, ["entry-3", "entry-4"])):
        async with database.begin() as uow:
            assert await uow.audit.drop_old(NOW + 3 * SECOND, 2) == dropped
            await uow.commit()
        assert [entry.id for entry in await _all(database)] == expected
    assert await _troubles(database, tmp_path) == []


async def test_the_newest_entry_is_never_dropped_so_that_the_chain_goes_on(database: Database, tmp_path: Path) -> None:
    async with database.begin() as uow:
        assert await uow.audit.drop_old(NOW, 5) == 0
    await _write(database, 0, 1)
    async with database.begin() as uow:
        assert await uow.audit.drop_old(NOW + 100 * SECOND, 5) == 1
        await uow.commit()
    (last,) = await _all(database)
    await _write(database, 2)
    assert [(entry.sequence, entry.previous_hash) for entry in await _all(database)][1] == (3, last.hash)
    assert await _troubles(database, tmp_path) == []
