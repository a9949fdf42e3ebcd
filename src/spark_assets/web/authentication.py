"""Who a request is from.

A key is looked up once and remembered, by the header as it was sent, for half a second: so a revoked key is refused
within a second on every process, and a busy client costs two look-ups a second.
"""

import time
from typing import Final

from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import Caller
from spark_assets.domain.errors import AuthenticationError, SparkError
from spark_assets.operations import keys
from spark_assets.ports.clock import Clock
from spark_assets.ports.unit_of_work import Database

_REMEMBERED: Final = 0.5
"""Seconds."""
_LONGEST: Final = 128
"""Bytes of a header that is remembered; a padded one is looked up each time."""
_MOST: Final = 10_000
"""Keys remembered at once."""


class Authenticator:
    """Turns an `Authorization` header into a caller, and notes when each key was last used."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._callers: dict[bytes, tuple[float, Caller]] = {}
        self._access_keys: dict[str, tuple[float, tuple[AccessKey, str | None]]] = {}
        self._last_used: dict[str, int] = {}

    async def caller(self, authorization: bytes | None) -> Caller:
        """Raises AuthenticationError for a header that is missing, malformed, or names no usable key."""
        if authorization is None:
            raise AuthenticationError.missing()
        known = self._callers.get(authorization)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        return await self._look_up(authorization)

    async def access_key(self, key_id: str) -> tuple[AccessKey, str | None] | None:
        """The access key with that ID and its secret, revoked or not; None if there is none."""
        known = self._access_keys.get(key_id)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        async with self._database.read() as repositories:
            found = await repositories.access_keys.get(key_id)
        if len(self._access_keys) >= _MOST:
            self._access_keys.clear()
        if found is not None:
            self._access_keys[key_id] = (time.monotonic() + _REMEMBERED, found)
        return found

    async def record_use(self) -> None:
        """Write when keys were last used; called now and then, so that no request pays for it."""
        used, self._last_used = self._last_used, {}
        try:
            if used:
                async with self._database.begin() as uow:
                    await uow.keys.touch(used)
                    await uow.commit()
        except SparkError:
            self._last_used = used | self._last_used
            raise

    async def _look_up(self, authorization: bytes) -> Caller:
        self._callers.pop(authorization, None)
        scheme, _, secret = authorization.strip().partition(b" ")
        if scheme.lower() != b"bearer":
            raise AuthenticationError.missing()
        text = secret.strip().decode("latin-1")
        if not text:
            raise AuthenticationError.missing()
        now = self._clock.now()
        async with self._database.read() as repositories:
            key = await keys.authenticate(repositories, text, now)
        caller = Caller(key_id=key.id, scopes=key.scopes, project_ids=key.project_ids)
        left = _REMEMBERED if key.expires_at is None else min(_REMEMBERED, (key.expires_at - now) / 1_000_000)
        if len(self._callers) >= _MOST:
            self._callers.clear()
        if len(authorization) <= _LONGEST:
            self._callers[authorization] = (time.monotonic() + left, caller)
        self._last_used[key.id] = now
        return caller
