"""Who a request is from.

A key is looked up once and remembered, by the header as it was sent, for half a second: so a revoked key is refused
within a second on every process, and a busy client costs two look-ups a second. Only who watches the service is known for longer,
and only where the database cannot be asked, for then it is watched most.
"""

import asyncio
import time
from typing import Final

from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import ApiKey, Caller, Scope, fingerprint
from spark_assets.domain.errors import AuthenticationError, SparkError, Unavailable
from spark_assets.domain.signature import Credential, SignedRequest
from spark_assets.domain.usage import MICRO
from spark_assets.operations import access_keys, api_keys, sessions
from spark_assets.ports.clock import Clock
from spark_assets.ports.unit_of_work import Database
from spark_assets.web.failed_keys import FailedKeys, TooManyFailures, network_of

_REMEMBERED: Final = 0.5
"""Seconds."""
_WATCHER_REMEMBERED: Final = 900.0
_WATCHER_PATIENCE: Final = 3.0
"""Seconds for which a key that may read metrics stays known while the database is away, and after which one that is silent counts as away:
Prometheus waits for ten, and the load is waited for as well."""
_LONGEST: Final = 128
"""Bytes of a header that is remembered; a padded one is looked up each time."""
_MOST: Final = 10_000
"""Keys remembered at once."""


class Authenticator:
    """Turns an `Authorization` header into a caller, and notes when each key was last used."""

    def __init__(self, database: Database, clock: Clock, failed: FailedKeys | None = None) -> None:
        """`failed`: who is made to wait after keys that are none; nobody, unless it is given."""
        self._database = database
        self._clock = clock
        self._failed = failed or FailedKeys(0)
        self._callers: dict[bytes, tuple[float, Caller]] = {}
        self._watchers: dict[bytes, tuple[float, Caller]] = {}
        self._access_keys: dict[str, tuple[float, tuple[AccessKey, str | None]]] = {}
        self._last_used: dict[str, int] = {}
        self._last_signed: dict[str, int] = {}

    async def caller(self, authorization: bytes | None, address: str | None = None, *, patience: float | None = None) -> Caller:
        """Raises AuthenticationError for a header that is missing, malformed, or names no usable key, Unavailable.

        `address` is where the header came from: many failures from there are answered slowly. `patience`: seconds that the database has
        to answer in; None: as many as it takes.
        """
        if authorization is None:
            raise AuthenticationError.missing()
        known = self._callers.get(authorization)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        return await self._look_up(authorization, address, patience)

    async def watcher(self, authorization: bytes | None, address: str | None = None) -> Caller:
        """The same for who may read metrics: a key that was good within a quarter of an hour is while the database cannot be asked."""
        known = self._watchers.get(authorization or b"")
        if known is None or time.monotonic() >= known[0]:
            return await self.caller(authorization, address)
        try:
            return await self.caller(authorization, address, patience=_WATCHER_PATIENCE)
        except TooManyFailures:  # the database has answered, and knows no such key
            raise
        except Unavailable:
            return known[1]

    async def session(self, token: str, address: str | None = None) -> Caller:
        """Who has signed in with a session of the console. Raises AuthenticationError, Unavailable."""
        remembered_as = b"session " + token.encode()
        known = self._callers.get(remembered_as)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        async with self._failed.attempt(address, fingerprint(token)):
            now = self._clock.now()
            async with self._database.read() as repositories:
                key = await sessions.authenticate(repositories, token, now)
        return self._remember(remembered_as, key, now)

    async def signer(self, request: SignedRequest, credential: Credential, now: int, address: str | None) -> Caller:
        """Who signed a request; `now` is in Unix microseconds. Raises SignatureError, Unavailable."""
        known_there = f"{credential.access_key_id} {address and network_of(address)}"  # the ID is no secret: it proves nothing elsewhere
        async with self._failed.attempt(address, known_there):
            key = access_keys.recognise(await self._access_key(credential.access_key_id), request, credential, now)
        self._last_signed[key.id] = now
        return key.caller

    async def _access_key(self, key_id: str) -> tuple[AccessKey, str | None] | None:
        """The access key with that ID and its secret, revoked or not; None if there is none."""
        known = self._access_keys.get(key_id)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        async with self._database.read() as repositories:
            found = await repositories.access_keys.with_secret(key_id)
        if len(self._access_keys) >= _MOST:
            self._access_keys.clear()
        if found is not None:
            self._access_keys[key_id] = (time.monotonic() + _REMEMBERED, found)
        return found

    async def record_use(self) -> None:
        """Write when keys were last used; called now and then, so that no request pays for it."""
        used, self._last_used = self._last_used, {}
        signed, self._last_signed = self._last_signed, {}
        try:
            if used or signed:
                async with self._database.begin() as uow:
                    await uow.keys.touch(used)
                    await uow.access_keys.touch(signed)
                    await uow.commit()
        except SparkError:
            self._last_used, self._last_signed = used | self._last_used, signed | self._last_signed
            raise

    async def _look_up(self, authorization: bytes, address: str | None, patience: float | None) -> Caller:
        self._callers.pop(authorization, None)
        scheme, _, secret = authorization.strip().partition(b" ")
        if scheme.lower() != b"bearer":
            raise AuthenticationError.missing()
        text = secret.strip().decode("latin-1")
        if not text:
            raise AuthenticationError.missing()
        async with self._failed.attempt(address, fingerprint(text)):
            now = self._clock.now()
            try:
                async with asyncio.timeout(patience), self._database.read() as repositories:
                    key = await api_keys.authenticate(repositories, text, now)
            except TimeoutError:
                raise Unavailable from None
            except AuthenticationError:
                self._watchers.pop(authorization, None)
                raise
        self._remember_watcher(authorization, key, now)
        return self._remember(authorization, key, now)

    def _remember_watcher(self, authorization: bytes, key: ApiKey, now: int) -> None:
        self._watchers.pop(authorization, None)
        if key.caller.has(Scope.METRICS) and key.project_ids is None and len(authorization) <= _LONGEST and len(self._watchers) < _MOST:
            self._watchers[authorization] = (time.monotonic() + _left(key, now, _WATCHER_REMEMBERED), key.caller)

    def _remember(self, how: bytes, key: ApiKey, now: int) -> Caller:
        if len(self._callers) >= _MOST:
            self._callers.clear()
        if len(how) <= _LONGEST:
            self._callers[how] = (time.monotonic() + _left(key, now, _REMEMBERED), key.caller)
        self._last_used[key.id] = now
        return key.caller


def _left(key: ApiKey, now: int, most: float) -> float:
    """Seconds for which the key may be remembered: it is not beyond its end."""
    return most if key.expires_at is None else min(most, (key.expires_at - now) / MICRO)
