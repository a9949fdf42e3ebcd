"""What survives a loss of power: bytes reach the disk before they have a name, and the name before anything refers to it."""

import os
import sqlite3
from pathlib import Path

import pytest

from spark_assets.db.sqlite_pragmas import prepare
from spark_assets.domain import blob_names
from spark_assets.storage.local import LocalBlobStore

CONTENT = b"some bytes"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the system, as it is asked: it is really done, and noted."""
    noted: list[str] = []
    sync, rename = os.fsync, os.rename

    def note_sync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        noted.append(f"sync {'folder' if path.is_dir() else 'file'} {path.name}")
        sync(descriptor)

    def note_rename(source: str | Path, target: str | Path) -> None:
        noted.append(f"rename {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "rename", note_rename)
    return noted


async def test_a_blob_is_synced_renamed_and_its_folder_synced_before_it_counts_as_stored(tmp_path: Path, steps: list[str]) -> None:
    (tmp_path / "blobs").mkdir()
    store = LocalBlobStore(tmp_path / "blobs")
    source = tmp_path / "spooled"
    source.write_bytes(CONTENT)
    name = blob_names.original("ab" * 32)
    steps.clear()
    await store.put(source, name, "image/png")
    target = tmp_path / "blobs" / name
    assert target.read_bytes() == CONTENT
    assert steps[0] == "sync file spooled"
    assert steps[-2:] == [f"rename {target.name}", f"sync folder {target.parent.name}"]
    await store.close()


def test_a_commit_of_sqlite_is_flushed_before_it_is_over(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "library.db")
    prepare(connection, None)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
