"""`demo`: the whole service once through, on a throw-away server."""

from typing import Annotated

import typer


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the server running until Ctrl+C, and say how to go on with curl.")] = False,
) -> None:
    """Start a throw-away server, register a picture, a clip and a sound, and download one.

    Example: spark-assets demo --keep
    """
    from spark_assets.cli.demo_story import run

    raise typer.Exit(run(keep=keep))
