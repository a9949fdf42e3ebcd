"""`spark-assets import` and `restore`: an empty library filled from an archive, and what was erased since erased again."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spark_assets.cli.moving import Options, Quick, as_operator, described, opened, say
from spark_assets.cli.output import FAILURE, NOT_FOUND, USAGE, explained, fail, print_json
from spark_assets.cli.session import AsJson, Home

if TYPE_CHECKING:
    from spark_assets.domain.archive import Manifest
    from spark_assets.operations.erased_blobs import Library
    from spark_assets.operations.reading import Taken
    from spark_assets.ports.moving import Archive, Movable
    from spark_assets.settings import Settings

KeepStore = Annotated[
    bool, typer.Option("--keep-store", help="The store may hold bytes already: this library's own, after the loss of its database.")
]


def import_archive(
    source: Annotated[str, typer.Argument(help="What 'export' has written: a file that ends in .tar, a folder, or an address.")],
    keep_store: KeepStore = False,
    quick: Quick = False,
    options: Options = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty library from an export, on whichever database and store the settings name. Broken off, run it again.

    It needs the ENCRYPTION_KEYS of the library that was exported, and ends with what 'doctor --verify' says.

    Example: spark-assets import library.tar
    """
    with explained():
        settings = _settings(home)
        found = _manifests(settings, source, options)
        if not found:
            fail(f"{source} holds no whole archive", NOT_FOUND)
        if len(found) > 1:
            fail(f"{source} holds {len(found)} archives: 'restore' takes one of them", USAGE)
        _fill(settings, source, options, found[0], keep_store=keep_store, quick=quick, as_json=as_json)


