"""The command `spark-assets`."""

import sys
from typing import Annotated

import typer

from spark_assets import __version__
from spark_assets.cli.commands import Commands
from spark_assets.cli.output import FAILURE, INTERRUPTED

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    help="Spark Assets: a self-hosted media asset library that speaks the Spark Asset API.",
    epilog="Example: spark-assets login, then: spark-assets assets upload *.jpg --group photos --create-group",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # what draws pages of help in colour takes longer to load than all the rest
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"spark-assets {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Options of every command."""


def main() -> None:
    """The entry point. What a command leaves unexplained is the system's word on its own output, such as a full disk."""
    try:
        app()
    except OSError as error:
        print(f"spark-assets: {error.strerror or error}", file=sys.stderr)
        sys.exit(FAILURE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
