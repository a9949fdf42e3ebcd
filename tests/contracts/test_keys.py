"""Keys of both kinds, on both engines: what they have alike, and what each has of its own."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from spark_assets.db.sealing import Sealer
from spark_assets.domain.api_key import Scope
from spark_assets.domain.link import SigningKey
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import UnitOfWork
from tests.factories import records
from tests.factories.records import NOW, SECOND


class Kind(NamedTuple):
    """Keys of one kind: those that there are, how one looks, and how it is recorded."""

    held: Any
    make: Callable[..., Any]
    add: Callable[[Any], Awaitable[None]]


@pytest.fixture(params=["API keys", "access keys"])
def keys(request: pytest.FixtureRequest, uow: UnitOfWork) -> Kind:
    if request.param == "API keys":
        return Kind(uow.keys, records.api_key, lambda key: uow.keys.add(key, records.fingerprint()))
    return Kind(uow.access_keys, records.access_key, lambda key: uow.access_keys.add(key, "a secret"))


async def test_a_key_is_found_by_id_as_it_was_added_and_once(keys: Kind) -> None:
    reach = {"scopes": frozenset(Scope), "project_ids": frozenset({"project-a", "project-b"})}
    full = keys.make(**reach, expires_at=NOW + SECOND, revoked_at=NOW + 1, last_used_at=NOW + 2)
    for key in (keys.make(), full):
        await keys.add(key)
        assert await keys.held.by_id(key.id) == key
    assert await keys.held.by_id("none") is None
    with pytest.raises(Taken):
        await keys.add(full)


async def test_keys_are_listed_newest_first(keys: Kind) -> None:
    old, new = keys.make(created_at=NOW), keys.make(created_at=NOW + 1)
    for key in (old, new):
        await keys.add(key)
    assert await keys.held.all() == [new, old]


async def test_a_key_is_revoked_once_and_stays_revoked(keys: Kind) -> None:
    key, other = keys.make(), keys.make()
    for one in (key, other):
        await keys.add(one)
    assert await keys.held.revoke(key.id, NOW)
    assert not await keys.held.revoke(key.id, NOW + SECOND)
    assert not await keys.held.revoke("none", NOW)
    assert await keys.held.by_id(key.id) == replace(key, revoked_at=NOW)
    assert await keys.held.by_id(other.id) == other


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, NOW + 10), (NOW + 5, NOW + 5), (NOW + 20, NOW + 10)],
    ids=["a key without an end", "a key that ends sooner", "a key that ends later"],
)
async def test_a_key_that_is_replaced_ends_in_time_and_never_later_than_it_would(keys: Kind, before: int | None, after: int) -> None:
    key = keys.make(expires_at=before)
    await keys.add(key)
    assert await keys.held.expire(key.id, NOW + 10)
    assert await keys.held.by_id(key.id) == replace(key, expires_at=after)


async def test_a_revoked_key_and_one_that_never_was_cannot_be_given_an_end(keys: Kind) -> None:
    key = keys.make()
    await keys.add(key)
    await keys.held.revoke(key.id, NOW)
    assert not await keys.held.expire(key.id, NOW + 10)
    assert not await keys.held.expire("none", NOW + 10)


async def test_the_last_use_of_keys_only_moves_forward(keys: Kind) -> None:
    used, unused = keys.make(), keys.make()
    for key in (used, unused):
        await keys.add(key)
    await keys.held.touch({})
    await keys.held.touch({used.id: NOW, "none": NOW})
    await keys.held.touch({used.id: NOW - SECOND})
    assert await keys.held.by_id(used.id) == replace(used, last_used_at=NOW)
    assert await keys.held.by_id(unused.id) == unused


async def test_an_api_key_is_found_by_its_fingerprint(uow: UnitOfWork) -> None:
    fingerprint = records.fingerprint()
    key = records.api_key(expires_at=NOW + SECOND)
    await uow.keys.add(key, fingerprint)
    assert await uow.keys.by_fingerprint(fingerprint) == key
    assert await uow.keys.by_fingerprint(records.fingerprint()) is None


async def test_an_access_key_is_kept_with_its_secret_sealed(uow: UnitOfWork) -> None:
    one, other = records.access_key(expires_at=NOW + SECOND), records.access_key(hint="anot…")
    await uow.access_keys.add(one, "a secret")
    await uow.access_keys.add(other, "another")
    assert await uow.access_keys.with_secret(one.id) == (one, "a secret")
    assert await uow.access_keys.with_secret(other.id) == (other, "another")
    assert await uow.access_keys.with_secret("AKNONE") is None
    rows: Any = uow.access_keys  # what is stored is no part of the port
    stored = [bytes(row[0]) for row in await rows._connection.run(text("SELECT secret FROM access_keys"))]
    assert len(stored) == 2
    assert not any(b"secret" in value or b"another" in value for value in stored)
    without_its_seal = type(rows)(rows._connection, Sealer((SigningKey("2", "0123456789abcdef"),)))
    assert await without_its_seal.with_secret(one.id) == (replace(one, hint="…"), None)