def restore(
    place: Annotated[str, typer.Argument(help="The folder or the address that 'backup' writes to.")],
    backup: Annotated[str | None, typer.Option(help="The ID of a backup; the newest without this.", show_default=False)] = None,
    at: Annotated[str | None, typer.Option(help="The newest up to a moment: 2026-11-29T12:00:00, in UTC.", show_default=False)] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Say which backups there are, and change nothing.")] = False,
    keep_store: KeepStore = False,
    quick: Quick = False,
    options: Options = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty library from a backup; what was erased since it was made is erased again. Broken off, run it again.

    Example: spark-assets restore s3://backups/library --at 2026-11-29T12:00:00
    """
    with explained():
        settings = _settings(home)
        before = None if at is None else _moment(at)
        found = _manifests(settings, place, options)
        if only_list:
            _list(found, as_json)
            return
        chosen = [one for one in found if backup in {None, one.id} and (before is None or one.taken_at <= before)]
        if not chosen:
            fail(f"{place} holds no such backup", NOT_FOUND)
        _fill(settings, place, options, chosen[-1], keep_store=keep_store, quick=quick, as_json=as_json)


def _settings(home: Path | None) -> "Settings":
    """The database is not prepared: it gets the schema of the archive first."""
    from spark_assets.observability import configure_logging
    from spark_assets.runtime.home import make_home
    from spark_assets.settings import load_settings

    settings = load_settings(home=home)
    configure_logging(settings.log_level, settings.log_format)
    make_home(settings)
    return settings


def _manifests(settings: "Settings", place: str, options: Path | None) -> "list[Manifest]":
    from spark_assets.operations.reading import manifests
    from spark_assets.runtime.moving import open_archive

    async def read() -> "list[Manifest]":
        archive = open_archive(settings, place, options)
        try:
            return await manifests(archive)
        finally:
            await archive.close()

    return asyncio.run(read())


def _fill(
    settings: "Settings", place: str, options: Path | None, manifest: "Manifest", *, keep_store: bool, quick: bool, as_json: bool
) -> None:
    from spark_assets.operations.reading import check_keys
    from spark_assets.runtime.databases import prepare_database
    from spark_assets.runtime.home import lock_home
    from spark_assets.runtime.moving import open_archive, open_movable, prepare_schema

    async def take() -> "Taken":
        archive = open_archive(settings, place, options)
        try:
            async with opened(settings) as (library, movable):
                return await _take(archive, manifest, library, movable, keep_store=keep_store)
        finally:
            await archive.close()

    with lock_home(settings) if settings.is_embedded else nullcontext():
        check_keys(manifest, open_movable(settings))
        prepare_schema(settings, manifest.schema)
        taken = asyncio.run(take())
        prepare_database(settings)
        ended = asyncio.run(_end(settings, place, options, manifest, quick=quick))
    _show(manifest, taken, ended, as_json)


async def _take(archive: "Archive", manifest: "Manifest", library: "Library", movable: "Movable", *, keep_store: bool) -> "Taken":
    """Bytes and rows. The hold on the sweeper stays, and says that there is something left to do."""
    from spark_assets.operations.filling import begin
    from spark_assets.operations.holding import IMPORT, holding
    from spark_assets.operations.reading import Reading, Taken, take_blobs, take_rows

    reading: Reading = Reading(archive, manifest, library, movable, say)
    if not await begin(reading, keep_store=keep_store):
        return Taken(there=manifest.blobs)
    async with holding(library.database, library.clock, manifest.id, IMPORT):
        taken = await take_blobs(reading)
        await take_rows(reading)
    return taken


async def _end(settings: "Settings", place: str, options: Path | None, manifest: "Manifest", *, quick: bool) -> dict[str, Any]:
    """Erase again what was erased since, look whether all promises hold, and let servers start."""
    from spark_assets.cli.examination import verify_promises
    from spark_assets.operations.erased_blobs import Library
    from spark_assets.operations.erasure_again import erase_again
    from spark_assets.operations.erasure_record import adopt_record
    from spark_assets.operations.holding import IMPORT, end_hold, holding
    from spark_assets.runtime.assembly import open_runtime
    from spark_assets.runtime.moving import open_archive

    archive = open_archive(settings, place, options)
    try:
        async with open_runtime(settings) as runtime:
            library = Library(runtime.database, runtime.blobs, runtime.clock, runtime.tools.spool)
            async with holding(runtime.database, runtime.clock, manifest.id, IMPORT):
                await adopt_record(library, archive)
                again = await erase_again(library, as_operator(runtime))
                await end_hold(runtime.database, IMPORT)
            findings = await verify_promises(runtime, quick=quick)
    finally:
        await archive.close()
    return {"again": again, "findings": findings}


def _show(manifest: "Manifest", taken: "Taken", ended: dict[str, Any], as_json: bool) -> None:
    from spark_assets.cli.drawing import draw_table

    again, findings = ended["again"], ended["findings"]
    if as_json:
        counts = {"blobs": taken.blobs, "bytes": taken.bytes, "blobs_there": taken.there}
        erased = {"assets": again.assets, "groups": again.groups, "bytes_freed": again.bytes_freed}
        names = ("part", "state", "message")
        told = [dict(zip(names, finding, strict=True)) for finding in findings]
        print_json({"archive": described(manifest), "taken": counts, "erased_again": erased, "findings": told})
    else:
        print(f"{manifest.id}: {manifest.rows} rows; {taken.blobs} blobs, {taken.bytes} bytes; {taken.there} blobs were there")
        if again.assets or again.groups:
            print(f"Erased again: {again.assets} assets, {again.groups} groups ({again.bytes_freed} bytes)")
        draw_table(("Part", "State", ""), findings)
    if any(state != "ok" for _, state, _ in findings):
        raise typer.Exit(FAILURE)


def _list(found: "list[Manifest]", as_json: bool) -> None:
    if as_json:
        print_json([described(manifest) for manifest in found])
        return
    from spark_assets.cli.drawing import draw_table
    from spark_assets.wire.times import rfc3339

    rows = [(one.id, rfc3339(one.taken_at), str(one.rows), str(one.blobs), str(one.bytes)) for one in found]
    draw_table(("Backup", "Taken at", "Rows", "Blobs", "Bytes"), rows)


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--at takes a moment such as 2026-11-29T12:00:00, not {text}", USAGE)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)
