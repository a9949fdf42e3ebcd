from pathlib import Path

import pytest

from spark_assets.storage.location import StorageKind, StorageLocation, parse_storage_url


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("file:///var/lib/blobs", StorageLocation(StorageKind.FOLDER, path=Path("/var/lib/blobs"))),
        ("file://localhost/var/my%20blobs", StorageLocation(StorageKind.FOLDER, path=Path("/var/my blobs"))),
        ("s3://bucket", StorageLocation(StorageKind.S3, bucket="bucket")),
        ("s3://bucket/", StorageLocation(StorageKind.S3, bucket="bucket")),
        ("s3://bucket/some/prefix/", StorageLocation(StorageKind.S3, bucket="bucket", prefix="some/prefix")),
        ("gs://bucket/p", StorageLocation(StorageKind.GOOGLE, bucket="bucket", prefix="p")),
        ("az://container/p", StorageLocation(StorageKind.AZURE, bucket="container", prefix="p")),
    ],
)
def test_an_address_says_where_blobs_are(url: str, location: StorageLocation) -> None:
    assert parse_storage_url(url) == location


@pytest.mark.parametrize(
    "url",
    [
        "", "/var/blobs", "ftp://x/y", "http://bucket", "s3://", "s3:///prefix", "s3://id:hidden@bucket/p", "s3://bucket:9000",
        "s3://bucket/a/../b", "s3://bucket/a//b", "s3://bucket?key=hidden", "file://host/x", "file:relative", "gs://b#hidden", "s3://[hidden",
    ],
)  # fmt: skip
def test_an_address_that_is_not_understood_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"storage address|absolute path") as caught:
        parse_storage_url(url)
    assert "hidden" not in str(caught.value)
