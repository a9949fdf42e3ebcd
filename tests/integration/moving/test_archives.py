"""Archives: what they hold, that half of one is none, and that damage is found before it is believed."""

import hashlib
import tarfile
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from spark_assets.db.schema import HEAD
from spark_assets.db.sealing import Sealer
from spark_assets.domain import archive as archives
from spark_assets.domain.archive import BadArchive, Manifest, manifest_name, read_manifest
from spark_assets.domain.errors import StorageFull, Unavailable
from spark_assets.domain.link import SigningKey
from spark_assets.operations import writing as writing_module
from spark_assets.operations.filling import begin
from spark_assets.operations.holding import IMPORT, end_hold, holding
from spark_assets.operations.reading import check_keys, manifest_of, manifests, take_blobs, take_rows
from spark_assets.ports.blobs import BlobStore
from spark_assets.storage.local import LocalBlobStore
from spark_assets.storage.tar_archive import TarReader, TarWriter
from tests.factories.libraries import CONTENT, ORIGINAL, PREVIEW, SHA256, THUMBNAIL, Whole, all_rows, store
from tests.integration.moving.conftest import opened, reading, write


async def names_in(place: BlobStore) -> set[str]:
    return {blob.name async for blob in place.list("")}


async def content_of(place: BlobStore, name: str) -> bytes:
    return b"".join([piece async for piece in place.read(name, 0, 10**9)])


async def replace_content(place: LocalBlobStore, root: Path, name: str, content: bytes) -> None:
    (root / name).write_bytes(content)


async def take(library: Whole, place: BlobStore, manifest: Manifest) -> None:
    taken = reading(library, place, manifest)
    await take_blobs(taken)
    await take_rows(taken)


async def test_an_archive_can_be_read_by_anybody(old: Whole, place: LocalBlobStore) -> None:
    manifest = await write(old, place)
    assert {ORIGINAL, THUMBNAIL} <= await names_in(place)
    [line] = (await content_of(place, "backups/first/assets-00001.jsonl")).splitlines()
    assert msgspec.json.decode(line)["name"] == "assets “name” \N{SNOWMAN}"
    told = msgspec.json.decode(await content_of(place, "backups/first/manifest.json"))
    assert (told["format"], told["schema"], told["blobs"], told["bytes"]) == (1, HEAD, 2, len(CONTENT) + len(PREVIEW))
    assert manifest.rows == sum(len(rows) for rows in (await all_rows(old.movable)).values())
    for table in manifest.tables:
        for part in table.parts:
            assert hashlib.sha256(await content_of(place, part.name)).hexdigest() == part.sha256


async def test_a_library_comes_back_whole_from_a_place(old: Whole, new: Whole, place: LocalBlobStore) -> None:
    await take(new, place, await write(old, place))
    assert await all_rows(new.movable) == await all_rows(old.movable)
    assert await content_of(new.library.blobs, ORIGINAL) == CONTENT
    assert await content_of(new.library.blobs, THUMBNAIL) == PREVIEW
    assert list(new.library.spool.iterdir()) == list(old.library.spool.iterdir()) == []


async def test_a_library_comes_back_whole_from_one_file(old: Whole, new: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module, "PART", 200)  # so that there are many parts
    file = tmp_path / "library.tar"
    writer = TarWriter(file)
    manifest = await write(old, writer)
    assert not file.exists()
    await writer.finish()
    with tarfile.open(file) as tar:
        assert tar.getnames()[-1] == "backups/first/manifest.json"
    reader = TarReader(file)
    assert await manifests(reader) == [manifest]
    await take(new, reader, manifest)
    assert await all_rows(new.movable) == await all_rows(old.movable)
    assert await content_of(new.library.blobs, ORIGINAL) == CONTENT
    await reader.close()


async def look_into(file: Path) -> None:
    reader = TarReader(file)
    try:
        await manifest_of(reader, "first")
    finally:
        await reader.close()


