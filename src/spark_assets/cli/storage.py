"""`spark-assets storage`: the store itself."""

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from spark_assets.cli.moving import opened, say
from spark_assets.cli.output import FAILURE, explained, print_json
from spark_assets.cli.session import AsJson, Home

if TYPE_CHECKING:
    from spark_assets.operations.copying import Copied
    from spark_assets.ports.blobs import BlobStore
    from spark_assets.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="The store of bytes: copy it to another one.",
    epilog="Example: spark-assets storage copy file:///var/lib/spark-assets/blobs s3://bucket/library",
)


@app.command()
def copy(
    source: Annotated[str, typer.Argument(help="Where the bytes are: file:///folder, s3://bucket/prefix, gs://..., az://...")],
    target: Annotated[str, typer.Argument(help="Where they shall be.")],
    from_options: Annotated[Path | None, typer.Option(help="A TOML file with the settings of the source.", show_default=False)] = None,
    to_options: Annotated[Path | None, typer.Option(help="A TOML file with the settings of the target.", show_default=False)] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy every blob, and read each back by its hash.

    Stopped, the same command goes on where it was. Nothing is removed from either store. A server may be at work: stop it and run
    the command once more before it moves over.

    Example: spark-assets storage copy file:///var/lib/spark-assets/blobs s3://bucket/library
    """
    from spark_assets.cli.local import prepared_settings
    from spark_assets.runtime.databases import prepare_whole_database
    from spark_assets.runtime.moving import open_place

    with explained():
        settings = prepared_settings(home, prepare_whole_database)
        places = open_place(settings, source, from_options), open_place(settings, target, to_options, is_new=True)
        name = hashlib.sha256(f"{source}\n{target}".encode()).hexdigest()[:16]
        copied = asyncio.run(_copy(settings, *places, settings.home / f"storage-copy-{name}.jsonl"))
    if as_json:
        print_json(msgspec.to_builtins(copied))
    else:
        print(_sentence(copied))
    if copied.damaged:
        shown = ", ".join(copied.examples)
        say(f"{copied.damaged} blobs are not what their names promise, or did not read back as they were: {shown}")
        raise typer.Exit(FAILURE)


async def _copy(settings: "Settings", source: "BlobStore", target: "BlobStore", journal: Path) -> "Copied":
    from spark_assets.operations.copying import Copying, copy_store

    def report(copied: "Copied") -> None:
        if sys.stderr.isatty():
            print(f"\r{_sentence(copied)}\033[K", end="", file=sys.stderr, flush=True)

    try:
        async with opened(settings) as (library, _):
            return await copy_store(Copying(source, target, library.database, library.spool, journal, library.clock), report)
    finally:
        await source.close()
        await target.close()


def _sentence(copied: "Copied") -> str:
    return (
        f"{copied.copied} blobs copied ({copied.bytes} bytes) and read back, {copied.there} were there and are the same, "
        f"{copied.known} had been read back before, {copied.gone} are gone from the source, {copied.damaged} are damaged"
    )
