"""The OpenAPI 3.1 document, made from the definitions that the server itself runs on."""

from collections import defaultdict
from functools import lru_cache
from typing import Any, Final

import msgspec

from spark_assets import __version__
from spark_assets.web.admin.routes import ENDPOINTS
from spark_assets.web.openapi import dialects, other_addresses, ways_in
from spark_assets.web.openapi.answers import HEADERS, Json, all_codes, code_examples, shared_refusals
from spark_assets.web.openapi.own_surface import IDEMPOTENCY_KEY, PROJECT_HEADER, own_bodies, own_operation, tag_of
from spark_assets.web.openapi.schemas import struct_schemas
from spark_assets.wire.errors import ErrorBody

_TAGS: Final = {
    "tasks dialect": "The Spark Asset API: every operation is a task, submitted and polled.",
    "actions dialect": "The Ark Assets API: the same ten operations, answered at once, signed with an access key or with a bearer key.",
    "catalogue": "The models as clients look them up; open to everybody.",
    "billing": "Statements.",
    "projects": "Projects keep groups, assets, tasks and keys apart.",
    "groups": "Groups of assets that belong together.",
    "assets": "Images, videos and sounds.",
    "tasks": "What has been asked for, and what became of it.",
    "uploads": "Ways in besides a URL: in one request, resumable, or straight to the object store.",
    "batches": "Many at once.",
    "delivery": "The bytes.",
    "service": "The server itself.",
}
_LAST: Final = ("delivery", "service")
_DESCRIPTION: Final = """A self-hosted media asset library. Give it the URL of an image, a video or an audio file: it fetches the file, \
checks that it is usable media, stores it, and answers with an asset ID that stays valid.

The same operations are spoken three ways: as tasks (`/model/v1/generation`), as actions (`/?Action=`), and as our own REST surface \
(`/v1`). Every answer carries `X-Request-Id`, under which the server's log tells more. An error has a stable `code` for programs and a \
`message` for people. Times are RFC 3339 in UTC under `/v1`; a body is at most 1 MiB of JSON \
in UTF-8, and 48 MiB where it holds a file as a `data:` URI."""


def build_document(base_url: str) -> Json:
    """The whole document, for a server at that address."""
    own: dict[str, Json] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        own[endpoint.path][endpoint.method.lower()] = own_operation(endpoint, ENDPOINTS)
    paths = {**dialects.dialect_paths(), **other_addresses.other_paths(), **ways_in.way_in_paths(), **own}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Spark Assets",
            "version": __version__,
            "summary": "A self-hosted media asset library that speaks the Spark Asset API",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "tags": _tags(),
        "security": [{"bearer": []}],
        "paths": paths,
        "components": _components(),
    }


@lru_cache(maxsize=8)
def document_bytes(base_url: str) -> bytes:
    """The document as it is sent: made once for an address."""
    return msgspec.json.encode(build_document(base_url))


def _tags() -> list[Json]:
    names = [name for name in _TAGS if name not in _LAST]
    names += sorted({tag_of(endpoint) for endpoint in ENDPOINTS} - set(_TAGS))
    return [{"name": name, "description": _TAGS.get(name, f"{name.replace('-', ' ').capitalize()}.")} for name in (*names, *_LAST)]


def _components() -> Json:
    structs: set[type[msgspec.Struct]] = {*dialects.STRUCTS, *other_addresses.STRUCTS, *ways_in.STRUCTS, ErrorBody}
    structs |= {endpoint.answer for endpoint in ENDPOINTS if endpoint.answer is not None}
    ordered = sorted(structs, key=lambda struct: struct.__name__)
    codes = {code for endpoint in ENDPOINTS for code in endpoint.errors}
    shared = shared_refusals()
    bodies = {**dialects.dialect_bodies(), **own_bodies(ENDPOINTS), **ways_in.way_in_bodies()}
    return {
        "schemas": dict(sorted({**struct_schemas(ordered), **bodies}.items())),
        "responses": shared | {f"{name}InEnvelope": dialects.enveloped(answer) for name, answer in shared.items()},
        "parameters": {"IdempotencyKey": IDEMPOTENCY_KEY, "Project": PROJECT_HEADER},
        "headers": {**HEADERS, **ways_in.HEADERS},
        "examples": code_examples((*all_codes(), *codes)),
        "securitySchemes": _SECURITY,
    }


_SECURITY: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer KEY`."},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "A signature made with an access key: `HMAC-SHA256 Credential=<AK>/<date>/<region>/ark/request, "
        "SignedHeaders=a;b, Signature=<hex>`, beside the headers `X-Date` and `X-Content-Sha256`.",
    },
}
