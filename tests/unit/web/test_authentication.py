import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from spark_assets.db.sqlite import SqliteDatabase
from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import DEFAULT_SCOPES, ApiKey, Scope, new_secret
from spark_assets.domain.errors import AuthenticationError, SignatureError, Unavailable
from spark_assets.domain.signature import SignedRequest, parse_authorization
from spark_assets.operations import keys
from spark_assets.operations.access_keys import ACCESS_KEYS
from spark_assets.operations.api_keys import API_KEYS
from spark_assets.ports.unit_of_work import Database, Repositories
from spark_assets.web import authentication
from spark_assets.web.authentication import Authenticator
from spark_assets.web.failed_keys import FailedKeys
from tests.factories import records
from tests.factories.clocks import SetClock
from tests.factories.databases import open_sqlite
from tests.factories.records import NOW, SECOND
from tests.factories.signing import NAMES, sign, signing_headers


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


async def _create(
    database: SqliteDatabase,
    *,
    projects: tuple[str, ...] = (),
    expires_at: int | None = None,
    scopes: frozenset[Scope] = DEFAULT_SCOPES,
) -> tuple[ApiKey, str]:
    async with database.begin() as uow:
        made = await keys.create(API_KEYS, uow, name="laptop", scopes=scopes, projects=projects, expires_at=expires_at, now=NOW - 1)
        await uow.commit()
        return made


async def _revoke(database: SqliteDatabase, key: ApiKey) -> None:
    async with database.begin() as uow:
        await keys.revoke(API_KEYS, uow, key.id, NOW)
        await uow.commit()


async def _create_access_key(database: SqliteDatabase, expires_at: int | None = None) -> tuple[AccessKey, str]:
    async with database.begin() as uow:
        made = await keys.create(ACCESS_KEYS, uow, name="sdk", scopes=DEFAULT_SCOPES, projects=(), expires_at=expires_at, now=NOW - 1)
        await uow.commit()
        return made


async def _sign(authenticator: Authenticator, clock: SetClock, key: AccessKey, secret: str) -> tuple[str, str] | None:
    """Call with a signature that is fresh; code and message of the refusal, if there is one."""
    headers = signing_headers("127.0.0.1", b"{}", clock.time / SECOND)
    request = SignedRequest(method="POST", path="/", query=(), headers=headers, body=b"{}")
    credential = parse_authorization(sign(request, secret, NAMES, key=key.id))
    try:
        caller = await authenticator.signer(request, credential, clock.time, None)
    except SignatureError as refused:
        return refused.code, refused.message
    assert (caller.key_id, caller.scopes, caller.project_ids) == (key.id, key.scopes, key.project_ids)
    return None


async def _last_use(database: SqliteDatabase, key: AccessKey) -> int | None:
    async with database.read() as repositories:
        found = await repositories.access_keys.by_id(key.id)
    assert found is not None
    return found.last_used_at


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


