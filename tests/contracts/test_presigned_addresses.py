"""What an object store serves by itself, to whoever holds an address it signed."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from spark_assets.storage.location import parse_storage_url
from spark_assets.storage.objects import ObjectBlobStore
from tests.factories.servers import AzureServer, GoogleServer, S3Server

NAME = "originals/ab/abc"


SERVERS = {"s3": "s3_server", "gs": "google_server", "az": "azure_server"}
EXPIRIES = {"X-Amz-Expires=60": "X-Amz-Expires=61", "&se=20": "&se=21", "?se=20": "?se=21"}
"""How an address says when it ends, and the same for another time."""


@pytest.fixture(params=SERVERS)
def store(request: pytest.FixtureRequest) -> ObjectBlobStore:
    server: S3Server | AzureServer = request.getfixturevalue(SERVERS[request.param])
    location = parse_storage_url(f"{request.param}://{server.create_bucket()}/some/prefix")
    return ObjectBlobStore(location, endpoint=server.endpoint, credentials=server.credentials)


@pytest.mark.parametrize("store", ["s3", "az"], indirect=True)
async def test_a_presigned_address_serves_the_bytes_and_none_that_was_changed_does(
    store: ObjectBlobStore, spool: Callable[[bytes], Path]
) -> None:
    data = os.urandom(100_000)
    await store.put(spool(data), NAME, "image/png")
    url = await store.presigned_url(NAME, 60)
    assert url is not None
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert (response.status, await response.read()) == (200, data)
        for changed in (*(url.replace(old, new) for old, new in EXPIRIES.items() if old in url), url.replace("abc?", "abd?")):
            async with session.get(changed) as response:
                assert response.status == 403


@pytest.mark.parametrize(
    ("media_type", "size", "disposition"),
    [("image/png", 1000, "inline"), ("image/tiff", 1000, "attachment"), ("video/mp4", 6 * 2**20, "inline")],
)
async def test_an_object_carries_its_media_type_and_how_to_show_it(
    store: ObjectBlobStore, spool: Callable[[bytes], Path], media_type: str, size: int, disposition: str
) -> None:
    data = os.urandom(size)
    await store.put(spool(data), NAME, media_type)
    url = await store.presigned_url(NAME, 60)
    assert url is not None
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.headers["Content-Type"] == media_type
        assert response.headers["Content-Disposition"] == disposition
        assert await response.read() == data


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_an_address_of_google_is_signed_as_google_documents_it(google_server: GoogleServer, method: str) -> None:
    """No server here looks at it, so it is verified with the account's public key: V4, GOOG4-RSA-SHA256, for Google's own host."""
    store = ObjectBlobStore(parse_storage_url("gs://bucket/some/prefix"), credentials=google_server.credentials)
    target = await store.presigned_upload(NAME, 60)
    url = await store.presigned_url(NAME, 60) if method == "GET" else target and target.url
    assert url is not None
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    signature = bytes.fromhex(query.pop("X-Goog-Signature"))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "storage.googleapis.com", f"/bucket/some/prefix/{NAME}")
    assert query["X-Goog-Expires"] == "60"
    canonical_query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(query.items()))
    canonical = f"{method}\n{parts.path}\n{canonical_query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    scope = query["X-Goog-Credential"].partition("/")[2]
    signed = f"GOOG4-RSA-SHA256\n{query['X-Goog-Date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    google_server.key.public_key().verify(signature, signed.encode(), PKCS1v15(), SHA256())
