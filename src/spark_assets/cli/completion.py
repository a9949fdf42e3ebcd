"""`spark-assets completion`: what a shell needs to complete commands."""

from enum import Enum
from typing import Annotated, Final

import typer

from spark_assets.cli.commands import VARIABLE

PROGRAM: Final = "spark-assets"


class Shell(Enum):
    """The shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Yours.", show_default=False)]) -> None:
    """Print a script that completes commands and options, for your shell's start file.

    bash: spark-assets completion bash > ~/.local/share/bash-completion/completions/spark-assets

    zsh: spark-assets completion zsh > "${fpath[1]}/_spark-assets"

    fish: spark-assets completion fish > ~/.config/fish/completions/spark-assets.fish

    Example: source <(spark-assets completion bash)
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # imported there for this use

    print(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell.value))
