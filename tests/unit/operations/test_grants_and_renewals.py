from typing import Any

import pytest

from spark_assets.db.sqlite import SqliteUnitOfWork
from spark_assets.domain.api_key import DEFAULT_SCOPES, Caller, Key, Scope
from spark_assets.domain.errors import AccessDenied, Conflict, InvalidParameter, NotFound
from spark_assets.domain.expiry import LONGEST_EXPIRY, check_expiry
from spark_assets.domain.grants import administers, check_grant
from spark_assets.domain.listing import Position, Slice, SortOrder
from spark_assets.operations import keys, projects
from spark_assets.operations.access_keys import ACCESS_KEYS
from spark_assets.operations.api_keys import API_KEYS
from spark_assets.operations.paging import part_of
from tests.factories import records
from tests.factories.records import NOW, SECOND

KINDS = [pytest.param(kind, id=kind.noun) for kind in (API_KEYS, ACCESS_KEYS)]


async def _key(uow: SqliteUnitOfWork, kind: keys.Kind[Any], **changes: Any) -> tuple[Key, str]:
    usual: dict[str, Any] = {"name": "laptop", "scopes": DEFAULT_SCOPES, "projects": [], "expires_at": None, "now": NOW}
    return await keys.create(kind, uow, **{**usual, **changes})


def _administrator(*project_ids: str, scopes: frozenset[Scope] = frozenset()) -> Caller:
    return records.caller(scopes=scopes | {Scope.PROJECT_ADMIN}, project_ids=frozenset(project_ids) or None)


@pytest.mark.parametrize(
    ("project_ids", "by_one", "by_two"),
    [
        ({"a"}, True, True),
        ({"a", "b"}, False, True),
        ({"b"}, False, True),
        ({"c"}, False, False),
        (set(), False, False),
        (None, False, False),
    ],
)
def test_a_key_belongs_to_whoever_administers_all_its_projects(project_ids: set[str] | None, by_one: bool, by_two: bool) -> None:
    assert administers(_administrator("a"), project_ids) is by_one
    assert administers(_administrator("a", "b"), project_ids) is by_two
    assert administers(_administrator(), project_ids)


def test_everyone_hands_on_what_they_hold_and_admins_hand_on_everything() -> None:
    check_grant(_administrator("a"), {Scope.ASSETS_READ, Scope.ASSETS_WRITE, Scope.PROJECT_ADMIN})
    check_grant(_administrator("a", scopes=frozenset({Scope.METRICS})), {Scope.METRICS})
    check_grant(records.caller(scopes=frozenset({Scope.ADMIN})), set(Scope))
    for scope in (Scope.ADMIN, Scope.METRICS, Scope.MODERATION_SKIP):
        with pytest.raises(AccessDenied) as refused:
            check_grant(_administrator(), {Scope.ASSETS_READ, scope})
        assert refused.value.scope == scope.value


async def _is_usable(kind: keys.Kind[Any], uow: SqliteUnitOfWork, key_id: str, now: int) -> bool:
    found = await kind.held(uow).by_id(key_id)
    assert found is not None
    return bool(found.is_usable(now))


@pytest.mark.parametrize("kind", KINDS)
async def test_the_operator_renews_any_key(uow: SqliteUnitOfWork, kind: keys.Kind[Any]) -> None:
    film = await projects.create(uow, "film", NOW)
    old, old_secret = await _key(uow, kind, scopes=frozenset({Scope.ADMIN}), projects=["film"], expires_at=NOW + 100 * SECOND)
    new, secret = await keys.rotate(kind, uow, old.id, grace=10, now=NOW + 1)
    assert (new.name, new.scopes, new.project_ids, new.expires_at) == (old.name, old.scopes, frozenset({film.id}), old.expires_at)
    assert (new.created_at, new.last_used_at) == (NOW + 1, None)
    assert new.id != old.id
    assert secret != old_secret
    assert await _is_usable(kind, uow, new.id, NOW + 100 * SECOND - 1)
    assert await _is_usable(kind, uow, old.id, NOW + 10 * SECOND)
    assert not await _is_usable(kind, uow, old.id, NOW + 10 * SECOND + 1)
    with pytest.raises(NotFound):
        await keys.rotate(kind, uow, "key-none", grace=0, now=NOW)


@pytest.mark.parametrize("kind", KINDS)
async def test_no_grace_makes_a_key_live_longer_than_it_would(uow: SqliteUnitOfWork, kind: keys.Kind[Any]) -> None:
    old, _ = await _key(uow, kind, expires_at=NOW + SECOND)
    await keys.rotate(kind, uow, old.id, grace=10, now=NOW)
    assert not await _is_usable(kind, uow, old.id, NOW + SECOND)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grace", [0, 10])
async def test_a_key_that_has_ended_is_not_renewed(uow: SqliteUnitOfWork, kind: keys.Kind[Any], grace: int) -> None:
    revoked, _ = await _key(uow, kind)
    await keys.revoke(kind, uow, revoked.id, NOW)
    expired, _ = await _key(uow, kind, expires_at=NOW + SECOND)
    for key in (revoked, expired):
        with pytest.raises(Conflict) as refused:
            await keys.rotate(kind, uow, key.id, grace=grace, now=NOW + SECOND)
        assert refused.value.code == "Conflict.Status"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_whose_end_could_not_be_is_not_made(uow: SqliteUnitOfWork, kind: keys.Kind[Any]) -> None:
    with pytest.raises(InvalidParameter) as refused:
        await _key(uow, kind, expires_at=NOW)
    assert refused.value.param == "ExpiresAt"


def test_an_end_lies_in_the_future_and_within_a_hundred_years() -> None:
    for good in (None, NOW + 1, NOW + LONGEST_EXPIRY):
        assert check_expiry(good, NOW) == good
    for bad in (NOW, NOW - 1, 0, NOW + LONGEST_EXPIRY + 1):
        with pytest.raises(InvalidParameter) as refused:
            check_expiry(bad, NOW)
        assert refused.value.param == "ExpiresAt"


async def test_a_short_list_is_divided_as_a_table_would_be() -> None:
    a, b, c = (records.api_key(id=f"key-{number}", created_at=NOW + number // 2) for number in (1, 2, 3))
    assert await part_of([b, a, c], Slice(limit=2)) == [c, b]
    assert await part_of([b, a, c], Slice(limit=2, after=Position((b.created_at,), b.id))) == [a]
    assert await part_of([b, a, c], Slice(limit=2, order=SortOrder.ASCENDING)) == [a, b]
    assert await part_of([b, a, c], Slice(limit=9, order=SortOrder.ASCENDING, after=Position((a.created_at,), a.id))) == [b, c]
