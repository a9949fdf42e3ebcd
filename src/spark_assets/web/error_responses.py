"""Errors as HTTP answers: the only place that knows status numbers."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog

from spark_assets.domain.errors import (
    AuthenticationError,
    ErrorKind,
    FlowLimited,
    InternalError,
    NotFound,
    SignatureError,
    SparkError,
    Unavailable,
)
from spark_assets.domain.signature import ALGORITHM
from spark_assets.ports.metrics import Count
from spark_assets.web.exchange import JSON, Exchange, MethodNotAllowed, ReaderTooSlow, encode
from spark_assets.web.rate_headers import rate_headers
from spark_assets.wire.errors import ErrorBody, ErrorDetail

log = structlog.get_logger()

STATUS: Final = {
    ErrorKind.INVALID: 400,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.DENIED: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.METHOD_NOT_ALLOWED: 405,
    ErrorKind.NOT_ACCEPTABLE: 406,
    ErrorKind.TIMEOUT: 408,
    ErrorKind.CONFLICT: 409,
    ErrorKind.PRECONDITION: 412,
    ErrorKind.TOO_LARGE: 413,
    ErrorKind.UNSUPPORTED_TYPE: 415,
    ErrorKind.LIMITED: 429,
    ErrorKind.CHECKSUM: 460,
    ErrorKind.INTERNAL: 500,
    ErrorKind.INGEST: 500,
    ErrorKind.UNAVAILABLE: 503,
    ErrorKind.STORAGE_FULL: 507,
}
"""The status that each kind of error is answered with."""

Handler = Callable[[Exchange], Awaitable[None]]
Shape = Callable[[SparkError], msgspec.Struct]
"""What an error looks like in the body of an answer."""


async def answer(exchange: Exchange, handler: Handler, shape: Shape | None = None) -> None:
    """Run a handler; whatever it raises becomes an answer, and a log line under the request's ID. `shape` gives errors another body."""
    try:
        await handler(exchange)
    except SparkError as error:
        await refuse(exchange, error, shape)
    except ReaderTooSlow:
        log.info("reader_given_up", request_id=exchange.request_id, path=_shown_path(exchange))
    except Exception:
        log.exception("request_crashed", request_id=exchange.request_id, path=_shown_path(exchange))
        if exchange.started:
            raise
        await refuse(exchange, InternalError(), shape)
    finally:
        exchange.close()


async def refuse(exchange: Exchange, error: SparkError, shape: Shape | None = None) -> None:
    """Answer with an error."""
    status = STATUS[error.kind]
    exchange.site.runtime.metrics.count(Count.REFUSALS, error.code)
    log.info("request_refused", request_id=exchange.request_id, status=status, code=error.code, path=_shown_path(exchange))
    if exchange.started:
        raise error
    if isinstance(error, FlowLimited):
        exchange.rate_headers = rate_headers(error.limit, 0, error.reset)
    await exchange.discard_body()
    body = error_body(error, exchange.request_id) if shape is None else shape(error)
    await exchange.respond(status, encode(body), (JSON, *error_headers(error)))


def error_body(error: SparkError, request_id: str) -> ErrorBody:
    """The shape of an error on the wire."""
    detail = ErrorDetail(error.code, error.message, f"{error.code}: {error.message}", error.param)
    return ErrorBody(detail, error.message, request_id)


def unknown_path() -> NotFound:
    """The answer for an address that nothing is behind."""
    return NotFound("path", "there is nothing at this address")


def _shown_path(exchange: Exchange) -> str:
    """The path as the log may hold it: what follows `/s/` opens a share, and may do so again when its asset is restored."""
    path = str(exchange.scope["path"])
    return "/s/…" if path.startswith("/s/") else path


def error_headers(error: SparkError) -> list[tuple[bytes, bytes]]:
    """The headers that an error is answered with, whatever its body looks like."""
    if isinstance(error, AuthenticationError):
        return [(b"www-authenticate", b"Bearer")]
    if isinstance(error, SignatureError) and error.kind is ErrorKind.UNAUTHENTICATED:
        return [(b"www-authenticate", ALGORITHM.encode())]
    if isinstance(error, FlowLimited):
        return [(b"retry-after", str(error.reset).encode())]
    if isinstance(error, Unavailable):
        return [(b"retry-after", str(error.retry_after).encode())]
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", error.allowed.encode())]
    return []
