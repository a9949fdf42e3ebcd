"""A redirect leads to a store that answers."""

from pathlib import Path

import pytest

from spark_assets.domain.errors import Unavailable
from spark_assets.ports.blobs import BlobNotFound
from spark_assets.storage.local import LocalBlobStore
from spark_assets.web.site import StoreWatch

NAME = "originals/ab/abc"


async def test_a_store_is_asked_until_it_has_answered_and_then_once_a_second(tmp_path: Path) -> None:
    blobs, spooled = tmp_path / "blobs", tmp_path / "spooled"
    blobs.mkdir()
    spooled.write_bytes(b"data")
    store = LocalBlobStore(blobs)
    watch = StoreWatch(store)
    with pytest.raises(BlobNotFound):
        await watch.expect(NAME)
    await store.put(spooled, NAME, "image/jpeg")
    blobs.rename(tmp_path / "away")
    with pytest.raises(Unavailable):
        await watch.expect(NAME)
    (tmp_path / "away").rename(blobs)
    await watch.expect(NAME)
    await store.delete(NAME)
    await watch.expect(NAME)
    with pytest.raises(BlobNotFound):
        await StoreWatch(store).expect(NAME)
    await store.close()
