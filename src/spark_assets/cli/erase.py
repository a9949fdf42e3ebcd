"""`spark-assets erase`: removal for good, on the home's own library, whether a server runs on it or not."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from spark_assets.cli.answers import Answers, plain
from spark_assets.cli.moving import as_operator
from spark_assets.cli.output import USAGE, explained, fail, print_json
from spark_assets.cli.session import AsJson, DryRun, Home, NoInput, Quiet, Yes, confirm
from spark_assets.domain.erasure import Erase, Receipt
from spark_assets.domain.errors import InvalidParameter

if TYPE_CHECKING:
    from spark_assets.operations.erasure_again import Again
    from spark_assets.settings import Settings


def erase(
    asset: Annotated[list[str] | None, typer.Option(help="An asset's ID; may be repeated.", show_default=False)] = None,
    group: Annotated[str | None, typer.Option(help="A group's ID: the group with all its assets.", show_default=False)] = None,
    project: Annotated[str | None, typer.Option(help="A project to empty; beside --tag, where the tag counts.", show_default=False)] = None,
    tag: Annotated[str | None, typer.Option(help="What bears this tag, in --project or else in 'default'.", show_default=False)] = None,
    again: Annotated[bool, typer.Option("--again", help="What was erased before, after an older database came back.")] = False,
    record: Annotated[str | None, typer.Option(help="With --again: another place whose record counts too.", show_default=False)] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    no_input: NoInput = False,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Remove for good, at once, in the trash or not; the receipt says what went.

    Example: spark-assets erase --asset asset-2026... --dry-run
    """
    from spark_assets.cli.local import prepared_settings

    if again:
        if asset or group or project or tag or dry_run:
            fail("--again stands alone, or beside --record: it erases what the record of erasures says", USAGE)
        with explained():
            _show_again(_run_again(prepared_settings(home), record), as_json)
        return
    command = Erase(asset_ids=tuple(dict.fromkeys(asset or [])), group_id=group, project=project, tag=tag, dry_run=True)
    with explained():
        try:
            command.check()
        except InvalidParameter:
            fail("name exactly one of --asset, --group, --project and --tag; --project may stand beside --tag", USAGE)
        settings = prepared_settings(home)
        if not dry_run and not yes:
            confirm(f"{_sentence(_run(settings, command))} This cannot be undone.", yes=yes, no_input=no_input)
        receipt = _run(settings, replace(command, dry_run=dry_run))
    _show(Answers(as_json=as_json, quiet=quiet), receipt)


def _run(settings: "Settings", command: Erase) -> Receipt:
    """On the library that the settings name, as the operator."""
    from spark_assets.operations.erased_blobs import Library
    from spark_assets.operations.erasure import erase as erase_for_good
    from spark_assets.runtime.assembly import open_runtime

    async def run() -> Receipt:
        async with open_runtime(settings) as runtime:
            library = Library(runtime.database, runtime.blobs, runtime.clock, runtime.tools.spool)
            return await erase_for_good(library, as_operator(runtime), command)

    return asyncio.run(run())


def _run_again(settings: "Settings", record: str | None) -> "Again":
    """What the library's own record says, and that of another place."""
    from spark_assets.operations.erased_blobs import Library
    from spark_assets.operations.erasure_again import erase_again
    from spark_assets.operations.erasure_record import adopt_record
    from spark_assets.runtime.assembly import open_runtime
    from spark_assets.runtime.moving import open_archive

    async def run() -> "Again":
        async with open_runtime(settings) as runtime:
            library = Library(runtime.database, runtime.blobs, runtime.clock, runtime.tools.spool)
            if record is not None:
                other = open_archive(settings, record, None)
                await adopt_record(library, other)
                await other.close()
            return await erase_again(library, as_operator(runtime))

    return asyncio.run(run())


def _show(answers: Answers, receipt: Receipt) -> None:
    from spark_assets.wire.erasure import erasure_body

    if answers.as_json:
        print_json(plain(erasure_body(receipt)))
        return
    if answers.quiet:
        for one in (*receipt.asset_ids, *receipt.group_ids):
            print(one)
    else:
        print(_sentence(receipt))
    if receipt.unknown_asset_ids:
        answers.say(f"Not there: {', '.join(receipt.unknown_asset_ids)}.")
    if receipt.pending_blobs:
        answers.say(f"The bytes of {len(receipt.pending_blobs)} could not be removed now; a running server removes them.")
    if not receipt.complete:
        answers.say("That is not all: run the same command again.")


def _show_again(again: "Again", as_json: bool) -> None:
    if as_json:
        print_json({"assets": again.assets, "groups": again.groups, "bytes_freed": again.bytes_freed})
    else:
        print(f"Erased again: {again.assets} assets, {again.groups} groups ({again.bytes_freed} bytes).")


def _sentence(receipt: Receipt) -> str:
    begin = "Would erase" if receipt.dry_run else f"Erasure {receipt.id}:"
    return (
        f"{begin} {len(receipt.asset_ids)} assets, {len(receipt.group_ids)} groups, {len(receipt.blobs)} blobs and "
        f"{receipt.renditions} renditions ({receipt.bytes_freed} bytes; {len(receipt.kept_blobs)} blobs stay for other assets), "
        f"{receipt.shares} shares, {receipt.sources} source addresses."
    )
