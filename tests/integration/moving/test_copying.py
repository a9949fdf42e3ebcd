"""Copying a store: what is copied, compared, known, gone and damaged; and that it goes on where it was."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from spark_assets.domain import blob_names
from spark_assets.domain.errors import Unavailable
from spark_assets.operations.copying import Copied, Copying, copy_store
from spark_assets.operations.erasure_record import MEDIA_TYPE
from spark_assets.storage.local import LocalBlobStore
from tests.factories.libraries import CONTENT, ORIGINAL, PREVIEW, THUMBNAIL, Whole, store

PART = blob_names.incoming("upload-1", "part")
ENTRY = blob_names.erasure("entry")


@pytest.fixture
async def copying(old: Whole, tmp_path: Path) -> AsyncIterator[Copying]:
    """A store with something under each prefix, and an empty one."""
    for name in (PART, ENTRY):
        await store(old.library, name, b"{}")
    (tmp_path / "target").mkdir()
    target = LocalBlobStore(tmp_path / "target")
    library = old.library
    library.clock.time = 2 * library.clock.now()  # type: ignore[attr-defined]  # after everything was written
    yield Copying(library.blobs, target, library.database, library.spool, tmp_path / "journal.jsonl", library.clock)
    await target.close()


async def run(copying: Copying) -> Copied:
    return await copy_store(copying, lambda _: None)


async def test_every_blob_is_copied_with_its_media_type(copying: Copying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put, types = copying.target.put, {}

    async def note(path: Path, name: str, media_type: str) -> None:
        types[name] = media_type
        await put(path, name, media_type)

    monkeypatch.setattr(copying.target, "put", note)
    copied = await run(copying)
    assert (copied.copied, copied.bytes, copied.there, copied.known) == (4, len(CONTENT) + len(PREVIEW) + 4, 0, 0)
    assert types == {ORIGINAL: "image/jpeg", THUMBNAIL: "image/jpeg", PART: "application/octet-stream", ENTRY: MEDIA_TYPE}
    assert (tmp_path / "target" / ORIGINAL).read_bytes() == CONTENT
    assert list(copying.spool.iterdir()) == []


async def test_what_was_read_back_once_is_not_read_again_and_new_bytes_are_copied(old: Whole, copying: Copying) -> None:
    await run(copying)
    more = blob_names.original("0" * 64)
    new = b"new bytes"
    await store(old.library, blob_names.original(_hash(new)), new)
    copied = await run(copying)
    assert (copied.copied, copied.known, copied.there) == (1, 4, 0)
    assert more not in {blob.name async for blob in copying.target.list("")}


async def test_without_its_journal_everything_is_compared_and_nothing_copied_twice(copying: Copying) -> None:
    await run(copying)
    copying.journal.unlink()
    copied = await run(copying)
    assert (copied.copied, copied.there, copied.known) == (0, 4, 0)


async def test_a_journal_that_was_broken_off_in_a_line_is_read_as_far_as_it_goes(copying: Copying) -> None:
    await run(copying)
    text = copying.journal.read_text()
    copying.journal.write_text(text[: text.index("\n") + 9])
    assert (await run(copying)).there == 4


@pytest.mark.parametrize("name", [ORIGINAL, THUMBNAIL])
async def test_other_bytes_of_the_same_length_in_the_target_are_replaced(copying: Copying, tmp_path: Path, name: str) -> None:
    await run(copying)
    copying.journal.unlink()
    file = tmp_path / "target" / name
    good = file.read_bytes()
    file.write_bytes(b"?" * len(good))
    copied = await run(copying)
    assert (copied.copied, copied.there, copied.damaged) == (1, 3, 0)
    assert file.read_bytes() == good


async def test_damaged_bytes_are_told_of_and_not_copied(old: Whole, copying: Copying, tmp_path: Path) -> None:
    (tmp_path / "old" / "blobs" / ORIGINAL).write_bytes(b"?" * len(CONTENT))
    copied = await run(copying)
    assert (copied.copied, copied.damaged, copied.examples) == (3, 1, [ORIGINAL])
    assert ORIGINAL not in {blob.name async for blob in copying.target.list("")}


async def test_what_reads_back_otherwise_is_told_of(copying: Copying, monkeypatch: pytest.MonkeyPatch) -> None:
    read = copying.target.read

    def lie(name: str, start: int, length: int) -> AsyncIterator[bytes]:
        async def pieces() -> AsyncIterator[bytes]:
            async for piece in read(name, start, length):
                yield piece[::-1]

        return pieces()

    monkeypatch.setattr(copying.target, "read", lie)
    assert {ORIGINAL, THUMBNAIL} <= set((await run(copying)).examples)


async def test_what_goes_from_the_source_meanwhile_is_no_failure(old: Whole, copying: Copying, monkeypatch: pytest.MonkeyPatch) -> None:
    read = copying.source.read

    def remove_first(name: str, start: int, length: int) -> AsyncIterator[bytes]:
        async def pieces() -> AsyncIterator[bytes]:
            await old.library.blobs.delete(name)
            async for piece in read(name, start, length):
                yield piece

        return pieces()

    monkeypatch.setattr(copying.source, "read", remove_first)
    copied = await run(copying)
    assert (copied.gone, copied.copied, copied.damaged) == (4, 0, 0)


async def test_a_target_that_goes_away_ends_it_and_the_same_call_goes_on(copying: Copying, monkeypatch: pytest.MonkeyPatch) -> None:
    put, stored = copying.target.put, []

    async def away_after_one(path: Path, name: str, media_type: str) -> None:
        if stored:
            raise Unavailable("away")
        stored.append(name)
        await put(path, name, media_type)

    monkeypatch.setattr(copying.target, "put", away_after_one)
    with pytest.raises(Unavailable):
        await run(copying)
    monkeypatch.setattr(copying.target, "put", put)
    copied = await run(copying)
    assert (copied.copied, copied.there + copied.known) == (3, 1)


def _hash(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()