async def test_a_file_that_is_cut_short_anywhere_is_no_archive(old: Whole, tmp_path: Path) -> None:
    file = tmp_path / "library.tar"
    writer = TarWriter(file)
    await write(old, writer)
    await writer.finish()
    whole = file.read_bytes()
    with tarfile.open(file) as tar:
        end = tar.getmember("backups/first/manifest.json")
    for length in (*range(0, end.offset_data, 7919), end.offset_data + end.size - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(BadArchive):
            await look_into(file)


async def test_a_file_that_is_not_finished_leaves_nothing(old: Whole, tmp_path: Path) -> None:
    writer = TarWriter(tmp_path / "library.tar")
    await write(old, writer)
    writer.discard()
    assert not list(tmp_path.glob("library.tar*"))


async def test_what_was_broken_off_is_no_archive(old: Whole, place: LocalBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put, puts = place.put, 0

    async def fill_up(path: Path, name: str, media_type: str) -> None:
        nonlocal puts
        puts += 1
        if name == manifest_name("first"):
            raise StorageFull
        await put(path, name, media_type)

    monkeypatch.setattr(place, "put", fill_up)
    with pytest.raises(StorageFull):
        await write(old, place)
    assert puts > 10
    assert await manifests(place) == []
    with pytest.raises(BadArchive, match="manifest is missing"):
        await manifest_of(place, "first")
    assert list(old.library.spool.iterdir()) == []


async def test_a_second_backup_adds_only_what_is_new(old: Whole, place: LocalBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await write(old, place)
    put, names = place.put, []

    async def note(path: Path, name: str, media_type: str) -> None:
        names.append(name)
        await put(path, name, media_type)

    monkeypatch.setattr(place, "put", note)
    old.library.clock.time += 1  # type: ignore[attr-defined]  # a clock that tests set
    second = await write(old, place, "another")
    assert not [name for name in names if not name.startswith("backups/another/")]
    assert (first.blobs, first.bytes) == (second.blobs, second.bytes)
    assert [found.id for found in await manifests(place)] == ["first", "another"]


async def test_damage_is_found_before_anything_is_believed(old: Whole, place: LocalBlobStore, tmp_path: Path) -> None:
    manifest = await write(old, place)
    root = tmp_path / "place"
    for number, (name, words) in enumerate(
        {
            "backups/first/assets-00001.jsonl": "another hash than its manifest says",
            "backups/first/stored-00001.jsonl": "another hash than its manifest says",
            ORIGINAL: "another hash than it should have",
            THUMBNAIL: "another hash than it should have",
        }.items()
    ):
        good = (root / name).read_bytes()
        for bad in (good[:-1] + b"?", good[:-1], None):
            (root / name).unlink() if bad is None else (root / name).write_bytes(bad)
            async with opened(tmp_path / f"new-{number}-{bad is None}-{len(bad or b'')}") as new:
                with pytest.raises(BadArchive, match=words if bad is not None else "is missing"):
                    await take(new, place, manifest)
                assert await new.movable.is_empty()
        (root / name).write_bytes(good)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged"),
        (b"[]", "damaged"),
        (b"{}", "damaged"),
        (b'{"format": 1}', "damaged"),
        (b'{"format": 2}', "newer version"),
        (b'{"format": "x"}', "damaged"),
    ],
)
def test_a_manifest_that_cannot_be_read_says_why(content: bytes, words: str) -> None:
    with pytest.raises(BadArchive, match=words):
        read_manifest(content)


async def test_other_keys_are_refused_before_anything_is_taken(old: Whole, place: LocalBlobStore, tmp_path: Path) -> None:
    manifest = await write(old, place)
    for keys in ((SigningKey("1", "another-secret-16"),), (SigningKey("2", "0123456789abcdef"),)):
        old.movable.key_of, right = Sealer(keys).key_of, old.movable.key_of  # type: ignore[method-assign]  # as if it had other keys
        with pytest.raises(BadArchive, match="ENCRYPTION_KEYS"):
            check_keys(manifest, old.movable)
        old.movable.key_of = right  # type: ignore[method-assign]  # as it was
    check_keys(manifest, old.movable)


async def test_rows_are_taken_only_if_as_much_opens_as_did(old: Whole, new: Whole, place: LocalBlobStore) -> None:
    manifest = await write(old, place)
    seal = manifest.seals["1"]
    with pytest.raises(BadArchive, match="other ones open"):
        await take(new, place, replace(manifest, seals={"1": replace(seal, count=seal.count + 1)}))
    assert await new.movable.is_empty()


async def test_filling_goes_on_where_it_was_broken_off(
    old: Whole, new: Whole, place: LocalBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = await write(old, place)
    taken = reading(new, place, manifest)
    blobs, put, stored = new.library.blobs, new.library.blobs.put, []

    async def away_after_one(path: Path, name: str, media_type: str) -> None:
        if stored:
            raise Unavailable("away")
        stored.append(name)
        await put(path, name, media_type)

    monkeypatch.setattr(blobs, "put", away_after_one)
    assert await begin(taken, keep_store=False)
    with pytest.raises(Unavailable):
        async with holding(new.library.database, new.library.clock, manifest.id, IMPORT):
            await take_blobs(taken)
    monkeypatch.setattr(blobs, "put", put)
    assert stored == [ORIGINAL]
    with pytest.raises(BadArchive, match="another archive, first"):
        await begin(reading(new, place, replace(manifest, id="other")), keep_store=False)
    assert await begin(taken, keep_store=False)
    again = await take_blobs(taken)
    assert (again.blobs, again.there) == (1, 1)
    await take_rows(taken)
    assert not await begin(taken, keep_store=False)
    await end_hold(new.library.database, IMPORT)
    with pytest.raises(BadArchive, match="not empty"):
        await begin(taken, keep_store=True)


async def test_a_store_with_bytes_is_taken_only_on_purpose(old: Whole, new: Whole, place: LocalBlobStore) -> None:
    manifest = await write(old, place)
    await store(new.library, ORIGINAL, CONTENT)
    with pytest.raises(BadArchive, match="--keep-store"):
        await begin(reading(new, place, manifest), keep_store=False)
    assert await begin(reading(new, place, manifest), keep_store=True)
    taken = await take_blobs(reading(new, place, manifest))
    assert (taken.blobs, taken.there) == (1, 1)


async def test_what_the_library_itself_had_lost_is_said(old: Whole, place: LocalBlobStore) -> None:
    await old.library.blobs.delete(ORIGINAL)
    manifest = await write(old, place)
    assert (manifest.missing, manifest.gone, manifest.blobs) == (1, 0, 1)


def test_names_say_which_archive_they_belong_to() -> None:
    assert archives.archive_of(archives.part_name("first", "assets", 1)) == archives.archive_of(manifest_name("first")) == "first"
    assert SHA256 in ORIGINAL
