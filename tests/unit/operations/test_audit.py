"""What is written into the audit trail, and who reads it."""

from typing import Any

import pytest

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.audit import AuditEntry
from spark_assets.domain.errors import AccessDenied, NotFound
from spark_assets.operations import audit_trail, keys, projects
from spark_assets.operations.access_keys import ACCESS_KEYS
from spark_assets.operations.api_keys import API_KEYS
from spark_assets.operations.paging import Listed, Paging
from spark_assets.ports.unit_of_work import UnitOfWork
from tests.factories import records
from tests.factories.records import NOW

ADMIN = records.caller(key_id="key-admin", scopes=frozenset({Scope.ADMIN}))
SCOPES = frozenset({Scope.ASSETS_READ})


async def _page(uow: UnitOfWork, caller: Caller = ADMIN, project: str | None = None, **paging: object) -> Listed[AuditEntry]:
    await uow.settle()  # what a commit does before anything else
    return await audit_trail.page(uow, records.call(caller=caller), project, None, Paging(**paging))  # type: ignore[arg-type]  # several types


async def _trail(uow: UnitOfWork, caller: Caller = ADMIN, project: str | None = None) -> list[tuple[str, str, str | None]]:
    return [(entry.actor, entry.action, entry.subject) for entry in reversed((await _page(uow, caller, project)).items)]


@pytest.mark.parametrize(("kind", "noun"), [(API_KEYS, "key"), (ACCESS_KEYS, "access_key")])
async def test_keys_of_both_kinds_leave_their_ids_and_no_secret(uow: UnitOfWork, kind: keys.Kind[Any], noun: str) -> None:
    key, secret = await keys.create(kind, uow, name="laptop", scopes=SCOPES, projects=["default"], expires_at=None, now=NOW)
    fresh, fresh_secret = await keys.rotate(kind, uow, key.id, grace=0, now=NOW, caller=ADMIN)
    await keys.revoke(kind, uow, fresh.id, NOW)
    free, _ = await keys.create(kind, uow, name="sdk", scopes=SCOPES, projects=[], expires_at=None, now=NOW, caller=ADMIN)
    found = (await _page(uow)).items
    limited = records.DEFAULT_PROJECT_ID
    assert {(entry.actor, entry.action, entry.subject, entry.project_id) for entry in found} == {
        ("operator", f"{noun}.created", key.id, limited),
        ("key-admin", f"{noun}.rotated", key.id, limited),
        ("operator", f"{noun}.revoked", fresh.id, limited),
        ("key-admin", f"{noun}.created", free.id, None),
    }
    (rotated,) = (entry.details for entry in found if entry.action == f"{noun}.rotated")
    assert rotated == {"project_ids": [limited], "replaced_by": fresh.id}
    shown = repr(found)
    assert not [told for told in (secret, fresh_secret, "laptop") if told in shown]


async def test_what_was_refused_leaves_no_entry(uow: UnitOfWork) -> None:
    kind: keys.Kind[Any]
    for kind in (API_KEYS, ACCESS_KEYS):
        with pytest.raises(NotFound):
            await keys.revoke(kind, uow, "key-none", NOW)
        with pytest.raises(NotFound):
            await keys.rotate(kind, uow, "key-none", grace=0, now=NOW)
    assert await _trail(uow) == []


async def test_projects_leave_their_ids_and_not_their_names(uow: UnitOfWork) -> None:
    film = await projects.create(uow, "film", NOW, ADMIN)
    await projects.create(uow, "clip", NOW)
    call = records.call(caller=ADMIN)
    await projects.rename(uow, call, "film", "cinema")
    assert await _trail(uow, project="cinema") == [("key-admin", "project.created", film.id), ("key-admin", "project.renamed", film.id)]
    await projects.delete(uow, call, "cinema")
    assert ("key-admin", "project.ended", film.id) in await _trail(uow)
    assert "cinema" not in repr(await _page(uow))


async def test_who_administers_a_project_sees_its_entries_alone(uow: UnitOfWork) -> None:
    film, clip = await projects.create(uow, "film", NOW), await projects.create(uow, "clip", NOW)
    await keys.create(API_KEYS, uow, name="all", scopes=SCOPES, projects=[], expires_at=None, now=NOW)

    def administrator(*project_ids: str, scope: Scope = Scope.PROJECT_ADMIN) -> Caller:
        return records.caller(scopes=frozenset({scope}), project_ids=frozenset(project_ids) or None)

    assert len(await _trail(uow)) == 3
    assert [subject for _, _, subject in await _trail(uow, administrator(film.id))] == [film.id]
    assert {subject for _, _, subject in await _trail(uow, administrator())} == {film.id, clip.id}
    assert {subject for _, _, subject in await _trail(uow, administrator(film.id, scope=Scope.ADMIN))} == {film.id}
    with pytest.raises(NotFound):
        await _trail(uow, administrator(film.id), "clip")
    with pytest.raises(AccessDenied):
        await _trail(uow, records.caller())


async def test_the_trail_is_walked_by_cursor(uow: UnitOfWork) -> None:
    for number in range(5):
        await projects.create(uow, f"film-{number}", NOW + number)
    first = await _page(uow, max_results=3)
    assert first.next_token is not None
    second = await _page(uow, max_results=3, next_token=first.next_token)
    assert second.next_token is None
    times = [entry.created_at for entry in (*first.items, *second.items)]
    assert times == [NOW + number for number in (4, 3, 2, 1, 0)]
