"""`spark-assets export` and `backup`: the library written down, while a server works on it or not."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from spark_assets.cli.moving import TAR, Options, described, opened, say
from spark_assets.cli.output import FAILURE, explained, print_json
from spark_assets.cli.session import AsJson, Home

if TYPE_CHECKING:
    from spark_assets.domain.archive import Manifest
    from spark_assets.ports.blobs import BlobStore
    from spark_assets.ports.moving import Archive
    from spark_assets.settings import Settings

_ABANDONED: Final = 86_400.0
"""Seconds after which parts without a manifest belong to no backup that is still being written."""


def export(
    target: Annotated[str, typer.Argument(help="A file that ends in .tar; or an empty folder, or the address of an empty bucket.")],
    options: Options = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole library down, for another database or another machine: rows, stored bytes, the record of erasures.

    Secrets stay sealed: whoever imports it needs the same ENCRYPTION_KEYS.

    Example: spark-assets export library.tar
    """
    from spark_assets.cli.local import prepared_settings
    from spark_assets.runtime.databases import prepare_whole_database
    from spark_assets.runtime.moving import open_place

    with explained():
        settings = prepared_settings(home, prepare_whole_database)
        if target.endswith(TAR):
            manifest = asyncio.run(_write_file(settings, Path(target)))
        else:
            manifest = asyncio.run(_write_place(settings, open_place(settings, target, options, is_new=True), must_be_new=True))
    _show(manifest, target, as_json)


def backup(
    place: Annotated[str, typer.Argument(help="A folder, or the address of a bucket, for backups alone.")],
    options: Options = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add a backup to a place that holds many: bytes that lie there already are not copied again.

    The sweeper is held meanwhile; the database is copied first, as it is at one moment. A server may be at work.

    Example: spark-assets backup s3://backups/library
    """
    from spark_assets.cli.local import prepared_settings
    from spark_assets.runtime.databases import prepare_whole_database
    from spark_assets.runtime.moving import open_place

    with explained():
        settings = prepared_settings(home, prepare_whole_database)
        manifest = asyncio.run(_write_place(settings, open_place(settings, place, options, is_new=True), must_be_new=False))
    _show(manifest, place, as_json)


async def _write_file(settings: "Settings", path: Path) -> "Manifest":
    from spark_assets.runtime.moving import writing_file

    async with writing_file(path) as archive:
        return await _write(settings, archive)


async def _write_place(settings: "Settings", place: "BlobStore", *, must_be_new: bool) -> "Manifest":
    from spark_assets.domain.archive import ARCHIVES, BadArchive

    try:
        if must_be_new and [blob async for blob in place.list(ARCHIVES)]:
            raise BadArchive("the place holds an archive already, or a part of one: name another place; 'backup' adds to one")
        await _clear(place)
        return await _write(settings, place)
    finally:
        await place.close()


async def _clear(place: "BlobStore") -> None:
    """Remove what backups left behind that were broken off: parts without a manifest."""
    from spark_assets.domain.archive import ARCHIVES, MANIFEST, archive_of

    parts = [blob async for blob in place.list(ARCHIVES)]
    whole = {archive_of(blob.name) for blob in parts if blob.name.endswith(f"/{MANIFEST}")}
    for blob in parts:
        if archive_of(blob.name) not in whole and blob.written_at < time.time() - _ABANDONED:
            await place.delete(blob.name)


async def _write(settings: "Settings", archive: "Archive") -> "Manifest":
    from spark_assets.domain.ids import TaskIds
    from spark_assets.operations.writing import Writing, write_archive
    from spark_assets.runtime.moving import SCHEMA

    async with opened(settings) as (library, movable):
        archive_id = TaskIds().new(library.clock.now())
        return await write_archive(Writing(library, movable, SCHEMA, archive, archive_id, say))


def _show(manifest: "Manifest", place: str, as_json: bool) -> None:
    if as_json:
        print_json({"place": place, **described(manifest)})
    else:
        print(f"{manifest.id}: {manifest.rows} rows, {manifest.blobs} blobs, {manifest.bytes} bytes")
    if manifest.gone:
        say(f"{manifest.gone} blobs were erased, or not needed any more, before they were copied.")
    if manifest.missing:
        say(f"{manifest.missing} blobs are not there: the library itself has lost them; run 'spark-assets doctor --verify'.")
        raise typer.Exit(FAILURE)
