"""What an object store serves by itself, to whoever holds an address it signed."""

import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from spark_assets.storage.location import parse_storage_url
from spark_assets.storage.objects import ObjectBlobStore
from tests.factories.servers import S3Server

NAME = "originals/ab/abc"


@pytest.fixture
def store(s3_server: S3Server) -> ObjectBlobStore:
    location = parse_storage_url(f"s3://{s3_server.create_bucket()}/some/prefix")
    return ObjectBlobStore(location, endpoint=s3_server.endpoint, credentials=s3_server.credentials)


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
        for changed in (url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), url.replace("abc?", "abd?")):
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
