"""The two addresses of the document: as JSON, and as a page."""

import hashlib
from functools import lru_cache
from typing import Final

from spark_assets.web.exchange import JSON, Exchange, Headers
from spark_assets.web.openapi.document import document_bytes

_HTML: Final = (b"content-type", b"text/html; charset=utf-8")
_CACHED: Final = (b"cache-control", b"public, max-age=0, must-revalidate")
_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_READABLE: Final = (b"access-control-allow-origin", b"*")
"""Tools that run in a browser may read the document, which is public."""


async def get_openapi(exchange: Exchange) -> None:
    """`GET /openapi.json`: the OpenAPI 3.1 document."""
    await _send(exchange, document_bytes(exchange.site.runtime.base_url), (JSON, _READABLE, _NOSNIFF))


async def get_docs(exchange: Exchange) -> None:
    """`GET /docs`: the same as one page, which loads nothing."""
    from spark_assets.web.openapi.page import page_bytes, style_hash  # noqa: PLC0415  # the template engine is loaded by who looks first

    policy = f"default-src 'none'; style-src 'sha256-{style_hash()}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    headers = (_HTML, _NOSNIFF, (b"content-security-policy", policy.encode()), (b"referrer-policy", b"no-referrer"))
    await _send(exchange, page_bytes(exchange.site.runtime.base_url), headers)


async def _send(exchange: Exchange, body: bytes, headers: Headers) -> None:
    exchange.allow("GET", "HEAD")
    tag = _tag(body)
    validators = ((b"etag", tag), _CACHED)
    match = exchange.header(b"if-none-match") or b""
    if match.strip() == b"*" or tag in [part.strip().removeprefix(b"W/") for part in match.split(b",")]:
        await exchange.respond(304, b"", validators)
    else:
        await exchange.respond(200, body, (*headers, *validators))


@lru_cache(maxsize=8)
def _tag(body: bytes) -> bytes:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
