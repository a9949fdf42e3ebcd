import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from spark_assets.db.sqlite import SqliteDatabase
from spark_assets.domain.api_key import DEFAULT_SCOPES, ApiKey, Scope, new_secret
from spark_assets.domain.errors import AuthenticationError, Unavailable
from spark_assets.operations import keys
from spark_assets.web.authentication import Authenticator
from tests.factories.clocks import SetClock
from tests.factories.databases import open_sqlite
from tests.factories.records import NOW, SECOND


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(tmp_path / "library.db") as database:
        yield database


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def authenticator(database: SqliteDatabase, clock: SetClock) -> Authenticator:
    return Authenticator(database, clock)


async def _create(database: SqliteDatabase, *, projects: tuple[str, ...] = (), expires_at: int | None = None) -> tuple[ApiKey, str]:
    async with database.begin() as uow:
        made = await keys.create(uow, name="laptop", scopes=DEFAULT_SCOPES, projects=projects, expires_at=expires_at, now=NOW - 1)
        await uow.commit()
        return made


async def _revoke(database: SqliteDatabase, key: ApiKey) -> None:
    async with database.begin() as uow:
        await keys.revoke(uow, key.id, NOW)
        await uow.commit()


async def _refusal(authenticator: Authenticator, header: bytes | None) -> str:
    with pytest.raises(AuthenticationError) as refused:
        await authenticator.caller(header)
    return refused.value.code


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}", "  Bearer {}  "])
async def test_a_key_is_recognised_whatever_the_letters_of_the_scheme(
    database: SqliteDatabase, authenticator: Authenticator, form: str
) -> None:
    key, secret = await _create(database, projects=("default",))
    for _ in range(2):
        caller = await authenticator.caller(form.format(secret).encode())
        assert (caller.key_id, caller.scopes, caller.project_ids) == (key.id, DEFAULT_SCOPES, frozenset({"project-default"}))
        assert Scope.ADMIN not in caller.scopes


@pytest.mark.parametrize("header", [None, b"", b"Bearer", b"Bearer ", b"Basic dXNlcjpwYXNz", b"sk_something", b"Token x"])
async def test_without_a_bearer_key_the_token_is_missing(authenticator: Authenticator, header: bytes | None) -> None:
    assert await _refusal(authenticator, header) == "MissingAuthenticationToken"


async def test_keys_that_are_malformed_unknown_expired_or_revoked_are_refused_alike(
    database: SqliteDatabase, authenticator: Authenticator
) -> None:
    revoked, secret = await _create(database)
    await _revoke(database, revoked)
    _, expired = await _create(database, expires_at=NOW)
    unknown = new_secret()
    messages = set()
    for bad in (b"x", b"\xff\xfe", b"sk_" + b"0" * 49, unknown.encode(), expired.encode(), secret.encode(), secret.encode() + b" x"):
        with pytest.raises(AuthenticationError) as refused:
            await authenticator.caller(b"Bearer " + bad)
        messages.add((refused.value.code, refused.value.message))
    assert len(messages) == 1
    assert next(iter(messages))[0] == "InvalidApiKey"


async def test_a_revoked_key_is_refused_within_a_second(database: SqliteDatabase, authenticator: Authenticator) -> None:
    key, secret = await _create(database)
    header = f"Bearer {secret}".encode()
    await authenticator.caller(header)
    await _revoke(database, key)
    deadline = time.monotonic() + 1.0
    with pytest.raises(AuthenticationError):
        while time.monotonic() < deadline:
            await authenticator.caller(header)
            await asyncio.sleep(0.02)


async def test_a_key_that_expires_soon_is_not_remembered_beyond_that(
    database: SqliteDatabase, authenticator: Authenticator, clock: SetClock
) -> None:
    _, secret = await _create(database, expires_at=NOW + 1000)
    header = f"Bearer {secret}".encode()
    await authenticator.caller(header)
    clock.time = NOW + 1000
    await asyncio.sleep(0.002)
    assert await _refusal(authenticator, header) == "InvalidApiKey"


async def test_the_last_use_is_written_when_asked_and_not_before(
    database: SqliteDatabase, authenticator: Authenticator, clock: SetClock
) -> None:
    key, secret = await _create(database)
    clock.time = NOW + 5 * SECOND
    await authenticator.caller(f"Bearer {secret}".encode())
    async with database.read() as repositories:
        before = await repositories.keys.by_id(key.id)
        await authenticator.record_use()
        after = await repositories.keys.by_id(key.id)
    assert before is not None
    assert after is not None
    assert (before.last_used_at, after.last_used_at) == (None, NOW + 5 * SECOND)


async def test_a_key_that_was_refused_has_not_been_used(database: SqliteDatabase, authenticator: Authenticator) -> None:
    key, secret = await _create(database)
    await _revoke(database, key)
    await _refusal(authenticator, f"Bearer {secret}".encode())
    await authenticator.record_use()
    async with database.read() as repositories:
        found = await repositories.keys.by_id(key.id)
    assert found is not None
    assert found.last_used_at is None


async def test_a_last_use_that_could_not_be_written_is_written_the_next_time(tmp_path: Path, clock: SetClock) -> None:
    path = tmp_path / "library.db"
    async with open_sqlite(path, lock_patience=0.0) as database:
        key, secret = await _create(database)
        authenticator = Authenticator(database, clock)
        await authenticator.caller(f"Bearer {secret}".encode())
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                await authenticator.record_use()
            other.execute("ROLLBACK")
        await authenticator.record_use()
        async with database.read() as repositories:
            found = await repositories.keys.by_id(key.id)
    assert found is not None
    assert found.last_used_at == NOW


async def test_a_padded_header_is_understood_but_not_remembered(database: SqliteDatabase, authenticator: Authenticator) -> None:
    key, secret = await _create(database)
    padded = b"Bearer" + b" " * 30_000 + secret.encode()
    assert (await authenticator.caller(padded)).key_id == key.id
    await _revoke(database, key)
    assert await _refusal(authenticator, padded) == "InvalidApiKey"
