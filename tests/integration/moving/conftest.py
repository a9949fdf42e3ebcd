"""A library on SQLite with a row in every table, an empty one beside it, and a place for archives."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from spark_assets.db.schema import HEAD
from spark_assets.domain.archive import Manifest
from spark_assets.operations.reading import Reading
from spark_assets.operations.writing import Writing, write_archive
from spark_assets.ports.moving import Archive
from spark_assets.storage.local import LocalBlobStore
from tests.factories.libraries import Whole, fill, whole
from tests.factories.workshop_fixtures import logged

Write = Callable[..., "object"]
__all__ = ["logged"]


def no_server() -> object:
    """There is none in these tests."""
    raise AssertionError


def opened(folder: Path) -> AbstractAsyncContextManager[Whole]:
    """An empty library on SQLite."""
    return whole("sqlite", folder, no_server)  # type: ignore[arg-type]  # it is never called


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[Whole]:
    """A library with a row in every table, and their bytes."""
    async with opened(tmp_path / "old") as library:
        await fill(library)
        yield library


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[Whole]:
    """An empty library."""
    async with opened(tmp_path / "new") as library:
        yield library


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[LocalBlobStore]:
    """A place for archives."""
    (tmp_path / "place").mkdir()
    store = LocalBlobStore(tmp_path / "place")
    yield store
    await store.close()


def writing(library: Whole, archive: Archive, archive_id: str = "first") -> Writing:
    """What is needed to write the library down."""
    return Writing(library.library, library.movable, HEAD, archive, archive_id, lambda _: None)


async def write(library: Whole, archive: Archive, archive_id: str = "first") -> Manifest:
    """Write it down."""
    return await write_archive(writing(library, archive, archive_id))


def reading(library: Whole, archive: Archive, manifest: Manifest) -> Reading:
    """What is needed to fill the library."""
    return Reading(archive, manifest, library.library, library.movable, lambda _: None)
