"""`spark-assets secrets`: what signs and what encrypts, made anew while nothing that is stored gets lost."""

import asyncio
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from spark_assets.cli.output import RETRYABLE, USAGE, explained, fail, print_json
from spark_assets.cli.session import AsJson, DryRun, Home

if TYPE_CHECKING:
    from spark_assets.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What signs and what encrypts.", epilog="Example: spark-assets secrets rotate")


class Use(msgspec.Struct, frozen=True):
    """What an encryption key is there for."""

    id: str
    values: int
    """How many it has sealed that are still stored."""
    role: str
    """`seals`, `opens`, or `gone`: it is not among the keys, and its values cannot be read."""


@app.command()
def rotate(
    end_links: Annotated[
        bool, typer.Option("--end-links", help="Let no link work on that was signed before; keys made in the home alone.")
    ] = False,
    dry_run: DryRun = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Encrypt anew, with the first key, what another one has encrypted. Keys that the home made are made anew before.

    May run again after it was interrupted. Ends with 7 while a server still encrypts with a key that is not the first here.

    Example: spark-assets secrets rotate
    """
    from spark_assets.observability import configure_logging
    from spark_assets.runtime.databases import prepare_whole_database
    from spark_assets.runtime.home import lock_home, make_home
    from spark_assets.runtime.secrets import are_in_home
    from spark_assets.settings import load_settings

    with explained():
        settings = load_settings(home=home)
        if end_links and settings.signing_keys.get_secret_value():
            fail("SPARK_ASSETS_SIGNING_KEYS says what signs: links end when the key that signed them is taken out there", USAGE)
        configure_logging(settings.log_level, settings.log_format)
        make_home(settings)
        # A server that runs would not know the fresh keys.
        with lock_home(settings) if are_in_home(settings) and not dry_run else nullcontext():
            prepare_whole_database(settings)
            renewed = 0 if dry_run else _rotate(settings, end_links=end_links)
            uses = _uses(settings)
    if as_json:
        print_json({"renewed": renewed, "keys": [msgspec.to_builtins(use) for use in uses]})
    else:
        _show(uses, renewed)
    if not dry_run and any(use.role == "opens" and use.values for use in uses):
        raise typer.Exit(RETRYABLE)


def _rotate(settings: "Settings", *, end_links: bool) -> int:
    """How many values were sealed anew. A kill anywhere leaves keys that open everything, and the next run does the rest."""
    from spark_assets.cli.local import with_database
    from spark_assets.operations.secrets import seal_anew
    from spark_assets.runtime.secrets import renew_encryption_keys, renew_signing_keys, retire_encryption_keys

    renew_encryption_keys(settings, _count(settings))
    renewed = asyncio.run(with_database(settings, seal_anew))
    retire_encryption_keys(settings, [key_id for key_id, values in _count(settings).items() if values])
    renew_signing_keys(settings, end_links=end_links)
    return renewed


def _count(settings: "Settings") -> dict[str, int]:
    """How many values each key has sealed, the first key first."""
    from spark_assets.cli.local import with_database
    from spark_assets.operations.secrets import count

    return asyncio.run(with_database(settings, count))


def _uses(settings: "Settings") -> list[Use]:
    from spark_assets.runtime.secrets import encryption_keys

    first, *others = [key.id for key in encryption_keys(settings)]
    roles = {**dict.fromkeys(others, "opens"), first: "seals"}
    return [Use(key_id, values, roles.get(key_id, "gone")) for key_id, values in _count(settings).items()]


def _show(uses: list[Use], renewed: int) -> None:
    from spark_assets.cli.drawing import draw_table

    draw_table(("Key", "Encrypted values", "Role"), [(use.id, str(use.values), use.role) for use in uses])
    print(f"{renewed} values were encrypted anew.", file=sys.stderr)
    for use in uses:
        if use.role == "gone":
            print(f"'{use.id}' is not among the keys: what it has encrypted cannot be read.", file=sys.stderr)
        elif use.role == "opens" and use.values:
            print(f"'{use.id}' is still needed: put the new key first on every server and worker, then run this again.", file=sys.stderr)
        elif use.role == "opens":
            print(f"'{use.id}' has encrypted nothing that is stored now; only older copies of the database need it.", file=sys.stderr)
