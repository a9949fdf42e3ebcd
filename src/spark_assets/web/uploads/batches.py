"""`POST /v1/batches`: up to 1,000 assets as JSON lines, with a result for each line; one bad line never stops the rest."""

import hashlib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import msgspec
import structlog

from spark_assets.domain import own_parameters as own
from spark_assets.domain.errors import (
    Conflict,
    ErrorKind,
    InternalError,
    InvalidParameter,
    MissingParameter,
    RequestRefused,
    SparkError,
    Unavailable,
)
from spark_assets.domain.own_parameters import read_values
from spark_assets.operations import projects, uploads
from spark_assets.operations.call import Call
from spark_assets.ports.administration import GivenAnswer
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.runtime.assembly import Runtime
from spark_assets.web.admin.bodies import task_body
from spark_assets.web.admin.endpoint import in_own_words
from spark_assets.web.data_sources import data_source
from spark_assets.web.exchange import Exchange, encode
from spark_assets.web.idempotency import RepeatKey, once, repeat_key
from spark_assets.web.json_body import parse_object
from spark_assets.web.uploads.caller import open_call
from spark_assets.web.uploads.fields import OPTIONAL, REQUIRED, make_command
from spark_assets.wire.admin import AssetError
from spark_assets.wire.upload import BatchLine

log = structlog.get_logger()

MOST_LINES: Final = 1_000
BATCH_LIMIT: Final = 8 * 2**20
"""Bytes of the body."""
_CHUNK: Final = 50
"""Lines of one transaction, so that nobody waits long for it."""
_TYPES: Final = (b"application/x-ndjson", b"application/jsonl", b"application/x-jsonlines", b"application/json-lines")
_NDJSON: Final = (b"content-type", _TYPES[0])
_PATIENCE: Final = 3
"""Lines that may meet a database out of reach, before the others are not tried any more."""


_IN_DOUBT: Final = "whether the line was accepted is not known; look for its asset, and send batches under an Idempotency-Key"


class _InDoubt(Unavailable):
    """The database went away while it committed."""


class _Line(msgspec.Struct):
    """One line: what it asks for, and what has become of it."""

    number: int
    values: dict[str, Any]
    answer: bytes | None = None


async def submit_batch(exchange: Exchange) -> None:
    """Answer 200 with a line for each line, in their order."""
    exchange.allow("POST")
    call = await open_call(exchange)
    _check_type(exchange)
    body = await exchange.body(BATCH_LIMIT)
    batch = Batch(exchange.site.runtime, call, repeat_key(exchange, call.caller, body))
    answers = await batch.submit(_divide(body))
    await exchange.respond(200, b"".join(answer + b"\n" for answer in answers), (_NDJSON,))


