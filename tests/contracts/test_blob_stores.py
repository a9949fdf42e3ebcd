"""What every blob store promises, proved over a folder, a real S3 server, one that speaks as Google's does, and Azure's emulator."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from spark_assets.domain import blob_names
from spark_assets.domain.errors import Unavailable
from spark_assets.ports.blobs import BlobNotFound, BlobStore, StoredBlob
from spark_assets.storage.keeper import Keeper
from spark_assets.storage.local import LocalBlobStore
from spark_assets.storage.location import parse_storage_url
from spark_assets.storage.objects import ObjectBlobStore
from tests.factories.servers import AzureServer, S3Server

HOSTILE_NAMES = [
    "",
    "/etc/passwd",
    "../x",
    "originals/../../x",
    "originals//x",
    "originals/./x",
    ".incoming/x",
    "a\\b",
    "A/b",
    "a b",
    "a\0",
    "ä",
]
LARGE = 40 * 2**20
SERVERS = {"s3": "s3_server", "gs": "google_server", "az": "azure_server"}


class Subject(msgspec.Struct):
    """A store, and the ways to take it away and to bring it back."""

    store: BlobStore
    take_away: Callable[[], object]
    bring_back: Callable[[], object]


@pytest.fixture(params=["folder", "kept folder", "s3", "gs", "az"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    if request.param not in SERVERS:
        root, elsewhere = tmp_path / "blobs", tmp_path / "elsewhere"
        root.mkdir()
        keeper = Keeper(root) if request.param == "kept folder" else None
        subject = Subject(LocalBlobStore(root, keeper=keeper), lambda: root.rename(elsewhere), lambda: elsewhere.rename(root))
    else:
        server: S3Server | AzureServer = request.getfixturevalue(SERVERS[request.param])
        location = parse_storage_url(f"{request.param}://{server.create_bucket()}/some/prefix")
        store = ObjectBlobStore(location, endpoint=server.endpoint, credentials=server.credentials)
        subject = Subject(store, server.stop, server.start)
    yield subject
    await subject.store.close()


@pytest.fixture
def store(subject: Subject) -> BlobStore:
    return subject.store


async def read(store: BlobStore, name: str, start: int, length: int) -> bytes:
    return b"".join([piece async for piece in store.read(name, start, length)])


async def listed(store: BlobStore, prefix: str) -> list[StoredBlob]:
    return [blob async for blob in store.list(prefix)]


def name_of(data: bytes) -> str:
    return blob_names.original(hashlib.sha256(data).hexdigest())


async def test_what_was_put_is_read_back_and_the_source_is_gone(store: BlobStore, spool: Callable[[bytes], Path]) -> None:
    data = os.urandom(700_000)
    source = spool(data)
    await store.put(source, name_of(data), "image/png")
    assert await store.size(name_of(data)) == len(data)
    assert await read(store, name_of(data), 0, len(data)) == data
    assert not source.exists()


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (0, 300_000), (1, 10), (262_144, 1), (299_990, 10), (299_990, 100), (300_000, 1), (400_000, 9), (5, 0), (1000, 280_000)],
)
async def test_a_range_is_exactly_the_slice(store: BlobStore, spool: Callable[[bytes], Path], start: int, length: int) -> None:
    data = os.urandom(300_000)
    await store.put(spool(data), name_of(data), "image/png")
    assert await read(store, name_of(data), start, length) == data[start : start + length]


async def test_an_empty_file_is_a_blob(store: BlobStore, spool: Callable[[bytes], Path]) -> None:
    await store.put(spool(b""), name_of(b""), "image/png")
    assert await store.size(name_of(b"")) == 0
    assert await read(store, name_of(b""), 0, 10) == b""


async def test_storing_a_name_again_is_allowed_and_renews_its_time(store: BlobStore, spool: Callable[[bytes], Path]) -> None:
    data = b"the same bytes"
    await store.put(spool(data), name_of(data), "image/png")
    [first] = await listed(store, "originals/")
    again = spool(data)
    await store.put(again, name_of(data), "image/png")
    [second] = await listed(store, "originals/")
    assert (second.name, second.size) == (name_of(data), len(data))
    assert first.written_at <= second.written_at <= time.time() + 1
    assert not again.exists()


async def test_concurrent_puts_of_the_same_bytes_leave_one_good_blob(store: BlobStore, spool: Callable[[bytes], Path]) -> None:
    data = os.urandom(200_000)
    sources = [spool(data) for _ in range(16)]
    await asyncio.gather(*(store.put(source, name_of(data), "image/png") for source in sources))
    # rclone may list a name twice that several wrote at once; it is one object all the same.
    assert {blob.name for blob in await listed(store, "")} == {name_of(data)}
    assert await read(store, name_of(data), 0, len(data)) == data
    assert not any(source.exists() for source in sources)


async def test_a_listing_holds_every_name_that_begins_with_the_prefix(store: BlobStore, spool: Callable[[bytes], Path]) -> None:
    names = sorted(["originals/ab/one", "originals/ab/two", "originals/ac/three", "renditions/ab/one/poster.webp"])
    for name in names:
        await store.put(spool(name.encode()), name, "image/webp")
    for prefix in [
        "",
        "o",
        "originals/",
        "originals/a",
        "originals/ab",
        "originals/ab/",
        "originals/ab/t",
        "originals/ab/two",
        "rend",
        "zz/",
    ]:
        found = await listed(store, prefix)
        assert sorted(blob.name for blob in found) == [name for name in names if name.startswith(prefix)], prefix
        assert all(blob.size == len(blob.name) and abs(blob.written_at - time.time()) < 60 for blob in found)


async def test_what_was_deleted_is_gone_and_deleting_nothing_is_fine(store: BlobStore, spool: Callable[[bytes], Path]) -> None:
    name = blob_names.rendition("ab" * 32, "poster", "webp")
    for _ in range(2):
        await store.put(spool(b"poster"), name, "image/webp")
        await store.delete(name)
        await store.delete(name)
        assert await listed(store, "") == []
    with pytest.raises(BlobNotFound):
        await store.size(name)


async def test_the_bytes_are_served_by_a_file_or_by_an_address(store: BlobStore, spool: Callable[[bytes], Path]) -> None:
    await store.put(spool(b"data"), name_of(b"data"), "image/png")
    path, url = store.local_path(name_of(b"data")), await store.presigned_url(name_of(b"data"), 60)
    assert (path is None) is not (url is None)
    assert path is None or path.read_bytes() == b"data"


async def test_a_missing_name_is_told_apart_from_a_store_that_is_away(store: BlobStore, tmp_path: Path) -> None:
    name = name_of(b"never stored")
    with pytest.raises(BlobNotFound):
        await store.size(name)
    for length in (0, 10, LARGE):
        with pytest.raises(BlobNotFound):
            await read(store, name, 0, length)
    with pytest.raises(BlobNotFound):
        await store.download(name, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert store.local_path(name) is None


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_a_name_that_might_leave_the_store_is_refused(
    store: BlobStore, spool: Callable[[bytes], Path], tmp_path: Path, name: str
) -> None:
    source = spool(b"hostile")
    for attempt in (
        lambda: store.put(source, name, "image/png"),
        lambda: store.size(name),
        lambda: read(store, name, 0, 1),
        lambda: store.download(name, tmp_path / "copy"),
        lambda: store.delete(name),
    ):
        with pytest.raises(blob_names.InvalidBlobName):
            await attempt()
    with pytest.raises(blob_names.InvalidBlobName):
        store.local_path(name)
    assert source.exists()


async def test_a_large_file_passes_without_being_held_in_memory(store: BlobStore, tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    async def pass_through(size: int) -> int:
        source, expected = tmp_path / "large", hashlib.sha256()
        with source.open("wb") as file:
            for _ in range(size // 2**20):
                block = os.urandom(2**20)
                expected.update(block)
                file.write(block)
        name, received = blob_names.original(expected.hexdigest()), hashlib.sha256()
        before = _reset_peak_memory()
        await store.put(source, name, "video/mp4")
        async for piece in store.read(name, 0, size):
            received.update(piece)
        await store.download(name, copy)
        with copy.open("rb") as file:
            downloaded = hashlib.file_digest(file, "sha256")
            file.seek(-7, os.SEEK_END)
            assert await read(store, name, size - 7, 100) == file.read()
        assert received.digest() == downloaded.digest() == expected.digest()
        return _peak_memory() - before

    await pass_through(12 * 2**20)  # what connections and threads take once does not count
    assert await pass_through(LARGE) < LARGE * 0.75


async def test_a_reader_that_stops_early_leaves_no_file_open(store: BlobStore, spool: Callable[[bytes], Path]) -> None:
    data = os.urandom(2_000_000)
    await store.put(spool(data), name_of(data), "video/mp4")
    await read(store, name_of(data), 0, len(data))
    before = len(_open_files())
    for _ in range(5):
        pieces = store.read(name_of(data), 0, len(data))
        assert isinstance(pieces, AsyncGenerator)
        assert data.startswith(await anext(pieces))
        await pieces.aclose()
        task = asyncio.create_task(read(store, name_of(data), 0, len(data)))
        for _ in range(2):
            await asyncio.sleep(0)  # a turn of the loop each: it has begun to read when it is cancelled
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.close()
    async with asyncio.timeout(10):  # a connection that was given up is closed by another thread
        while len(_open_files()) > before:  # noqa: ASYNC110  # which says nothing
            await asyncio.sleep(0.02)


async def test_a_store_that_is_away_says_so_quickly_and_recovers_by_itself(
    subject: Subject, spool: Callable[[bytes], Path], tmp_path: Path
) -> None:
    store, data = subject.store, os.urandom(300_000)
    await store.put(spool(data), name_of(data), "image/png")
    source = spool(b"put while away")
    subject.take_away()
    try:
        started = time.monotonic()
        for attempt in (
            lambda: store.put(source, name_of(b"put while away"), "image/png"),
            lambda: store.size(name_of(data)),
            lambda: read(store, name_of(data), 0, len(data)),
            lambda: store.download(name_of(data), tmp_path / "copy"),
            lambda: store.delete(name_of(data)),
            lambda: listed(store, ""),
            store.check,
        ):
            with pytest.raises(Unavailable) as caught:
                await attempt()
            assert str(tmp_path) not in caught.value.message
            assert "127.0.0.1" not in caught.value.message
        assert time.monotonic() - started < 10
        assert source.exists()
    finally:
        subject.bring_back()
    await store.check()
    await store.put(source, name_of(b"put while away"), "image/png")
    assert await read(store, name_of(data), 0, len(data)) == data
    assert sorted(blob.name for blob in await listed(store, "")) == sorted([name_of(data), name_of(b"put while away")])


async def test_a_check_passes_and_leaves_nothing_behind(store: BlobStore) -> None:
    await store.check()
    assert await listed(store, "") == []


async def test_a_source_that_is_missing_is_no_missing_blob(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await store.put(tmp_path / "never written", name_of(b"x"), "image/png")


def _open_files() -> list[Path]:
    return list(Path("/proc/self/fd").iterdir())


def _reset_peak_memory() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _peak_memory()


def _peak_memory() -> int:
    """Bytes: the largest resident size since the reset."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
