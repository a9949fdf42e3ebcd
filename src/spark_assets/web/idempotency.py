"""A creating request that is repeated has one effect and gets one answer: `Idempotency-Key`, kept for a day per API key."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from spark_assets.domain.api_key import Caller
from spark_assets.domain.errors import Conflict, FlowLimited, InvalidParameter, NotFound, QuotaExceeded
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.administration import GivenAnswer
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import Database, UnitOfWork
from spark_assets.web.exchange import Exchange

_LONGEST: Final = 255
_OVERTAKEN: Final = (Taken, Conflict, NotFound, FlowLimited, QuotaExceeded)
"""What a request may run into that is carried out beside itself: its own effect, in its way."""
_INVOCATION: Final = b"x-sdk-invocation-id"
"""The Volcengine SDK sends up to four attempts of one call under this header."""


class RepeatKey(msgspec.Struct, frozen=True):
    """Under which key a request may be repeated, whose key it is, and the hash of what must be the same."""

    key_id: str
    key: str
    request_hash: str


def repeat_key(exchange: Exchange, caller: Caller, body: bytes) -> RepeatKey | None:
    """The key that the client gave its request; None if it gave none. Raises InvalidParameter `Idempotency-Key`."""
    given = exchange.header(b"idempotency-key")
    invocation = exchange.header(_INVOCATION) if given is None else None
    value = given if invocation is None else b"invocation:" + invocation
    if value is None:
        return None
    text = value.decode("latin-1")
    if not 0 < len(text) <= _LONGEST or not text.isascii() or not text.isprintable():
        raise InvalidParameter("Idempotency-Key", f"an Idempotency-Key has 1 to {_LONGEST} printable ASCII characters")
    scope = exchange.scope
    parts = (exchange.method.encode(), scope["path"].encode(), scope["query_string"], exchange.header(b"x-model") or b"", body)
    project = (exchange.project or "").encode()
    digest = hashlib.sha256(b"\n".join(hashlib.sha256(part).digest() for part in (*parts, project)))
    return RepeatKey(caller.key_id, text, digest.hexdigest())


async def once(database: Database, repeat: RepeatKey | None, now: int, work: Callable[[UnitOfWork], Awaitable[bytes]]) -> bytes:
    """The answer of `work`, committed; under a key that was answered before, that answer again and no other effect.

    Raises Conflict `IdempotencyKey` for another request under the same key.
    """
    try:
        return await _perform(database, repeat, now, work)
    except _OVERTAKEN as refusal:
        answer = None if repeat is None else await _given_answer(database, repeat)
        if answer is None and isinstance(refusal, Taken):
            raise Conflict("IdempotencyKey", "the answer given under this Idempotency-Key can no longer be read; use a new one") from None
        if answer is None:
            raise
        return answer


async def _perform(database: Database, repeat: RepeatKey | None, now: int, work: Callable[[UnitOfWork], Awaitable[bytes]]) -> bytes:
    """Raises Taken if another request under the same key was quicker."""
    async with database.begin() as uow:
        answer = None if repeat is None else await _find(uow, repeat)
        if answer is None:
            answer = await work(uow)
            if repeat is not None:
                await uow.idempotency_keys.add(repeat.key_id, repeat.key, GivenAnswer(repeat.request_hash, answer), now)
        reach(Failpoint.ANSWER_WRITTEN)
        await uow.commit()  # also of an answer found: it may have been given a moment ago, and must be durable before it is told again
        reach(Failpoint.ANSWER_COMMITTED)
        return answer


async def _given_answer(database: Database, repeat: RepeatKey) -> bytes | None:
    async with database.begin() as uow:
        answer = await _find(uow, repeat)
        await uow.commit()
        return answer


async def _find(uow: UnitOfWork, repeat: RepeatKey) -> bytes | None:
    """The answer that was given. Raises Conflict `IdempotencyKey` for another request."""
    known = await uow.idempotency_keys.find(repeat.key_id, repeat.key)
    if known is None:
        return None
    if known.request_hash != repeat.request_hash:
        raise Conflict("IdempotencyKey", "this Idempotency-Key was used for another request; use a new one for each")
    return known.answer
