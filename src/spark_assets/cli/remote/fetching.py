"""`assets download` and `assets open`: bytes on their way to people."""

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from spark_assets.cli.output import FAILURE, USAGE, fail, print_json
from spark_assets.cli.session import Session, over_http

if TYPE_CHECKING:
    from spark_assets.client import Asset

_ENDINGS: Final = {"jpeg": (".jpg", ".jpeg"), "tiff": (".tiff", ".tif"), "heif": (".heif", ".heic"), "heic": (".heic", ".heif")}
"""Endings that a file of a format may have, the usual one first; elsewhere it is the format's own name."""
_LONGEST_NAME: Final = 200
"""Bytes of a file's name before its ending: file systems take 255 in all."""


@over_http
def download(
    session: Session,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="IDs of assets.", show_default=False)],
    output: Annotated[str, typer.Option("--output", "-o", metavar="PATH", help="A folder, a file (for one asset), or - for stdout.")] = ".",
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Download assets, whole or not at all, and check their hashes.

    Example: spark-assets assets download asset-20261122123357-zbtk7 --output photos/
    """
    if output == "-":
        if len(ids) != 1:
            fail("one asset at a time can go to stdout", USAGE)
        session.client.assets.download(ids[0], sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    target = Path(output)
    if (len(ids) > 1 or output.endswith("/")) and not target.is_dir():
        if target.exists():
            fail(f"{target} is a file, and several assets need a folder", USAGE)
        target.mkdir(parents=True)
    written = []
    for asset_id in ids:
        asset = session.client.assets.get(asset_id)
        path = target / file_name(asset) if target.is_dir() else target
        if path.exists() and not force:
            fail(f"{path} is there already: --force overwrites it, --output names another place", FAILURE)
        _fetch(session, asset, path)
        written.append({"id": asset.id, "path": str(path)})
    if session.as_json:
        print_json(written)
        return
    for one in written:
        print(one["id"] if session.quiet else one["path"])


@over_http
def open_asset(
    session: Session, asset_id: Annotated[str, typer.Argument(metavar="ID", help="The asset's ID.", show_default=False)]
) -> None:
    """Print a link to an asset's bytes that works for 12 hours, and on a terminal open it in the browser.

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


def _fetch(session: Session, asset: "Asset", path: Path) -> None:
    from spark_assets.cli.remote.bars import open_bars

    with open_bars([path.name], is_single=True) as bars:
        session.client.assets.download(asset.id, path, on_progress=lambda got, of: bars.tell(0, got, of, "receiving"))
