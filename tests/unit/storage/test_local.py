"""What only a folder promises: rooms on disks, permissions, recovery from what disks do."""

import os
import shutil
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from spark_assets.domain.errors import StorageFull, Unavailable
from spark_assets.storage.durable_files import discard_spooled
from spark_assets.storage.local import LocalBlobStore

NAME = "originals/ab/abc"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalBlobStore]:
    (tmp_path / "blobs").mkdir()
    store = LocalBlobStore(tmp_path / "blobs")
    yield store
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def write(path: Path, size: int) -> Path:
    path.write_bytes(os.urandom(size))
    return path


async def names(store: LocalBlobStore) -> list[str]:
    return [blob.name async for blob in store.list("")]


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_blobs_can_be_read_by_the_user_and_group_of_the_service_alone(store: LocalBlobStore, tmp_path: Path) -> None:
    source = write(tmp_path / "source", 10)
    source.chmod(0o666)
    await store.put(source, NAME, "image/png")
    path = store.local_path(NAME)
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o027 == 0


async def test_a_blob_on_the_same_disk_is_moved_and_not_copied(store: LocalBlobStore, tmp_path: Path) -> None:
    source = write(tmp_path / "source", 10)
    inode = source.stat().st_ino
    await store.put(source, NAME, "image/png")
    path = store.local_path(NAME)
    assert path is not None
    assert path.stat().st_ino == inode


async def test_the_same_bytes_again_keep_the_blob_and_renew_its_time(store: LocalBlobStore, tmp_path: Path) -> None:
    source = write(tmp_path / "source", 10)
    again = Path(shutil.copy(source, tmp_path / "again"))
    await store.put(source, NAME, "image/png")
    path = store.local_path(NAME)
    assert path is not None
    inode = path.stat().st_ino
    os.utime(path, (1, 1))
    await store.put(again, NAME, "image/png")
    assert path.stat().st_ino == inode
    assert time.time() - path.stat().st_mtime < 60
    assert files_below(tmp_path) == [path]


async def test_a_blob_cut_short_by_a_fault_is_replaced(store: LocalBlobStore, tmp_path: Path) -> None:
    await store.put(write(tmp_path / "short", 5), NAME, "image/png")
    await store.put(write(tmp_path / "whole", 10), NAME, "image/png")
    assert await store.size(NAME) == 10


async def test_a_listing_is_sorted_and_passes_over_what_is_no_blob(store: LocalBlobStore, tmp_path: Path) -> None:
    wanted = ["a-b", "a.b", "a/b", "a/c/d", "a0", "b/a"]
    for name in reversed(wanted):
        await store.put(write(tmp_path / "source", 1), name, "image/png")
    root = tmp_path / "blobs"
    (root / "lost+found").mkdir()
    (root / ".incoming").mkdir()
    write(root / ".incoming" / "x.part", 1)
    (root / "link").symlink_to(root / "a0")
    assert await names(store) == wanted == sorted(wanted)


async def test_a_missing_folder_is_never_made_in_passing(store: LocalBlobStore, tmp_path: Path) -> None:
    (tmp_path / "blobs").rmdir()
    source = write(tmp_path / "source", 1)
    for attempt in (store.check(), store.put(source, NAME, "image/png"), names(store)):
        with pytest.raises(Unavailable, match="missing"):
            await attempt
    with pytest.raises(Unavailable):
        store.has_room()
    assert not (tmp_path / "blobs").exists()


async def test_an_exchanged_folder_is_used_as_it_is(store: LocalBlobStore, tmp_path: Path) -> None:
    await store.put(write(tmp_path / "source", 1), NAME, "image/png")
    shutil.rmtree(tmp_path / "blobs")
    (tmp_path / "blobs").mkdir()
    await store.put(write(tmp_path / "source", 2), NAME, "image/png")
    assert await store.size(NAME) == 2


async def test_leftovers_of_interrupted_copies_are_cleaned_and_running_ones_are_not(store: LocalBlobStore, tmp_path: Path) -> None:
    folder = tmp_path / "blobs/.incoming"
    folder.mkdir()
    old, young = write(folder / "old.part", 1), write(folder / "young.part", 1)
    os.utime(old, (1, 1))
    await store.check()
    assert files_below(folder) == [young]


async def test_below_the_reserve_the_check_fails_and_there_is_no_room(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path, reserve=2**62)
    assert not store.has_room()
    with pytest.raises(StorageFull):
        await store.check()
    await store.close()


async def test_a_reserve_that_is_free_leaves_room(store: LocalBlobStore) -> None:
    assert store.has_room()
    await store.check()


async def test_a_file_of_another_disk_is_copied_and_removed(small_disk: Path, store: LocalBlobStore, tmp_path: Path) -> None:
    source = write(small_disk / "source", 300_000)
    expected = source.read_bytes()
    await store.put(source, NAME, "image/png")
    path = store.local_path(NAME)
    assert path is not None
    assert path.read_bytes() == expected
    assert files_below(tmp_path / "blobs") == [path]
    assert not source.exists()


async def test_a_full_disk_refuses_the_blob_and_keeps_the_source(small_disk: Path, tmp_path: Path) -> None:
    store = LocalBlobStore(small_disk)
    source = write(tmp_path / "source", 2 * 2**20)
    with pytest.raises(StorageFull):
        await store.put(source, NAME, "image/png")
    assert source.exists()
    assert files_below(small_disk) == []
    filler = small_disk / "filler"
    with suppress(OSError):
        write(filler, 2 * 2**20)
    with pytest.raises(StorageFull):
        await store.check()
    filler.unlink()
    await store.check()
    await store.put(write(tmp_path / "small", 1000), NAME, "image/png")
    assert await store.size(NAME) == 1000
    await store.close()


async def test_a_read_only_folder_is_unavailable_until_it_is_writable_again(small_disk: Path, tmp_path: Path) -> None:
    store = LocalBlobStore(small_disk)
    await store.put(write(tmp_path / "first", 1000), NAME, "image/png")
    source = write(tmp_path / "second", 1000)
    _remount(small_disk, "ro")
    attempts: list[Callable[[], object]] = [
        lambda: store.put(source, "originals/cd/c", "image/png"),
        lambda: store.delete(NAME),
        store.check,
    ]
    for attempt in attempts:
        with pytest.raises(Unavailable, match="read-only") as caught:
            await attempt()  # type: ignore[misc]
        assert str(small_disk) not in caught.value.message
    assert await store.size(NAME) == 1000
    _remount(small_disk, "rw")
    await store.check()
    await store.put(source, "originals/cd/c", "image/png")
    assert await names(store) == [NAME, "originals/cd/c"]
    await store.close()


def _remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", folder], check=True)


def test_a_spool_file_that_cannot_be_removed_is_left_to_the_sweeper(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    with capture_logs() as logged:
        for name in ("folder", "file", "nothing"):
            discard_spooled(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert [(entry["event"], entry["error"], entry["file"]) for entry in logged] == [("spool_file_left_to_sweeper", "EISDIR", "folder")]
