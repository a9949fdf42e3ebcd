"""`assets download` and `assets open`: bytes on their way to people."""

import asyncio
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from spark_assets.cli.output import FAILURE, INTERRUPTED, USAGE, fail, print_json
from spark_assets.cli.session import Session, over_http

if TYPE_CHECKING:
    from spark_assets.cli.remote.bars import Bars
    from spark_assets.client import Asset, AsyncClient

_ENDINGS: Final = {"jpeg": (".jpg", ".jpeg"), "tiff": (".tiff", ".tif"), "heif": (".heif", ".heic"), "heic": (".heic", ".heif")}
"""Endings that a file of a format may have, the usual one first; elsewhere it is the format's own name."""
_LONGEST_NAME: Final = 200
"""Bytes of a file's name before its ending: file systems take 255 in all."""


@dataclass
class Fetched:
    """An asset on its way to a file."""

    asset_id: str
    path: Path | None = None
    """Where it is, once it is there whole."""
    error: Exception | None = None


@dataclass
class Target:
    """Where the files of one command are written."""

    place: Path
    """A folder, or the one file."""
    force: bool
    """Whether files that are there are overwritten."""
    _taken: set[Path] = field(default_factory=set)

    def path_of(self, asset: "Asset") -> Path:
        """Where an asset goes: two of the same name do not overwrite each other. Raises FileExistsError."""
        path = self.place / file_name(asset) if self.place.is_dir() else self.place
        if path in self._taken:
            path = path.with_name(f"{path.stem}-{asset.id}{path.suffix}")
        if path.exists() and not self.force:
            raise FileExistsError(f"{path} is there already: --force overwrites it, --output names another place")
        self._taken.add(path)
        return path


@over_http
def download(
    session: Session,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="IDs of assets.", show_default=False)],
    output: Annotated[str, typer.Option("--output", "-o", metavar="PATH", help="A folder, a file (for one asset), or - for stdout.")] = ".",
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="So many at once.")] = 4,
) -> None:
    """Download assets, whole or not at all, and check their hashes.

    Example: spark-assets assets download asset-20261122123357-zbtk7 --output photos/
    """
    from spark_assets.cli.remote.failures import common_code

    wanted = list(dict.fromkeys(ids))
    if output == "-":
        if len(wanted) != 1:
            fail("one asset at a time can go to stdout", USAGE)
        session.client.assets.download(wanted[0], sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    fetched = [Fetched(asset_id) for asset_id in wanted]
    target = Target(_place(output, is_single=len(wanted) == 1), force)
    try:
        asyncio.run(_download(session, fetched, target, jobs))
    except KeyboardInterrupt:
        _show(session, fetched)
        fail("interrupted; what is not there whole is not there at all", INTERRUPTED)
    _show(session, fetched)
    code = common_code([one.error for one in fetched if one.error is not None])
    if code:
        raise typer.Exit(code)


@over_http
def open_asset(
    session: Session, asset_id: Annotated[str, typer.Argument(metavar="ID", help="The asset's ID.", show_default=False)]
) -> None:
    """Open an asset's bytes in the browser, and print a link to them.

    The link works for 12 hours; where stdout is no terminal, it is only printed.

    Example: spark-assets assets open asset-20261122123357-zbtk7
    """
    asset = session.client.assets.get(asset_id)
    if asset.url is None:
        fail(f"{asset.id} is {asset.status} and has no bytes to open", FAILURE)
    if session.as_json:
        print_json({"id": asset.id, "url": asset.url})
        return
    print(asset.url)
    if sys.stdout.isatty() and not session.quiet and not webbrowser.open(asset.url):
        session.say("No browser could be opened; the link above is the way.")


def file_name(asset: "Asset") -> str:
    """A name for an asset's file: its own, as far as a file may be called so, with an ending that fits its format."""
    cleaned = "".join(one if one.isprintable() and one not in '/\\:*?"<>|' else "_" for one in asset.name).strip().lstrip(".")
    format_name = asset.format or ""
    endings = _ENDINGS.get(format_name, (f".{format_name}",)) if format_name else ("",)
    given = next((ending for ending in endings if ending and cleaned.lower().endswith(ending)), None)
    stem, ending = (cleaned[: -len(given)], cleaned[-len(given) :]) if given else (cleaned, endings[0])
    return (stem.encode()[:_LONGEST_NAME].decode(errors="ignore") or asset.id) + ending


def _place(output: str, *, is_single: bool) -> Path:
    """What `--output` means. Ends the command where there can be no such file or folder."""
    place = Path(output)
    if not place.is_dir() and (output.endswith("/") or not is_single):
        if place.exists():
            fail(f"{place} is a file, and several assets need a folder", USAGE)
        place.mkdir(parents=True)
    elif not place.is_dir() and not place.parent.is_dir():
        fail(f"there is no folder {place.parent}", USAGE)
    return place


async def _download(session: Session, fetched: Sequence[Fetched], target: Target, jobs: int) -> None:
    """Download them, so many at once; what became of each is written there. One that fails stops no other."""
    from spark_assets.cli.remote.bars import open_bars
    from spark_assets.client import AsyncClient, SparkAssetsError
    from spark_assets.client.asynchronous.means import each

    connection = session.connection
    async with AsyncClient(connection.base_url, connection.key) as client:
        with open_bars([one.asset_id for one in fetched], is_single=len(fetched) == 1) as bars:

            async def fetch(number: int) -> Path:
                return await _fetch(client, fetched[number].asset_id, target, bars, number)

            async for number, outcome in each(fetch, range(len(fetched)), jobs):
                if isinstance(outcome, Path):
                    fetched[number].path = outcome
                elif isinstance(outcome, SparkAssetsError | OSError | ValueError):
                    fetched[number].error = outcome
                else:
                    raise outcome
                bars.end(number, "received" if isinstance(outcome, Path) else "failed")


async def _fetch(client: "AsyncClient", asset_id: str, target: Target, bars: "Bars", number: int) -> Path:
    asset = await client.assets.get(asset_id)
    path = target.path_of(asset)
    await client.assets.download(asset.id, path, on_progress=lambda got, of: bars.tell(number, got, of, "receiving"))
    return path


def _show(session: Session, fetched: Sequence[Fetched]) -> None:
    """The files on stdout, and on stderr why others are not there."""
    from spark_assets.cli.remote.failures import sentence
    from spark_assets.cli.remote.outcomes import error_document

    if session.as_json:
        rows = [(one.asset_id, one.path and str(one.path), one.error and error_document(one.error)) for one in fetched]
        print_json([dict(zip(("id", "path", "error"), row, strict=True)) for row in rows])
    for one in fetched:
        if one.path is not None and not session.as_json:
            print(one.asset_id if session.quiet else one.path)
        elif one.error is not None:
            session.say(f"{one.asset_id}: {sentence(one.error)}")
