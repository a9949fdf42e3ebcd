"""The bytes of assets, by signed links: `GET` and `HEAD /media/{asset}/{variant}.{extension}`."""

import re
from typing import Final
from urllib.parse import quote

from spark_assets.domain.asset import Variant
from spark_assets.domain.errors import SparkError
from spark_assets.operations import delivery
from spark_assets.operations.delivery import Content
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.web.delivery.ranges import ByteRange, NotSatisfiable, parse_range
from spark_assets.web.error_responses import unknown_path
from spark_assets.web.exchange import Exchange, Headers
from spark_assets.wire.times import http_date, read_http_date

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
            await exchange.respond(307, b"", ((b"location", address.encode()), (b"cache-control", b"no-store"), *_SAFE))
            return
    validators = _validators(found)
    if _is_unchanged(exchange, found):
        await exchange.respond(304, b"", (*validators, _CACHED))
        return
    try:
        part = _wanted_range(exchange, found)
    except NotSatisfiable:
        await exchange.respond(416, b"", (*validators, (b"content-range", f"bytes */{found.size}".encode()), *_SAFE))
        return
    await _send(exchange, found, part, (*validators, _CACHED, *_describe(found), *_SAFE))


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


def _validators(found: Content) -> tuple[tuple[bytes, bytes], ...]:
    return (b"etag", _etag(found)), (b"last-modified", http_date(found.asset.updated_at).encode())


def _etag(found: Content) -> bytes:
    """Strong: the hash of the original, and the variant drawn from it."""
    suffix = "" if found.variant is Variant.ORIGINAL else f"-{found.variant.value}"
    return f'"{found.asset.sha256}{suffix}"'.encode()


def _is_unchanged(exchange: Exchange, found: Content) -> bool:
    """Whether the client's copy is good: `If-None-Match`, or in its absence `If-Modified-Since` (RFC 9110, 13.1)."""
    match = exchange.header(b"if-none-match")
    if match is not None:
        tags = [tag.strip().removeprefix(b"W/") for tag in match.split(b",")]
        return b"*" in tags or _etag(found) in tags
    header = exchange.header(b"if-modified-since")
    since = None if header is None else read_http_date(header.decode("latin-1"))
    return since is not None and found.asset.updated_at // 1_000_000 <= since


def _wanted_range(exchange: Exchange, found: Content) -> ByteRange | None:
    """The one range that is asked for; None for the whole. `If-Range` with another validator asks for the whole."""
    wanted = exchange.header(b"range")
    condition = exchange.header(b"if-range")
    if wanted is None or (condition is not None and condition not in {_etag(found), http_date(found.asset.updated_at).encode()}):
        return None
    return parse_range(wanted.decode("latin-1"), found.size)


def _describe(found: Content) -> tuple[tuple[bytes, bytes], ...]:
    disposition = "inline" if found.media_type in _SHOWN_INLINE else "attachment"
    return (
        (b"content-type", found.media_type.encode()),
        (b"content-disposition", f"{disposition}; {_file_name(found.file_name)}".encode()),
        (b"accept-ranges", b"bytes"),
    )


def _file_name(name: str) -> str:
    """Both forms of RFC 6266: plain ASCII for old clients, UTF-8 for the others."""
    safe = "".join("_" if character in '/\\"<>:|?*%' or not character.isprintable() else character for character in name)
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


async def _send(exchange: Exchange, found: Content, part: ByteRange | None, headers: Headers) -> None:
    start, length = (0, found.size) if part is None else (part.start, part.length)
    described = [*headers, (b"content-length", str(length).encode())]
    if part is not None:
        described.append((b"content-range", f"bytes {start}-{start + length - 1}/{found.size}".encode()))
    status = 200 if part is None else 206
    if exchange.method == "HEAD":
        await exchange.begin(status, described)
        await exchange.part(b"", more=False)
        return
    pieces = exchange.site.runtime.blobs.read(found.blob_name, start, length)
    try:
        first = await anext(pieces, b"")
    except BlobNotFound as error:
        raise _lost(found) from error
    await exchange.begin(status, described)
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
