"""`spark-assets erase`: removal for good, on the home's own library, whether a server runs on it or not."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from spark_assets.cli.answers import Answers, plain
from spark_assets.cli.output import USAGE, explained, fail, print_json
from spark_assets.cli.session import AsJson, DryRun, Home, NoInput, Quiet, Yes, confirm
from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.audit import OPERATOR
from spark_assets.domain.erasure import Erase, Receipt
from spark_assets.domain.errors import InvalidParameter

if TYPE_CHECKING:
    from spark_assets.settings import Settings


def erase(
    asset: Annotated[list[str] | None, typer.Option(help="An asset's ID; may be repeated.", show_default=False)] = None,
    group: Annotated[str | None, typer.Option(help="A group's ID: the group with all its assets.", show_default=False)] = None,
    project: Annotated[str | None, typer.Option(help="A project to empty; beside --tag, where the tag counts.", show_default=False)] = None,
    tag: Annotated[str | None, typer.Option(help="What bears this tag, in --project or else in 'default'.", show_default=False)] = None,
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
    from spark_assets.domain.ids import new_request_id
    from spark_assets.operations.call import Call
    from spark_assets.operations.erased_blobs import Library
    from spark_assets.operations.erasure import erase as erase_for_good
    from spark_assets.runtime.assembly import open_runtime

    async def run() -> Receipt:
        async with open_runtime(settings) as runtime:
            now = runtime.clock.now()
            caller = Caller(key_id=OPERATOR, scopes=frozenset({Scope.ADMIN}), project_ids=None)
            call = Call(caller=caller, request_id=new_request_id(now), now=now, terms=runtime.terms)
            return await erase_for_good(Library(runtime.database, runtime.blobs, runtime.clock), call, command)

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


def _sentence(receipt: Receipt) -> str:
    begin = "Would erase" if receipt.dry_run else f"Erasure {receipt.id}:"
    return (
        f"{begin} {len(receipt.asset_ids)} assets, {len(receipt.group_ids)} groups, {len(receipt.blobs)} blobs and "
        f"{receipt.renditions} renditions ({receipt.bytes_freed} bytes; {len(receipt.kept_blobs)} blobs stay for other assets), "
        f"{receipt.shares} shares, {receipt.sources} source addresses."
    )
