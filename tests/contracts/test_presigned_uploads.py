"""Bytes that go straight to the store, to an address that it signed."""

import os
from pathlib import Path

import aiohttp
import pytest

from spark_assets.domain import blob_names
from spark_assets.storage.local import LocalBlobStore
from spark_assets.storage.location import parse_storage_url
from spark_assets.storage.objects import ObjectBlobStore
from tests.factories.servers import AzureServer, S3Server

NAME = blob_names.incoming("upload-bcdf", "0a1b")


async def test_a_folder_has_no_addresses(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path)
    assert await store.presigned_upload(NAME, 60) is None
    await store.close()


@pytest.mark.parametrize(
    ("kind", "fixture", "stored"), [("s3", "s3_server", 200), ("gs", "google_server", 200), ("az", "azure_server", 201)]
)
async def test_what_is_sent_to_the_address_lies_under_the_name_and_no_changed_address_takes_anything(
    request: pytest.FixtureRequest, kind: str, fixture: str, stored: int
) -> None:
    server: S3Server | AzureServer = request.getfixturevalue(fixture)
    location = parse_storage_url(f"{kind}://{server.create_bucket()}/some/prefix")
    store = ObjectBlobStore(location, endpoint=server.endpoint, credentials=server.credentials)
    data = os.urandom(100_000)
    target = await store.presigned_upload(NAME, 60)
    assert target is not None
    async with aiohttp.ClientSession() as session:
        if kind != "gs":  # where no server looks at it, the signature is verified in test_presigned_addresses.py
            async with session.put(target.url.replace("0a1b?", "0a1c?"), data=data, headers=target.headers) as response:
                assert response.status == 403
        if kind == "s3":
            async with session.put(target.url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), data=data) as response:
                assert response.status == 403
        async with session.put(target.url, data=data, headers=target.headers) as response:
            assert response.status == stored
    assert await store.size(NAME) == len(data)
    assert b"".join([piece async for piece in store.read(NAME, 0, len(data))]) == data
    assert [blob_names.upload_of(blob.name) async for blob in store.list(blob_names.INCOMING)] == ["upload-bcdf"]
