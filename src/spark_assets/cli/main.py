"""The command `spark-assets`."""

from typing import Annotated

import typer

from spark_assets import __version__
from spark_assets.cli import access_keys, demo, doctor, erase, keys, projects, serve, usage

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Spark Assets: a self-hosted media asset library that speaks the Spark Asset API.",
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command()(serve.worker)
app.command()(serve.migrate)
app.command()(doctor.doctor)
app.command()(usage.usage)
app.command()(erase.erase)
app.command()(demo.demo)
app.add_typer(keys.app, name="keys")
app.add_typer(access_keys.app, name="access-keys")
app.add_typer(projects.app, name="projects")


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
    """The entry point."""
    app()
