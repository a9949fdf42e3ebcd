"""Places beside the library's own store, and the schema that an archive wants."""

from pathlib import Path

import pytest

from spark_assets.db import schema
from spark_assets.domain.archive import BadArchive
from spark_assets.runtime.databases import migrate_database, prepare_database, schema_of
from spark_assets.runtime.moving import open_archive, open_place, prepare_schema, writing_file
from spark_assets.settings import BadSettings, Settings


def test_an_empty_database_gets_the_schema_of_the_archive_and_then_the_newest(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    prepare_schema(settings, "0004")
    assert schema_of(settings).version == "0004"
    prepare_schema(settings, "0004")
    prepare_database(settings)
    assert schema_of(settings).version == schema.HEAD


def test_an_archive_of_another_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(BadArchive, match="use the newer version"):
        prepare_schema(settings, "9999")
    assert schema_of(settings).version is None
    migrate_database(settings)
    with pytest.raises(BadArchive, match="name a new database"):
        prepare_schema(settings, "0004")
    prepare_schema(settings, schema.HEAD)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://x/y", "is not understood"),
        ("s3://", "names no bucket"),
        ("s3://user:secret@bucket/x", "no credentials"),
        ("file:///dev/null", "no folder"),
        ("missing", "no folder"),
    ],
)
def test_a_place_that_is_none_is_refused(tmp_path: Path, address: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSettings, match=words):
        open_place(Settings(home=tmp_path), address, None)


async def test_a_new_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    place = open_place(Settings(home=tmp_path), str(tmp_path / "a" / "b"), None, is_new=True)
    await place.check()
    await place.close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", [None, "endpoint = ", 'access_key_idd = "x"'])
def test_options_that_cannot_be_used_are_refused(tmp_path: Path, text: str | None) -> None:
    options = tmp_path / "options.toml"
    if text is not None:
        options.write_text(text)
    with pytest.raises(BadSettings, match="cannot be used"):
        open_place(Settings(home=tmp_path), "s3://bucket/x", options)


async def test_options_take_the_place_of_the_environment(tmp_path: Path) -> None:
    options = tmp_path / "options.toml"
    options.write_text('endpoint = "http://127.0.0.1:9"\naccess_key_id = "KEYOFTHEOTHERSTORE"\nsecret_access_key = "x"\nregion = "here"\n')
    place = open_place(Settings(home=tmp_path, s3_endpoint="http://127.0.0.1:7"), "s3://bucket/x", options)
    address = await place.presigned_url("originals/a", 60)
    assert address is not None
    assert address.startswith("http://127.0.0.1:9/bucket/x/originals/a?")
    assert "KEYOFTHEOTHERSTORE" in address


async def test_an_archive_in_a_file_replaces_none(tmp_path: Path) -> None:
    file = tmp_path / "library.tar"
    with pytest.raises(BadArchive):
        open_archive(Settings(home=tmp_path), str(file), None)
    file.write_bytes(b"precious")
    with pytest.raises(BadSettings, match="another file"):
        async with writing_file(file):
            pass
    assert file.read_bytes() == b"precious"
    with pytest.raises(BadArchive, match="cannot be written"):
        async with writing_file(tmp_path / "none" / "library.tar"):
            pass
