"""Bytes that go straight to the store, to an address that it signed."""

import os
from pathlib import Path

import aiohttp

from spark_assets.domain import blob_names
from spark_assets.storage.local import LocalBlobStore
from spark_assets.storage.location import parse_storage_url
from spark_assets.storage.objects import ObjectBlobStore
from tests.factories.servers import S3Server

NAME = blob_names.incoming("upload-bcdf", "0a1b")


async def test_a_folder_has_no_addresses(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path)
    assert await store.presigned_upload(NAME, 60) is None
    await store.close()


async def test_what_is_sent_to_the_address_lies_under_the_name_and_no_changed_address_takes_anything(s3_server: S3Server) -> None:
    location = parse_storage_url(f"s3://{s3_server.create_bucket()}/some/prefix")
    store = ObjectBlobStore(location, endpoint=s3_server.endpoint, credentials=s3_server.credentials)
    data = os.urandom(100_000)
    target = await store.presigned_upload(NAME, 60)
    assert target is not None
    async with aiohttp.ClientSession() as session:
        for changed in (target.url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), target.url.replace("0a1b?", "0a1c?")):
            async with session.put(changed, data=data, headers=target.headers) as response:
                assert response.status == 403
        async with session.put(target.url, data=data, headers=target.headers) as response:
            assert response.status == 200
    assert await store.size(NAME) == len(data)
    assert b"".join([piece async for piece in store.read(NAME, 0, len(data))]) == data
    assert [blob_names.upload_of(blob.name) async for blob in store.list(blob_names.INCOMING)] == ["upload-bcdf"]
