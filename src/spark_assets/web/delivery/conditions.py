"""Conditions of a request on the copy that its client has (RFC 9110, section 13)."""

from spark_assets.domain.asset import Variant
from spark_assets.operations.delivery import Content
from spark_assets.web.exchange import Exchange
from spark_assets.wire.times import http_date, read_http_date


def validators(found: Content) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that a client may hold its copy against."""
    return (b"etag", _etag(found)), (b"last-modified", _modified(found))


def is_another(exchange: Exchange, found: Content) -> bool:
    """Whether the client wants a copy that this is not: `If-Match`, or in its absence `If-Unmodified-Since`."""
    match = exchange.header(b"if-match")
    if match is not None:
        tags = _tags(match)
        return b"*" not in tags and _etag(found) not in tags
    since = _date(exchange, b"if-unmodified-since")
    return since is not None and found.asset.updated_at // 1_000_000 > since


def is_unchanged(exchange: Exchange, found: Content) -> bool:
    """Whether the client's copy is good: `If-None-Match`, or in its absence `If-Modified-Since`."""
    match = exchange.header(b"if-none-match")
    if match is not None:
        tags = [tag.removeprefix(b"W/") for tag in _tags(match)]
        return b"*" in tags or _etag(found) in tags
    since = _date(exchange, b"if-modified-since")
    return since is not None and found.asset.updated_at // 1_000_000 <= since


def may_be_continued(exchange: Exchange, found: Content) -> bool:
    """Whether a part of these bytes fits the part that the client has: `If-Range`, or no such condition."""
    condition = exchange.header(b"if-range")
    return condition is None or condition in {_etag(found), _modified(found)}


def _etag(found: Content) -> bytes:
    """Strong: the hash of the original, and the variant drawn from it."""
    suffix = "" if found.variant is Variant.ORIGINAL else f"-{found.variant.value}"
    return f'"{found.asset.sha256}{suffix}"'.encode()


def _modified(found: Content) -> bytes:
    return http_date(found.asset.updated_at).encode()


def _tags(header: bytes) -> list[bytes]:
    """The entity tags of a list; none of ours holds a comma."""
    return [tag.strip() for tag in header.split(b",")]


def _date(exchange: Exchange, name: bytes) -> float | None:
    header = exchange.header(name)
    return None if header is None else read_http_date(header.decode("latin-1"))