class Batch:
    """The lines of one request, submitted in chunks.

    Under an `Idempotency-Key` every line has a key of its own, made from it and written with what the line made: so a
    request that is repeated after it was broken off does what was left, and nothing twice.
    """

    def __init__(self, runtime: Runtime, call: Call, repeat: RepeatKey | None) -> None:
        self._runtime = runtime
        self._call = call
        self._repeat = repeat
        self._unreachable = 0

    async def submit(self, texts: Sequence[tuple[int, bytes]]) -> list[bytes]:
        """An answer for each line, which comes with its number. Raises Conflict `IdempotencyKey` for another batch under the same key."""
        if self._repeat is not None:
            await once(self._runtime.database, self._repeat, self._call.now, _mark)
        lines = [_read(number, text) for number, text in texts]
        for start in range(0, len(lines), _CHUNK):
            async with AsyncExitStack() as sources:
                chunk = [line for line in lines[start : start + _CHUNK] if line.answer is None]
                staged = [line for line in chunk if await self._stage(line, sources)]
                await self._submit_chunk(staged)
        return [line.answer or b"" for line in lines]

    async def _stage(self, line: _Line, sources: AsyncExitStack) -> bool:
        """Whether the line is fit to be submitted; a `data:` URI in it is staged on the way, unless the line was answered before."""
        try:
            async with self._runtime.database.read() as repositories:
                repeat = self._repeat_of(line)
                known = None if repeat is None else await repositories.idempotency_keys.find(repeat.key_id, repeat.key)
            if known is not None:
                line.answer = known.answer
                return False
            line.values = await sources.enter_async_context(data_source(self._runtime, self._call, line.values))
        except SparkError as error:
            line.answer = _refused(line.number, error)
            return False
        return True

    async def _submit_chunk(self, lines: Sequence[_Line]) -> None:
        """All in one transaction; if that fails, each in one of its own, so that only the culprit is refused.

        Not so after a commit whose outcome is not known, unless a key tells what was accepted: nothing is to be made twice.
        """
        if not lines:
            return
        try:
            await self._together(lines)
        except Exception as error:
            if isinstance(error, _InDoubt) and self._repeat is None:
                self._unreachable += 1
                for line in lines:
                    line.answer = _refused(line.number, error)
                return
            log.info("batch_chunk_divided", request_id=self._call.request_id, lines=len(lines), error=type(error).__name__)
            for line in lines:
                await self._alone(line)

    async def _together(self, lines: Sequence[_Line]) -> None:
        async with self._runtime.database.begin() as uow:
            answers = [await self._submit_line(uow, line) for line in lines]
            try:
                await uow.commit()
            except Unavailable as error:
                raise _InDoubt(_IN_DOUBT) from error
        for line, answer in zip(lines, answers, strict=True):
            line.answer = answer

    async def _alone(self, line: _Line) -> None:
        if self._unreachable >= _PATIENCE:
            line.answer = _refused(line.number, Unavailable())
            return
        try:
            await self._together([line])
        except Taken:  # the same request, sent twice at once, was quicker with this line
            line.answer = await self._known(line)
        except SparkError as error:
            self._unreachable += isinstance(error, Unavailable)
            line.answer = _refused(line.number, error)
        except Exception:
            log.exception("batch_line_crashed", request_id=self._call.request_id, line=line.number)
            line.answer = _refused(line.number, InternalError())

    async def _submit_line(self, uow: UnitOfWork, line: _Line) -> bytes:
        repeat = self._repeat_of(line)
        known = None if repeat is None else await uow.idempotency_keys.find(repeat.key_id, repeat.key)
        if known is not None:
            return known.answer
        command = make_command({**line.values, "in_batch": True})
        task = await uploads.submit(uow, self._call, command)
        body = task_body(task, await projects.find(uow, self._call, command.project))
        answer = encode(BatchLine(line.number, "accepted", task=body))
        if repeat is not None:
            await uow.idempotency_keys.add(repeat.key_id, repeat.key, GivenAnswer(repeat.request_hash, answer), self._call.now)
        return answer

    async def _known(self, line: _Line) -> bytes:
        repeat = self._repeat_of(line)
        async with self._runtime.database.read() as repositories:
            known = None if repeat is None else await repositories.idempotency_keys.find(repeat.key_id, repeat.key)
        return (
            _refused(line.number, Conflict("IdempotencyKey", "the line's answer can no longer be read")) if known is None else known.answer
        )

    def _repeat_of(self, line: _Line) -> RepeatKey | None:
        if self._repeat is None:
            return None
        digest = hashlib.sha256(self._repeat.key.encode()).hexdigest()
        return msgspec.structs.replace(self._repeat, key=f"batch:{digest}:{line.number}")


def _read(number: int, text: bytes) -> _Line:
    try:
        return _Line(number, read_values(parse_object(text), (own.URL, *REQUIRED), OPTIONAL))
    except SparkError as error:
        return _Line(number, {}, _told(number, error))


async def _mark(_uow: UnitOfWork) -> bytes:
    """What is written under the key of the batch itself: that it is in use."""
    return b"{}"


def _divide(body: bytes) -> list[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1. Raises InvalidParameter `lines`, RequestRefused `RequestTooLarge`."""
    lines = [(number, line) for number, line in enumerate(body.splitlines(), 1) if line.strip()]
    if not lines:
        raise InvalidParameter("lines", "send one JSON object per line, each as for POST /v1/assets")
    if len(lines) > MOST_LINES:
        raise RequestRefused(ErrorKind.TOO_LARGE, "RequestTooLarge", f"a batch has at most {MOST_LINES} lines, not {len(lines)}")
    return lines


def _check_type(exchange: Exchange) -> None:
    kind = (exchange.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind not in _TYPES:
        message = f"send the lines as {_TYPES[0].decode()}"
        raise RequestRefused(ErrorKind.UNSUPPORTED_TYPE, "UnsupportedMediaType", message)


def _refused(number: int, error: SparkError) -> bytes:
    return _told(number, in_own_words(error) if isinstance(error, InvalidParameter | MissingParameter) else error)


def _told(number: int, told: SparkError) -> bytes:
    return encode(BatchLine(number, "refused", error=AssetError(told.code, told.message)))
