"""The bytes of assets, by signed links: `GET` and `HEAD /media/{asset}/{variant}.{extension}`."""

import re
from functools import partial
from typing import Final
from urllib.parse import quote

from spark_assets.domain.asset import Variant
from spark_assets.domain.errors import SparkError
from spark_assets.operations import delivery
from spark_assets.operations.delivery import Content
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.web.delivery.conditions import is_another, is_unchanged, may_be_continued, validators
from spark_assets.web.delivery.parts import Body, parted, read_body, whole
from spark_assets.web.delivery.ranges import NotSatisfiable, parse_ranges
from spark_assets.web.error_responses import unknown_path
from spark_assets.web.exchange import Exchange, Headers

_LINK_QUERY: Final = re.compile(rb"expires=(\d{1,12})&key=([A-Za-z0-9]{1,64})&signature=([A-Za-z0-9_-]{1,64})")
"""The one form of a link's query: another spelling of it would be another address of the same bytes."""
_PRESIGNED_LIFETIME: Final = 60
"""Seconds that an address on the object store works: a deletion takes effect at once, but for this."""
_SHOWN_INLINE: Final = frozenset(
    {"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "video/mp4", "video/quicktime", "audio/wav", "audio/mpeg"}
)
"""Media types that browsers show by themselves and that cannot carry a script; all others are offered as a file to save."""
_SAFE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
_CACHED: Final = (b"cache-control", b"private, max-age=3600, immutable")


async def deliver(exchange: Exchange) -> None:
    """Send what a signed link leads to, whole or in part; on an object store, lead on to the store's own address."""
    exchange.allow("GET", "HEAD")
    found = await _find(exchange)
    if exchange.method == "GET":
        address = await exchange.site.runtime.blobs.presigned_url(found.blob_name, _PRESIGNED_LIFETIME)
        if address is not None:
            await _expect(exchange, found)
            await exchange.respond(307, b"", ((b"location", address.encode()), (b"cache-control", b"no-store"), *_SAFE))
            return
    known = validators(found)
    if is_another(exchange, found):
        await exchange.respond(412, b"", (*known, *_SAFE))
        return
    if is_unchanged(exchange, found):
        await exchange.respond(304, b"", (*known, _CACHED))
        return
    try:
        body = _wanted(exchange, found)
    except NotSatisfiable:
        await exchange.respond(416, b"", (*known, (b"content-range", f"bytes */{found.size}".encode()), *_SAFE))
        return
    await _send(exchange, found, body, (*known, _CACHED, *_describe(found), *_SAFE))


async def _expect(exchange: Exchange, found: Content) -> None:
    """Raises BytesLost or NotFound for bytes that the object store does not have, Unavailable where it is away."""
    try:
        await exchange.site.store.expect(found.blob_name)
    except BlobNotFound as error:
        raise _lost(found) from error


async def _find(exchange: Exchange) -> Content:
    """The content behind the link. Raises NotFound `path` for a link that is not ours, expired, or leads to nothing."""
    parameters = exchange.path_parameters
    asset_id, file_name = parameters["asset_id"], parameters["file_name"]
    path = f"/media/{asset_id}/{file_name}"
    query = _LINK_QUERY.fullmatch(exchange.scope["query_string"])
    if query is None or exchange.scope["raw_path"] != path.encode():
        raise unknown_path()
    expires, key_id, signature = (part.decode("ascii") for part in query.groups())
    runtime = exchange.site.runtime
    runtime.links.check(path, expires, key_id, signature, exchange.now)
    try:
        variant = Variant(file_name.partition(".")[0])
    except ValueError:
        raise unknown_path() from None
    async with runtime.database.read() as repositories:
        return await delivery.content(repositories, asset_id, variant)


def _wanted(exchange: Exchange, found: Content) -> Body:
    """The parts that are asked for, or the whole. Raises NotSatisfiable."""
    header = exchange.header(b"range")
    parts = None
    if header is not None and may_be_continued(exchange, found):
        parts = parse_ranges(header.decode("latin-1"), found.size)
    return whole(found.size, found.media_type) if parts is None else parted(parts, found.size, found.media_type)


def _describe(found: Content) -> tuple[tuple[bytes, bytes], ...]:
    disposition = "inline" if found.media_type in _SHOWN_INLINE else "attachment"
    return (
        (b"content-disposition", f"{disposition}; {_file_name(found.file_name)}".encode()),
        (b"accept-ranges", b"bytes"),
    )


def _file_name(name: str) -> str:
    """Both forms of RFC 6266: plain ASCII for old clients, UTF-8 for the others."""
    safe = "".join("_" if character in '/\\"<>:|?*%' or not character.isprintable() else character for character in name)
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


async def _send(exchange: Exchange, found: Content, body: Body, headers: Headers) -> None:
    described = (*headers, *body.headers)
    if exchange.method == "HEAD":
        await exchange.begin(body.status, described)
        await exchange.part(b"", more=False)
        return
    pieces = read_body(body, partial(exchange.site.runtime.blobs.read, found.blob_name))
    try:
        first = await anext(pieces, b"")
    except BlobNotFound as error:
        raise _lost(found) from error
    await exchange.begin(body.status, described)
    await exchange.part(first, more=True)
    async for piece in pieces:
        await exchange.part(piece, more=True)
    await exchange.part(b"", more=False)


def _lost(found: Content) -> SparkError:
    """The row is there and the bytes are not: a broken promise, which the log must show."""
    return unknown_path() if found.variant is not Variant.ORIGINAL else BytesLost()


class BytesLost(SparkError):
    """The store no longer has bytes that an asset refers to."""

    def __init__(self) -> None:
        super().__init__("InternalError", "the stored bytes of this asset are missing; 'spark-assets doctor --verify' tells more")
