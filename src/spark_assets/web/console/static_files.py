"""The files that pages load, under an address that changes with their bytes, so that browsers may keep them for ever."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

from spark_assets.web.error_responses import unknown_path
from spark_assets.web.exchange import Exchange

_TYPES: Final = {"css": b"text/css; charset=utf-8", "js": b"text/javascript; charset=utf-8", "svg": b"image/svg+xml"}
_FOREVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_PREFIX: Final = "/console/static"


def static_address(name: str) -> str:
    """Where a file is. Modules load each other beside themselves, so all of them share one mark."""
    assert name in _contents(), name
    return f"{_PREFIX}/{_mark()}/{name}"


async def get_static(exchange: Exchange) -> None:
    """`GET /console/static/{mark}/{name}`."""
    exchange.allow("GET", "HEAD")
    name = str(exchange.path_parameters["name"])
    content = _contents().get(name)
    if content is None:
        raise unknown_path()
    headers = ((b"content-type", _TYPES[name.rpartition(".")[2]]), (b"x-content-type-options", b"nosniff"), _FOREVER)
    await exchange.respond(200, content, headers)


@lru_cache(maxsize=1)
def _contents() -> Mapping[str, bytes]:
    found = sorted(files(__package__).joinpath("static").iterdir(), key=lambda entry: entry.name)
    return {entry.name: entry.read_bytes() for entry in found if entry.name.rpartition(".")[2] in _TYPES}


@lru_cache(maxsize=1)
def _mark() -> str:
    digest = hashlib.sha256()
    for name, content in _contents().items():
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:16]