class _Away:
    """A database that does not answer while it is away, or does not do so in time."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self.is_away = False
        self.is_silent = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Repositories]:
        """What is committed."""
        if self.is_away:
            raise Unavailable
        if self.is_silent:
            await asyncio.Event().wait()
        async with self._database.read() as repositories:
            yield repositories


async def _watching(database: SqliteDatabase, *scopes: Scope, projects: tuple[str, ...] = ()) -> tuple[ApiKey, bytes]:
    async with database.begin() as uow:
        key, secret = await keys.create(
            API_KEYS, uow, name="prometheus", scopes=frozenset(scopes), projects=projects, expires_at=NOW + SECOND, now=NOW - 1
        )
        await uow.commit()
    return key, f"Bearer {secret}".encode()


async def test_who_watches_is_known_while_the_database_is_away_and_no_longer(
    database: SqliteDatabase, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = _Away(database)
    watch = Authenticator(cast(Database, away), clock, FailedKeys(2.0))
    monkeypatch.setattr(authentication, "_REMEMBERED", 0.0)
    monkeypatch.setattr(authentication, "_WATCHER_PATIENCE", 0.05)
    key, header = await _watching(database, Scope.METRICS)
    _, narrow = await _watching(database, Scope.METRICS, projects=("default",))
    _, other = await _watching(database, Scope.ASSETS_READ)
    for one in (header, narrow, other):
        await watch.watcher(one, "192.0.2.1")
    away.is_away = True
    assert (await watch.watcher(header, "192.0.2.1")).key_id == key.id
    for unknown in (narrow, other, b"Bearer " + new_secret().encode()):
        with pytest.raises(Unavailable):
            await watch.watcher(unknown, "192.0.2.1")
    with pytest.raises(Unavailable):
        await watch.caller(header, "192.0.2.1")
    away.is_away, away.is_silent = False, True
    assert (await watch.watcher(header, "192.0.2.1")).key_id == key.id
    away.is_silent = False
    await _revoke(database, key)
    with pytest.raises(AuthenticationError):
        await watch.watcher(header, "192.0.2.1")
    away.is_away = True
    with pytest.raises(Unavailable):
        await watch.watcher(header, "192.0.2.1")


async def test_who_watches_is_forgotten_when_the_key_ends_and_after_a_quarter_of_an_hour(
    database: SqliteDatabase, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = _Away(database)
    watch = Authenticator(cast(Database, away), clock)
    monkeypatch.setattr(authentication, "_REMEMBERED", 0.0)
    now = time.monotonic()
    monkeypatch.setattr(authentication, "time", SimpleNamespace(monotonic=lambda: now))
    _, ends = await _watching(database, Scope.METRICS)
    _, secret = await _create(database, scopes=frozenset({Scope.ADMIN}))
    stays = f"Bearer {secret}".encode()
    for header in (ends, stays):
        await watch.watcher(header)
    away.is_away = True
    for seconds, known in ((0.9, {ends, stays}), (0.1, {stays}), (898.9, {stays}), (0.1, set())):
        now += seconds
        found = set()
        for header in (ends, stays):
            with suppress(Unavailable):
                found.add((await watch.watcher(header)).key_id and header)
        assert found == known, now


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


async def test_an_access_key_has_been_used_once_what_it_signed_is_right(
    database: SqliteDatabase, authenticator: Authenticator, clock: SetClock
) -> None:
    key, secret = await _create_access_key(database)
    refused = await _sign(authenticator, clock, key, "another secret")
    await authenticator.record_use()
    assert refused is not None
    assert (refused[0], await _last_use(database, key)) == ("SignatureDoesNotMatch", None)
    clock.time = NOW + 5 * SECOND
    assert await _sign(authenticator, clock, key, secret) is None
    assert await _last_use(database, key) is None
    await authenticator.record_use()
    assert await _last_use(database, key) == NOW + 5 * SECOND


async def test_an_access_key_is_refused_from_its_end_on_like_an_unknown_one(
    database: SqliteDatabase, authenticator: Authenticator, clock: SetClock
) -> None:
    key, secret = await _create_access_key(database, expires_at=NOW + SECOND)
    clock.time = NOW + SECOND - 1
    assert await _sign(authenticator, clock, key, secret) is None
    clock.time = NOW + SECOND  # while it is still remembered
    expired = await _sign(authenticator, clock, key, secret)
    assert expired is not None
    assert expired[0] == "InvalidAccessKey"
    assert expired == await _sign(authenticator, clock, records.access_key(), secret)


async def test_a_last_use_that_could_not_be_written_is_written_the_next_time(tmp_path: Path, clock: SetClock) -> None:
    path = tmp_path / "library.db"
    async with open_sqlite(path, lock_patience=0.0) as database:
        key, secret = await _create(database)
        access_key, signing_secret = await _create_access_key(database)
        authenticator = Authenticator(database, clock)
        await authenticator.caller(f"Bearer {secret}".encode())
        assert await _sign(authenticator, clock, access_key, signing_secret) is None
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                await authenticator.record_use()
            other.execute("ROLLBACK")
        await authenticator.record_use()
        async with database.read() as repositories:
            found = await repositories.keys.by_id(key.id)
        assert await _last_use(database, access_key) == NOW
    assert found is not None
    assert found.last_used_at == NOW


async def test_a_padded_header_is_understood_but_not_remembered(database: SqliteDatabase, authenticator: Authenticator) -> None:
    key, secret = await _create(database)
    padded = b"Bearer" + b" " * 30_000 + secret.encode()
    assert (await authenticator.caller(padded)).key_id == key.id
    await _revoke(database, key)
    assert await _refusal(authenticator, padded) == "InvalidApiKey"
